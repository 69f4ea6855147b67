import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { isJoinAddress, joinCommand, keepJoinPlace, readJoinPlace } from '../../../edge/join-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'porthole-join-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fingerprint = 'ab'.repeat(32);

it('keeps how an edge is joined in its data folder, for nobody else to read', () => {
  expect(readJoinPlace(folder)).toBeUndefined();
  expect(keepJoinPlace(folder, { domain: 'example.com', httpsPort: 8443, fingerprint })).toBe(true);
  expect(readJoinPlace(folder)).toEqual({ domain: 'example.com', httpsPort: 8443, fingerprint });
  expect(statSync(join(folder, 'join.json')).mode & 0o077).toBe(0);
  keepJoinPlace(folder, { domain: 'example.com', httpsPort: 443 });
  expect(readFileSync(join(folder, 'join.json'), 'utf8')).not.toContain('fingerprint');
});

it.each([
  '',
  'x',
  '[]',
  '{"domain":"a.b"}',
  '{"domain":"a.b","httpsPort":0}',
  '{"domain":"a.b","httpsPort":1,"fingerprint":"$(x)"}',
])('takes %j for nothing', (text) => {
  writeFileSync(join(folder, 'join.json'), text);
  expect(readJoinPlace(folder)).toBeUndefined();
});

it('says so when the folder takes nothing', () => {
  expect(keepJoinPlace(join(folder, 'absent'), { domain: 'a.b', httpsPort: 443 })).toBe(false);
});

it.each([
  [{ domain: 'example.com', httpsPort: 443 }, undefined, 'https://example.com --token phj_x'],
  [
    { domain: 'example.com', httpsPort: 8443, fingerprint },
    undefined,
    `https://example.com:8443 --token phj_x --fingerprint ${fingerprint}`,
  ],
  [
    { domain: 'example.com', httpsPort: 8443, fingerprint },
    '10.0.0.5',
    `https://10.0.0.5 --token phj_x --fingerprint ${fingerprint}`,
  ],
  [undefined, 'edge.example.com:444', 'https://edge.example.com:444 --token phj_x'],
  [undefined, undefined, 'https://ADDRESS-OF-THE-EDGE --token phj_x'],
])('makes the command for %j at %j', (place, address, rest) => {
  expect(joinCommand('phj_x', place, address)).toBe(`porthole join ${rest}`);
});

it('takes no address that a shell or a URL reads as something else', () => {
  for (const text of ['a.b', 'a.b:443', '10.0.0.5', '[::1]:8443', 'edge']) expect(isJoinAddress(text)).toBe(true);
  for (const text of ['', 'a b', 'a;b', 'a.b/x', '$(x)', 'a.b:99999', '-x', 'a.b:', 'https://a.b', '::1'])
    expect(isJoinAddress(text)).toBe(false);
});
