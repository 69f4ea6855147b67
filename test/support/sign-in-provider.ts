import { createServer, type RequestListener } from 'node:http';
import Provider from 'oidc-provider';

/** People whom the provider knows, by what they type as their login; any password will do. */
export interface Person {
  readonly email: string;
  readonly name: string;
  readonly groups: readonly string[];
}

export interface SignInProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Begins to answer, to a client that comes back to `redirectUri`. */
  open(redirectUri: string): void;
  /** Answers nothing any more; `open` brings it back. */
  shut(): void;
}

/** A real OpenID Connect provider (`oidc-provider`) on loopback, with its own pages to log in. It is shut until it is opened. */
export async function startSignInProvider(people: Readonly<Record<string, Person>>): Promise<SignInProvider> {
  let answer: RequestListener | undefined;
  const server = createServer((request, response) =>
    answer === undefined ? request.socket.destroy() : answer(request, response),
  );
  // A connection that is closed just as an edge asks by it again would fail a sign-in.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const issuer = `http://127.0.0.1:${port}`;
  const client = { clientId: 'porthole', clientSecret: 'a-secret-of-the-tests' };
  return {
    issuer,
    ...client,
    open(redirectUri) {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: client.clientId,
            client_secret: client.clientSecret,
            redirect_uris: [redirectUri],
            grant_types: ['authorization_code'],
            response_types: ['code'],
          },
        ],
        claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
        scopes: ['openid', 'email', 'profile', 'groups'],
        pkce: { required: () => true },
        cookies: { keys: ['of-no-importance'] },
        findAccount: async (_context: unknown, id: string) => {
          const person = people[id];
          if (person === undefined) return undefined;
          return { accountId: id, claims: async () => ({ sub: id, email_verified: true, ...person }) };
        },
      });
      answer = provider.callback();
    },
    shut() {
      answer = undefined;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
