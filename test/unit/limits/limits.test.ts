import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommand } from '../../../edge/config.ts';
import {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  parseLimit,
  parseLimitsFile,
  settingName,
  writeLimit,
} from '../../../edge/limits.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'porthole-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => {
  const command = parseCommand(['--domain', 'a.test', '--data-dir', folder, ...args]);
  if (!command.ok) return command.error.failure.message;
  return command.value.kind === 'run' ? command.value.config.limits : undefined;
};
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('a limit', () => {
  it.each([
    ['connections', '17', 'connections', 17],
    ['header-size', '32KiB', 'headerSize', 32_768],
    ['header-size', '32768', 'headerSize', 32_768],
    ['h2-overhead-rate', '1m', 'h2OverheadRate', 1_048_576],
    ['header-time', '500ms', 'headerTime', 500],
    ['idle-time', '2m', 'idleTime', 120_000],
    ['body-idle-time', '7s', 'bodyIdleTime', 7_000],
  ] as const)('%s=%s is read', (setting, text, name, value) => {
    expect(parseLimit(setting, text)).toEqual({ ok: true, value: [name, value] });
  });

  it.each([
    ['connections', '0', 'a whole number from 1 to 1000000'],
    ['connections', '1e3', 'a whole number'],
    ['connections', '10s', 'a whole number'],
    ['header-size', '64', 'a size such as 64KiB from 1KiB to 256KiB'],
    ['header-size', '10s', 'a size'],
    ['header-time', '10', 'a time such as 500ms, 10s or 2m from 100ms to 3600s'],
    ['header-time', '-1s', 'a time'],
    ['headerSize', '64KiB', 'no limit "headerSize"'],
    ['constructor', '1', 'no limit "constructor"'],
  ])('%s=%s is refused with what would do', (setting, text, sentence) => {
    const limit = parseLimit(setting, text);
    expect(limit.ok ? '' : limit.error).toContain(sentence);
  });

  it.each(LIMIT_NAMES)('%s can be written and read again', (name) => {
    const value = DEFAULT_LIMITS[name];
    expect(parseLimit(settingName(name), writeLimit(name, value))).toEqual({ ok: true, value: [name, value] });
  });
});

describe('the command line', () => {
  it('takes limits from a file, from their own options, and one by one: the last word counts', () => {
    const path = file('good.json', '{"connections": 5, "header-size": "8KiB", "udp-queue": 9}');
    const limits = run(
      '--limits',
      path,
      '--max-connections',
      '6',
      '--limit',
      'udp-queue=10',
      '--limit',
      'udp-queue=11',
    );
    expect(limits).toEqual({ ...DEFAULT_LIMITS, connections: 6, headerSize: 8192, udpQueue: 11 });
  });

  it.each([
    ['no JSON', 'It is not JSON.'],
    ['[]', 'It is not a JSON object.'],
    ['{"idle-time": true}', 'idle-time is no number and no text.'],
    ['{"idle": "10s"}', 'There is no limit "idle"'],
    ['{"idle-time": "1ms"}', 'The limit idle-time takes'],
  ])('refuses the file %s', (text, sentence) => {
    expect(run('--limits', file('bad.json', text))).toContain(sentence);
    expect(parseLimitsFile(text).ok).toBe(false);
  });

  it('refuses a file that is not there, and limits that are none', () => {
    expect(run('--limits', join(folder, 'absent'))).toContain('ENOENT');
    expect(run('--limit', 'connections')).toContain('--limit takes NAME=VALUE');
    expect(run('--limit', 'connections=1=2')).toContain('--limit takes NAME=VALUE');
  });
});

it('docs/limits.md lists every limit with its default', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../docs/limits.md'), 'utf8');
  const rows = new Map(
    [...text.matchAll(/^\| `([a-z0-9-]+)` \| ([^|]+?) \|/gm)].map(([, name, value]) => [name, value]),
  );
  for (const name of LIMIT_NAMES)
    expect([name, rows.get(settingName(name))]).toEqual([name, writeLimit(name, DEFAULT_LIMITS[name])]);
});
