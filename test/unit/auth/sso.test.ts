import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clusterKey } from '../../../edge/auth/cluster-key.ts';
import { ATTEMPT_LIFETIME, AttemptSealer } from '../../../edge/auth/sso/attempt.ts';
import { readProviders } from '../../../edge/auth/sso/providers.ts';
import { temporaryFolder } from '../../support/folder.ts';

const ACME = { id: 'acme', name: 'Acme', issuer: 'https://login.acme.example', clientId: 'porthole' };

describe('the file of providers', () => {
  function read(content: unknown) {
    using folder = temporaryFolder();
    const path = join(folder.path, 'sign-in.json');
    writeFileSync(join(folder.path, 'secret'), 'hush\n');
    writeFileSync(join(folder.path, 'empty'), '\n');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readProviders(path);
  }

  it('names providers, with their secrets from files beside it', () => {
    expect(
      read({
        providers: [
          { ...ACME, clientSecretFile: 'secret' },
          { ...ACME, id: 'b', scopes: ['groups'] },
        ],
      }),
    ).toEqual({
      ok: true,
      value: [
        {
          ...ACME,
          issuer: new URL(ACME.issuer),
          clientSecret: 'hush',
          scopes: ['openid', 'email', 'profile'],
          groupsClaim: 'groups',
        },
        { ...ACME, id: 'b', issuer: new URL(ACME.issuer), scopes: ['openid', 'groups'], groupsClaim: 'groups' },
      ],
    });
  });

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['nobody', { providers: [] }],
    ['an unknown key', { providers: [{ ...ACME, secret: 'x' }] }],
    ['an issuer by http elsewhere', { providers: [{ ...ACME, issuer: 'http://login.acme.example' }] }],
    ['an issuer that is none', { providers: [{ ...ACME, issuer: 'acme' }] }],
    ['an id twice', { providers: [ACME, ACME] }],
    ['an id with a slash', { providers: [{ ...ACME, id: 'a/b' }] }],
    ['two secrets', { providers: [{ ...ACME, clientSecret: 'x', clientSecretFile: 'secret' }] }],
    ['a secret that is not there', { providers: [{ ...ACME, clientSecretFile: 'nowhere' }] }],
    ['an empty secret', { providers: [{ ...ACME, clientSecretFile: 'empty' }] }],
  ])('that holds %s is refused whole, without its secrets', (_, content) => {
    const refused = read(content);
    expect(refused).toMatchObject({ ok: false, error: { code: 'file_unusable' } });
    expect(JSON.stringify(refused)).not.toContain('hush');
  });
});

describe('a sign-in that has begun', () => {
  const secret = randomBytes(32);
  const sealer = new AttemptSealer(clusterKey(secret));
  const attempt = {
    id: 'a',
    providerId: 'acme',
    serviceId: 's',
    verifier: 'v',
    nonce: 'n',
    next: '/x?y=1',
    expiresAt: 1_000 + ATTEMPT_LIFETIME,
  };

  it('is read by any node with the same key, until it is over', () => {
    const sealed = sealer.sealAttempt(attempt);
    expect(new AttemptSealer(clusterKey(secret)).openAttempt(sealed, 1_000)).toEqual(attempt);
    expect(sealer.openAttempt(sealed, attempt.expiresAt)).toBeUndefined();
    expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(sealed).not.toContain(Buffer.from('verifier').toString('base64url'));
  });

  it('is not read when it was made up, changed, or sealed for something else', () => {
    const sealed = sealer.sealAttempt(attempt);
    const state = sealer.sealState({ id: 'a', origin: 'https://shop.example.com' });
    expect(sealer.openState(state)).toEqual({ id: 'a', origin: 'https://shop.example.com' });
    for (const odd of ['', 'x', sealed.slice(1), `${sealed.slice(0, -4)}AAAA`, state]) {
      expect(sealer.openAttempt(odd, 1_000)).toBeUndefined();
    }
    expect(sealer.openState(sealed)).toBeUndefined();
    expect(new AttemptSealer(clusterKey(randomBytes(32))).openState(state)).toBeUndefined();
    expect(clusterKey(secret).open(Buffer.from(state, 'base64url').toString('base64'))).toBeUndefined();
  });
});
