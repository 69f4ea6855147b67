import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Claims, type Expected, readSession, signSession, TOKEN_LIMIT } from '../../../edge/auth/session-token.ts';

const pair = generateKeyPairSync('ed25519');
const NOW = Date.UTC(2026, 0, 1);
const AT = NOW / 1000;
const EXPECTED: Expected = { iss: 'https://edge.test', aud: 'app.edge.test', service: 's1', epoch: 3 };
const CLAIMS: Omit<Claims, 'jti'> = { ...EXPECTED, sub: 'x', iat: AT, nbf: AT, exp: AT + 86_400, method: 'pin' };

const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const ed25519 = (head: unknown, claims: unknown, key: KeyObject = pair.privateKey): string => {
  const text = `${b64(head)}.${b64(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
};
const HEAD = { alg: 'EdDSA', typ: 'JWT' };
const read = (token: string, now = NOW): Claims | undefined => readSession(token, pair.publicKey, EXPECTED, now);

describe('a session token', () => {
  it('says what it was made of', () => {
    const groups = ['a', 'ü'];
    const token = signSession({ ...CLAIMS, email: 'ana@example.com', groups, name: 'Ana' }, pair.privateKey);
    expect(read(token)).toEqual({ ...CLAIMS, email: 'ana@example.com', groups, name: 'Ana', jti: expect.any(String) });
  });

  it('is another one each time', () => {
    expect(signSession(CLAIMS, pair.privateKey)).not.toBe(signSession(CLAIMS, pair.privateKey));
  });

  it('leaves out groups that do not fit into a cookie', () => {
    const groups = Array.from({ length: 200 }, (_, i) => `group number ${i} of many`);
    const token = signSession({ ...CLAIMS, groups }, pair.privateKey);
    expect(token.length).toBeLessThanOrEqual(TOKEN_LIMIT);
    const kept = read(token)?.groups ?? [];
    expect(kept.length).toBeGreaterThan(50);
    expect(kept).toEqual(groups.slice(0, kept.length));
  });

  const other = generateKeyPairSync('ed25519');
  const full = { ...CLAIMS, jti: 'j' };
  const spki = pair.publicKey.export({ type: 'spki', format: 'pem' });
  const hmac = (alg: string, key: string | Buffer): string => {
    const text = `${b64({ alg, typ: 'JWT' })}.${b64(full)}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
  };
  const good = ed25519(HEAD, full);
  const [head = '', payload = '', signature = ''] = good.split('.');

  it.each<[string, string]>([
    ['nothing', ''],
    ['dots', '..'],
    ['no signature', `${head}.${payload}.`],
    ['half a signature', `${head}.${payload}.${signature.slice(0, 43)}`],
    ['a signature too many', `${good}.${signature}`],
    ['algorithm none', `${b64({ alg: 'none' })}.${payload}.`],
    ['algorithm none with a signature', `${b64({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`],
    ['HS256 by the public key (PEM)', hmac('HS256', spki)],
    ['HS256 by the public key (DER)', hmac('HS256', pair.publicKey.export({ type: 'spki', format: 'der' }))],
    ['EdDSA said and HMAC done', hmac('EdDSA', spki)],
    ['another key', ed25519(HEAD, full, other.privateKey)],
    ['a key of its own', ed25519({ ...HEAD, jwk: other.publicKey.export({ format: 'jwk' }) }, full, other.privateKey)],
    ['a header of its own, rightly signed', ed25519({ ...HEAD, kid: '../../dev/null' }, full)],
    ['other claims under the same signature', `${head}.${b64({ ...full, sub: 'y' })}.${signature}`],
    ['another audience', ed25519(HEAD, { ...full, aud: 'other.edge.test' })],
    ['audiences', ed25519(HEAD, { ...full, aud: ['app.edge.test'] })],
    ['another service', ed25519(HEAD, { ...full, service: 's2' })],
    ['another issuer', ed25519(HEAD, { ...full, iss: 'https://elsewhere.test' })],
    ['the epoch before', ed25519(HEAD, { ...full, epoch: 2 })],
    ['an epoch to come', ed25519(HEAD, { ...full, epoch: 4 })],
    ['no epoch', ed25519(HEAD, { ...full, epoch: undefined })],
    ['its time over', ed25519(HEAD, { ...full, exp: AT })],
    ['no end', ed25519(HEAD, { ...full, exp: undefined })],
    ['an end in words', ed25519(HEAD, { ...full, exp: 'Infinity' })],
    ['its time to come', ed25519(HEAD, { ...full, nbf: AT + 61 })],
    ['issued in the future', ed25519(HEAD, { ...full, iat: AT + 61 })],
    ['a method that there is not', ed25519(HEAD, { ...full, method: 'magic' })],
    ['a payload that is no object', ed25519(HEAD, 'null')],
    ['a payload that is no JSON', ed25519(HEAD, '{')],
    ['more than a cookie holds', ed25519(HEAD, { ...full, groups: ['x'.repeat(4000)] })],
    ['padding', `${good}==`],
    ['blanks', ` ${good}`],
  ])('with %s does not count', (_, token) => {
    expect(read(token)).toBeUndefined();
  });

  it('bears clocks that differ by a minute', () => {
    expect(read(ed25519(HEAD, { ...full, nbf: AT + 60, iat: AT + 60 }))).toBeDefined();
    expect(read(good, NOW + 86_400_000 - 1)).toBeDefined();
    expect(read(good, NOW + 86_400_000)).toBeUndefined();
  });
});
