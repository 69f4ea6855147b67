import { hash } from 'node:crypto';
import type { AuthMethod } from '../../shared/domain/auth.ts';
import { SESSION_LIFETIME } from '../../shared/domain/auth.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { OpenGuard } from '../guard.ts';
import type { Identity, Route } from '../visit.ts';
import { SESSION_COOKIE, sessionTokens, setCookie } from './session-cookie.ts';
import type { SessionKeys } from './session-keys.ts';
import { type Claims, counts, type Expected, readSession, signSession } from './session-token.ts';

/** Tokens whose signature is known to be good, over all services. */
const REMEMBERED = 8192;

/** What a session is made of. */
export interface NewSession {
  readonly method: Exclude<AuthMethod, 'header'>;
  /** The provider's subject, the share link's id, or something random. */
  readonly subject: string;
  /** For people: a share link's label, a name. */
  readonly name?: string;
  readonly email?: string;
  readonly groups?: readonly string[];
  /** Milliseconds since the epoch after which it ends, if that is sooner than usual. */
  readonly until?: number;
}

interface Known {
  readonly claims: Claims;
  readonly publicKey: string;
  readonly identity: Identity;
}

/** Makes and checks visitors' sessions. A signature is checked once; everything else that a session says, each time. */
export class Sessions {
  readonly #issuer: string;
  readonly #keys: SessionKeys;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  /** `issuer`: the cluster, the same on all of its nodes. */
  constructor(issuer: string, keys: SessionKeys, clock: Clock) {
    this.#issuer = issuer;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Who a request's session says the visitor is; `undefined` without one that counts. */
  identify(fields: string, route: Route, guard: OpenGuard): Identity | undefined {
    for (const token of sessionTokens(fields)) {
      const identity = this.#check(token, route, guard);
      if (identity !== undefined) return identity;
    }
    return undefined;
  }

  /** The line that sets a session's cookie; `undefined` when this node can't sign. */
  open(session: NewSession, route: Route, guard: OpenGuard, secure: boolean): string | undefined {
    const key = this.#keys.signer(guard.secrets);
    if (key === undefined) return undefined;
    const now = this.#clock.now();
    const seconds = Math.floor(Math.min(SESSION_LIFETIME, (session.until ?? Number.POSITIVE_INFINITY) - now) / 1000);
    const from = Math.floor(now / 1000);
    const { iss, aud, service, epoch } = this.#expected(route, guard);
    const token = signSession(
      {
        iss,
        sub: session.subject,
        aud,
        iat: from,
        nbf: from,
        exp: from + seconds,
        service,
        epoch,
        method: session.method,
        ...(session.name === undefined ? {} : { name: session.name }),
        ...(session.email === undefined ? {} : { email: session.email }),
        ...(session.groups === undefined ? {} : { groups: [...session.groups] }),
      },
      key,
    );
    return setCookie(SESSION_COOKIE, token, seconds, secure);
  }

  #expected(route: Route, { secrets }: OpenGuard): Expected {
    return { iss: this.#issuer, aud: route.domain, service: route.serviceId, epoch: secrets.epoch };
  }

  #check(token: string, route: Route, guard: OpenGuard): Identity | undefined {
    const now = this.#clock.now();
    const expected = this.#expected(route, guard);
    const { publicKey } = guard.secrets;
    const name = hash('sha256', token, 'base64url');
    let known = this.#known.get(name);
    if (known === undefined || known.publicKey !== publicKey) {
      const key = this.#keys.verifier(guard.secrets);
      const claims = key === undefined ? undefined : readSession(token, key, expected, now);
      if (claims === undefined) return undefined;
      known = { claims, publicKey, identity: identityOf(claims) };
      this.#remember(name, known);
    } else if (!counts(known.claims, expected, now)) return undefined;
    const { shareId } = known.identity;
    return shareId !== undefined && !guard.shares.has(shareId) ? undefined : known.identity;
  }

  #remember(name: string, known: Known): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= REMEMBERED && oldest.done !== true) this.#known.delete(oldest.value);
    this.#known.set(name, known);
  }
}

function identityOf({ method, sub, name, email, groups, epoch }: Claims): Identity {
  const user = email ?? name ?? (method === 'sso' ? sub : undefined);
  return {
    method,
    ...(user === undefined ? {} : { user }),
    ...(groups === undefined ? {} : { groups }),
    epoch,
    ...(method === 'share' ? { shareId: sub } : {}),
  };
}
