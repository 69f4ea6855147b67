import { describe, expect, it } from 'vitest';
import {
  changeMethods,
  changeSecrets,
  type PreparedAuth,
  prepareAuth,
  type SecretKeeper,
} from '../../../edge/control/auth-change.ts';
import type { Secrets } from '../../../edge/guard.ts';
import type { ServiceAuth } from '../../../shared/domain/auth.ts';
import { ok } from '../../../shared/domain/result.ts';
import { must } from '../../compliance/data.ts';

let pairs = 0;
const keeper: SecretKeeper = {
  hash: (secret) => Promise.resolve(ok(`hash of ${secret}`)),
  keyPair: () => ({ publicKey: `public ${++pairs}`, privateKey: `private ${pairs}` }),
};
const context = {
  keeper,
  providers: () => [{ id: 'main' }, { id: 'second' }],
  now: () => 1_700_000_000_000,
  random: (length: number) => new Uint8Array(length).fill(++pairs % 256),
};

/** What becomes of methods and secrets. */
async function change(
  was: ServiceAuth | undefined,
  secrets: Secrets | undefined,
  patch: Parameters<typeof prepareAuth>[2],
): Promise<{ now: ServiceAuth | undefined; secrets: Secrets | undefined; prepared: PreparedAuth }> {
  const prepared = must(await prepareAuth(context, 'http', patch));
  const now = must(changeMethods(was, prepared));
  return { now, secrets: changeSecrets(keeper, secrets, was, now, prepared), prepared };
}

describe('a change of methods', () => {
  it('adds, keeps and removes them', async () => {
    const one = await change(undefined, undefined, { pin: '042917', link: true });
    expect(one.now).toEqual({ pin: true, link: true });
    expect(one.secrets).toMatchObject({ epoch: 1, pin: 'hash of 042917', headers: {} });
    const two = await change(one.now, one.secrets, { password: 'pw', link: false });
    expect(two.now).toEqual({ pin: true, password: true });
    const three = await change(two.now, two.secrets, { pin: null, password: null });
    expect(three.now).toBeUndefined();
    expect(three.secrets).not.toHaveProperty('pin');
    expect(three.secrets).not.toHaveProperty('password');
  });

  it.each<[string, ServiceAuth, Parameters<typeof prepareAuth>[2], boolean]>([
    ['another PIN', { pin: true }, { pin: '111111' }, true],
    ['another password', { password: true }, { password: 'x' }, true],
    ['a method gone', { pin: true, password: true }, { pin: null }, true],
    ['the link gone', { pin: true, link: true }, { link: false }, true],
    ['sign-in gone', { pin: true, sso: { provider: 'main', groups: [] } }, { sso: null }, true],
    ['other groups', { sso: { provider: 'main', groups: ['a'] } }, { sso: { groups: ['b'] } }, true],
    ['another provider', { sso: { provider: 'main', groups: [] } }, { sso: { provider: 'second' } }, true],
    [
      'all headers gone',
      { pin: true, headers: [{ id: 'h', kind: 'bearer', name: 'authorization' }] },
      { headers: [] },
      true,
    ],
    ['a PIN more', { password: true }, { pin: '111111' }, false],
    ['the same groups', { sso: { provider: 'main', groups: ['a'] } }, { sso: { groups: ['a', 'a'] } }, false],
    ['a header more', { pin: true }, { headers: [{ kind: 'bearer', token: 't' }] }, false],
    ['nothing', { pin: true }, {}, false],
  ])('with %s: from %j by %j, sessions end: %s', async (_, was, patch, ends) => {
    const before: Secrets = { epoch: 4, headers: { h: 'x' }, publicKey: 'p', privateKey: 'q' };
    const { secrets } = await change(was, before, patch);
    expect(secrets?.epoch).toBe(ends ? 5 : 4);
    expect(secrets?.publicKey === 'p').toBe(!ends);
  });

  it('keeps header rules by id, with the hashes of those that stay only', async () => {
    const one = await change(undefined, undefined, {
      headers: [
        { kind: 'bearer', token: 'a' },
        { kind: 'basic', user: 'ana', password: 'b' },
      ],
    });
    const [first, second] = one.now?.headers ?? [];
    expect(Object.keys(one.secrets?.headers ?? {})).toEqual([first?.id, second?.id]);
    const two = await change(one.now, one.secrets, {
      headers: [{ id: second?.id ?? '' }, { kind: 'custom', name: 'X-Key', value: 'c' }],
    });
    expect(two.now?.headers?.[0]).toEqual(second);
    expect(Object.values(two.secrets?.headers ?? {})).toEqual(['hash of b', 'hash of c']);
    const gone = must(await prepareAuth(context, 'http', { headers: [{ id: 'nobody' }] }));
    expect(changeMethods(two.now, gone)).toMatchObject({
      error: { code: 'input_invalid', field: 'auth.headers.0.id' },
    });
  });

  it.each<[Parameters<typeof prepareAuth>[2], string, string]>([
    [{ pin: '1' }, 'pin_invalid', 'auth.pin'],
    [{ password: '' }, 'password_invalid', 'auth.password'],
    [{ headers: [{ kind: 'bearer', token: '' }] }, 'header_invalid', 'auth.headers.0.token'],
    [{ headers: [{ kind: 'custom', name: 'True-Client-IP', value: 'x' }] }, 'header_invalid', 'auth.headers.0.name'],
    [
      { headers: Array.from({ length: 17 }, () => ({ kind: 'bearer', token: 't' }) as const) },
      'list_too_long',
      'auth.headers',
    ],
    [{ sso: { provider: 'nobody' } }, 'provider_unknown', 'auth.sso.provider'],
    [{ sso: { groups: Array.from({ length: 101 }, (_, i) => `g${i}`) } }, 'list_too_long', 'auth.sso.groups'],
  ])('is refused: %j', async (patch, code, field) => {
    expect(await prepareAuth(context, 'http', patch)).toMatchObject({ ok: false, error: { code, field } });
  });

  it.each(['tcp', 'tls', 'udp'] as const)('asks nothing of %s services', async (mode) => {
    expect(await prepareAuth(context, mode, { pin: '042917' })).toMatchObject({ error: { code: 'auth_mode' } });
    expect(await prepareAuth(context, mode, { link: true })).toMatchObject({ error: { code: 'auth_mode' } });
    expect((await prepareAuth(context, mode, { pin: null, link: false })).ok).toBe(true);
  });

  it('leaves a service that never had methods without secrets', async () => {
    expect(await change(undefined, undefined, { pin: null })).toMatchObject({ now: undefined, secrets: undefined });
  });
});
