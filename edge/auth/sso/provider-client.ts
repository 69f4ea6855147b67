import * as oidc from 'openid-client';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Clock } from '../../../shared/node/clock.ts';
import type { SignInFault } from '../words.ts';
import type { Provider } from './providers.ts';

/** Seconds by which the provider's clock may differ from ours. */
const CLOCK_TOLERANCE = 120;
/** Seconds that the provider has for each answer. */
const TIMEOUT = 8;
/** Milliseconds that what the provider publishes about itself counts, and that a failure to read it does. */
const KNOWN_FOR = 3600_000;
const FAILED_FOR = 5_000;

/** Who signed in. */
export interface SignedIn {
  readonly subject: string;
  readonly email?: string;
  readonly name?: string;
  readonly groups: readonly string[];
}

interface Discovered {
  readonly configuration: Promise<oidc.Configuration>;
  readonly until: number;
}

/** Speaks with one provider: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636). */
export class ProviderClient {
  readonly provider: Provider;
  readonly #redirectUri: () => string;
  readonly #clock: Clock;
  #discovered: Discovered | undefined;

  /** `redirectUri` is what the provider was told that visitors come back to. */
  constructor(provider: Provider, redirectUri: () => string, clock: Clock) {
    this.provider = provider;
    this.#redirectUri = redirectUri;
    this.#clock = clock;
  }

  /** Where to send the visitor. `again`: the provider shall ask who, not take the one that it knows. */
  async address(state: string, nonce: string, verifier: string, again: boolean): Promise<Result<string, SignInFault>> {
    try {
      const configuration = await this.#configuration();
      const address = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: this.#redirectUri(),
        scope: this.provider.scopes.join(' '),
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(again ? { prompt: 'login' } : {}),
      });
      return ok(address.href);
    } catch (error) {
      return err(faultOf(error));
    }
  }

  /** Trades what the visitor came back with (`answer`: the query) for who it is. */
  async finish(
    answer: URLSearchParams,
    expected: { readonly state: string; readonly nonce: string; readonly verifier: string },
  ): Promise<Result<SignedIn, SignInFault>> {
    try {
      const configuration = await this.#configuration();
      const address = new URL(this.#redirectUri());
      address.search = answer.toString();
      const tokens = await oidc.authorizationCodeGrant(configuration, address, {
        expectedState: expected.state,
        expectedNonce: expected.nonce,
        pkceCodeVerifier: expected.verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) return err('anonymous');
      const { userinfo_endpoint: more } = configuration.serverMetadata();
      const asked = isComplete(claims, this.provider) || more === undefined;
      const info = asked ? {} : await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return ok(personOf({ ...info, ...claims }, this.provider));
    } catch (error) {
      return err(faultOf(error));
    }
  }

  #configuration(): Promise<oidc.Configuration> {
    const now = this.#clock.monotonic();
    if (this.#discovered !== undefined && this.#discovered.until > now) return this.#discovered.configuration;
    const { issuer, clientId, clientSecret } = this.provider;
    const configuration = oidc.discovery(
      issuer,
      clientId,
      {
        [oidc.clockTolerance]: CLOCK_TOLERANCE,
        ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
      },
      clientSecret === undefined ? oidc.None() : undefined,
      { timeout: TIMEOUT, execute: issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [] },
    );
    this.#discovered = { configuration, until: now + KNOWN_FOR };
    // A provider that is away is asked again soon, but not by every visitor.
    configuration.catch(() => {
      this.#discovered = { configuration, until: this.#clock.monotonic() + FAILED_FOR };
    });
    return configuration;
  }
}

type Claims = Readonly<Record<string, unknown>>;

const isComplete = (claims: Claims, { groupsClaim }: Provider): boolean =>
  typeof claims.email === 'string' && claimOf(claims, groupsClaim) !== undefined;

/** A claim by its name, else by its path. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** Characters of a name, an address, a group. */
const LONGEST = 255;
const GROUPS = 1000;
/** Such as origins may get in a header field: no control characters. */
const isPlain = (text: string): boolean => text !== '' && text.length <= LONGEST && !/[\x00-\x1f\x7f]/.test(text);

function personOf(claims: Claims, { groupsClaim }: Provider): SignedIn {
  const plain = (value: unknown): string | undefined =>
    typeof value === 'string' && isPlain(value) ? value : undefined;
  // An address that the provider says it has not checked is whatever somebody typed.
  const email = claims.email_verified === false ? undefined : plain(claims.email);
  const name = plain(claims.name) ?? plain(claims.preferred_username);
  const claimed = claimOf(claims, groupsClaim);
  const groups = (Array.isArray(claimed) ? claimed : [claimed])
    .filter((group): group is string => plain(group) !== undefined)
    .slice(0, GROUPS);
  return {
    subject: String(claims.sub),
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    groups,
  };
}

/** Errors that the provider tells in its answer (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6). */
const TOLD: Readonly<Record<string, SignInFault>> = {
  access_denied: 'refused',
  login_required: 'askedFirst',
  interaction_required: 'askedFirst',
  consent_required: 'askedFirst',
  temporarily_unavailable: 'unavailable',
  server_error: 'unavailable',
  invalid_grant: 'spent',
};

/** Nothing of what the provider said goes to the visitor. */
function faultOf(error: unknown): SignInFault {
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError)
    return TOLD[error.error] ?? 'odd';
  if (error instanceof oidc.ClientError && error.code === 'OAUTH_TIMEOUT') return 'late';
  return error instanceof TypeError ? 'unreachable' : 'untrusted';
}
