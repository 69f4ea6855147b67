import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ProviderClient } from '../../../edge/auth/sso/provider-client.ts';
import type { Provider } from '../../../edge/auth/sso/providers.ts';
import { systemClock } from '../../../shared/node/clock.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What the provider's token endpoint answers. */
type Answer = { readonly claims: Record<string, unknown> } | { readonly error: string };

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A provider reduced to what a client asks of it, whose tokens say whatever a test wants. */
async function provider(answer: (issuer: string) => Answer): Promise<Provider> {
  const server = createServer((request, response) => {
    const send = (status: number, value: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const { pathname } = new URL(request.url ?? '', issuer);
    if (pathname === '/.well-known/openid-configuration')
      return send(200, {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      });
    if (pathname === '/keys')
      return send(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'k', use: 'sig' }] });
    const told = answer(issuer);
    if ('error' in told) return send(400, told);
    const text = `${base64({ alg: 'ES256', kid: 'k', typ: 'JWT' })}.${base64(told.claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    send(200, {
      access_token: randomUUID(),
      token_type: 'Bearer',
      id_token: `${text}.${signature.toString('base64url')}`,
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return {
    id: 'acme',
    name: 'Acme',
    issuer: new URL(issuer),
    clientId: 'porthole',
    clientSecret: 'hush',
    scopes: ['openid'],
    groupsClaim: 'realm_access.roles',
  };
}

const EXPECTED = { state: 'the-state', nonce: 'the-nonce', verifier: 'v'.repeat(43) };

/** Finishes a sign-in with a provider whose ID token has `more` claims, or that answers with an error. */
async function finish(more: Record<string, unknown> | string) {
  const now = Math.floor(Date.now() / 1000);
  const acme = await provider((iss) =>
    typeof more === 'string'
      ? { error: more }
      : {
          claims: {
            iss,
            aud: 'porthole',
            sub: 'ann',
            nonce: EXPECTED.nonce,
            iat: now,
            exp: now + 300,
            email: 'ann@example.com',
            realm_access: { roles: ['sales'] },
            ...more,
          },
        },
  );
  const client = new ProviderClient(acme, () => 'https://edge.test/.porthole/sso/callback', systemClock);
  return client.finish(new URLSearchParams({ code: 'c', state: EXPECTED.state }), EXPECTED);
}

describe('who a provider says it is', () => {
  const now = (): number => Math.floor(Date.now() / 1000);

  it('is read from its claims, groups by a path', async () => {
    expect(await finish({ name: 'Ann' })).toEqual({
      ok: true,
      value: { subject: 'ann', email: 'ann@example.com', name: 'Ann', groups: ['sales'] },
    });
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['a clock a minute ahead of ours', () => ({ iat: now() + 60, nbf: now() + 60 })],
    ['a clock a minute behind ours', () => ({ iat: now() - 360, exp: now() - 60 })],
  ])('is believed with %s', async (_, claims) => {
    expect(await finish(claims())).toMatchObject({ ok: true });
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['a token of ten minutes ago', () => ({ iat: now() - 900, exp: now() - 600 })],
    ['a token for later', () => ({ nbf: now() + 600 })],
    ['a token for somebody else', () => ({ aud: 'another' })],
    ['a token of another issuer', () => ({ iss: 'https://evil.example' })],
    ['a token of another sign-in', () => ({ nonce: 'another' })],
  ])('is not believed with %s', async (_, claims) => {
    expect(await finish(claims())).toEqual({ ok: false, error: 'untrusted' });
  });

  it('leaves out an address that was not verified, and names with control characters', async () => {
    expect(await finish({ email_verified: false, name: 'Ann\r\nX-Porthole-User: root' })).toEqual({
      ok: true,
      value: { subject: 'ann', groups: ['sales'] },
    });
  });

  it.each([
    ['invalid_grant', 'spent'],
    ['server_error', 'unavailable'],
    ['<script>', 'odd'],
  ])('stays unknown after %s', async (error, fault) => {
    expect(await finish(error)).toEqual({ ok: false, error: fault });
  });
});
