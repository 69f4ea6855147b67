import { randomBytes } from 'node:crypto';
import type { ServiceAuth } from '../../../shared/domain/auth.ts';
import type { Clock } from '../../../shared/node/clock.ts';
import type { Logger } from '../../../shared/node/logger.ts';
import { SSO_PATH } from '../../reserved-path.ts';
import type { Verdict } from '../../visit.ts';
import type { ClusterKey } from '../cluster-key.ts';
import { type Door, PAGE_FIELDS, WRONG_METHOD } from '../door.ts';
import type { Method } from '../method.ts';
import { nextPath } from '../next-path.ts';
import { ownCookie, setCookie } from '../session-cookie.ts';
import { loginWords, type SignInFault } from '../words.ts';
import { ATTEMPT_LIFETIME, type Attempt, AttemptSealer } from './attempt.ts';
import { ProviderClient, type SignedIn } from './provider-client.ts';
import type { Provider } from './providers.ts';

export interface SsoOptions {
  readonly providers: readonly Provider[];
  readonly key: ClusterKey;
  /** What the providers know as the place that visitors come back to: a path of the cluster's own name. */
  readonly redirectUri: () => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Sign-ins that are being finished at once: each asks the provider. */
const AT_ONCE = 32;
/** Finished sign-ins that are remembered, so that none is finished twice. */
const REMEMBERED = 20_000;
/**
 * The cookie of one attempt: several may be under way, in as many tabs. Browsers keep a `__Host-` cookie only from the
 * very host that gets it back (RFC 6265bis section 4.1.3.2): a neighbour under the same domain could otherwise plant an
 * attempt of its own, and have visitors signed in as somebody else.
 */
const cookieOf = (id: string, secure: boolean): string => `${secure ? '__Host-' : ''}porthole_sso_${id.slice(0, 8)}`;
const ANOTHER = 'again';

/** Sign-in with the cluster's providers: OpenID Connect, code flow. */
export function createSso(options: SsoOptions): Method {
  return new Sso(options);
}

class Sso implements Method {
  readonly #clients: ReadonlyMap<string, ProviderClient>;
  readonly #sealer: AttemptSealer;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Ids of finished attempts, with when they would have been over. */
  readonly #finished = new Map<string, number>();
  #busy = 0;

  constructor({ providers, key, redirectUri, clock, log }: SsoOptions) {
    this.#clients = new Map(providers.map((one) => [one.id, new ProviderClient(one, redirectUri, clock)]));
    this.#sealer = new AttemptSealer(key);
    this.#clock = clock;
    this.#log = log;
  }

  offered({ sso }: ServiceAuth): boolean {
    return sso !== undefined && this.#clients.has(sso.provider);
  }

  link(door: Door, next: string): { readonly href: string; readonly label: string } {
    const provider = this.#clientOf(door)?.provider;
    return { href: `${SSO_PATH}start?next=${encodeURIComponent(next)}`, label: provider?.name ?? '' };
  }

  begin(door: Door, next: string): Verdict {
    return this.#begin(door, next, false);
  }

  answer(door: Door): Verdict {
    const { visit } = door;
    if (!visit.path.startsWith(SSO_PATH) || this.#clientOf(door) === undefined) return undefined;
    const action = visit.path.slice(SSO_PATH.length);
    if (action !== 'start' && action !== 'callback') return undefined;
    if (visit.method !== 'GET') return WRONG_METHOD;
    const query = new URLSearchParams(visit.query);
    if (action === 'start') return this.#begin(door, nextPath(query.get('next')), query.has(ANOTHER));
    return { kind: 'pending', decide: () => this.#finish(door, query) };
  }

  #clientOf({ guard }: Door): ProviderClient | undefined {
    return this.#clients.get(guard.methods.sso?.provider ?? '');
  }

  #begin(door: Door, next: string, again: boolean): Verdict {
    const client = this.#clientOf(door);
    if (client === undefined) return failed(door, 'gone');
    const random = (): string => randomBytes(32).toString('base64url');
    const attempt: Attempt = {
      id: random(),
      providerId: client.provider.id,
      serviceId: door.route.serviceId,
      verifier: random(),
      nonce: random(),
      next,
      expiresAt: this.#clock.now() + ATTEMPT_LIFETIME,
    };
    const { connection, authority } = door.visit;
    const origin = `${connection.secure ? 'https' : 'http'}://${authority}`;
    const state = this.#sealer.sealState({ id: attempt.id, origin });
    const sealed = this.#sealer.sealAttempt(attempt);
    const { secure } = connection;
    const cookie = setCookie(cookieOf(attempt.id, secure), sealed, ATTEMPT_LIFETIME / 1000, secure);
    return {
      kind: 'pending',
      decide: async () => {
        const address = await client.address(state, attempt.nonce, attempt.verifier, again);
        if (!address.ok) return this.#report(door, client, address.error);
        const fields = `Location: ${address.value}\r\n${PAGE_FIELDS}${cookie}`;
        return { kind: 'answer', status: 302, fields, body: Buffer.alloc(0) };
      },
    };
  }

  async #finish(door: Door, query: URLSearchParams): Promise<Verdict> {
    const sealed = query.get('state') ?? '';
    const attempt = this.#take(door, sealed);
    const client = this.#clientOf(door);
    if (attempt === undefined || client?.provider.id !== attempt.providerId) return expired();
    const { secure } = door.visit.connection;
    const done = setCookie(cookieOf(attempt.id, secure), '', 0, secure);
    if (this.#busy >= AT_ONCE) return { kind: 'denial', code: 'login_busy', retryAfter: 2 };
    this.#busy++;
    try {
      const { nonce, verifier, next } = attempt;
      const person = await client.finish(query, { state: sealed, nonce, verifier });
      if (!person.ok) return this.#report(door, client, person.error, done);
      return this.#judge(door, person.value, next, done);
    } finally {
      this.#busy--;
    }
  }

  /** The attempt that came back, if this browser began it, it is not over, and nobody has finished it. */
  #take(door: Door, sealed: string): Attempt | undefined {
    const now = this.#clock.now();
    const state = this.#sealer.openState(sealed);
    if (state === undefined) return undefined;
    const { fields, connection } = door.visit;
    const attempt = this.#sealer.openAttempt(ownCookie(fields, cookieOf(state.id, connection.secure)), now);
    if (attempt?.id !== state.id || attempt.serviceId !== door.route.serviceId) return undefined;
    if (this.#finished.has(attempt.id)) return undefined;
    this.#remember(attempt, now);
    return attempt;
  }

  #remember({ id, expiresAt }: Attempt, now: number): void {
    for (const [known, until] of this.#finished) {
      if (until > now && this.#finished.size < REMEMBERED) break;
      this.#finished.delete(known);
    }
    this.#finished.set(id, expiresAt);
  }

  #judge(door: Door, person: SignedIn, next: string, done: string): Verdict {
    const allowed = door.guard.methods.sso?.groups ?? [];
    const groups = allowed.length === 0 ? person.groups : person.groups.filter((group) => allowed.includes(group));
    if (allowed.length > 0 && groups.length === 0) {
      const who = person.email ?? person.name ?? person.subject;
      door.visit.note = { ...door.visit.note, reason: `${who} is in none of the groups that are let in.` };
      return denied(next, done);
    }
    const { subject, email, name } = person;
    return door.admit(
      {
        method: 'sso',
        subject,
        ...(email === undefined ? {} : { email }),
        ...(name === undefined ? {} : { name }),
        groups,
      },
      next,
      done,
    );
  }

  #report(door: Door, { provider }: ProviderClient, fault: SignInFault, done = ''): Verdict {
    this.#log.warn('a sign-in did not work', { provider: provider.id, serviceId: door.route.serviceId, fault });
    return failed(door, fault, done);
  }
}

function failed(door: Door, fault: SignInFault, fields = ''): Verdict {
  door.visit.note = { ...door.visit.note, reason: loginWords('en').signInFaults[fault] };
  const reason = loginWords(door.language).signInFaults[fault];
  return { kind: 'denial', code: 'sso_failed', about: { reason }, fields, again: `${SSO_PATH}start` };
}

const expired = (): Verdict => ({ kind: 'denial', code: 'sso_expired', again: `${SSO_PATH}start` });

const denied = (next: string, fields: string): Verdict => ({
  kind: 'denial',
  code: 'sso_denied',
  fields,
  again: `${SSO_PATH}start?${ANOTHER}=1&next=${encodeURIComponent(next)}`,
});
