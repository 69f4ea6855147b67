import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { type Guard, isOpen } from '../guard.ts';
import { isReserved, LOGIN_PATH, LOGOUT_PATH, SHARE_PATH } from '../reserved-path.ts';
import type { Identity, Route, Stage, Verdict, Visit } from '../visit.ts';
import { Hasher } from './argon2.ts';
import type { ClusterKey } from './cluster-key.ts';
import { Door, type DoorParts, PAGE_FIELDS, WRONG_METHOD } from './door.ts';
import { forwardedFields, publicFields } from './forwarding.ts';
import { GuessBook, type GuessStore } from './guess-book.ts';
import { HeaderAuth } from './header-auth.ts';
import { answerLogin } from './login.ts';
import type { Method } from './method.ts';
import { nextPath } from './next-path.ts';
import { renderLoggedOutPage, renderLogoutPage } from './page.ts';
import { isSameOrigin } from './same-origin.ts';
import { SESSION_COOKIE, setCookie } from './session-cookie.ts';
import { SessionKeys } from './session-keys.ts';
import { Sessions } from './sessions.ts';
import { answerShare, type ShareStore } from './share.ts';

export interface AuthOptions {
  readonly store: GuessStore & ShareStore;
  /** How a service is routed now; `undefined` when it isn't any more. */
  readonly routeOf: (serviceId: string) => Route | undefined;
  /** The cluster's domain, which signs. */
  readonly domain: string;
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ways to log in that have pages of their own. */
  readonly methods?: readonly Method[];
  readonly hasher?: Hasher;
}

/** Who comes in to services that ask. */
export interface Auth {
  readonly stage: Stage;
  /** Whether a visitor who came in as `identity` may stay under `guard`; `undefined` of both: nobody asks, nobody was asked. */
  holds(identity: Identity | undefined, guard: Guard | undefined): boolean;
  close(): void;
}

/** The stage that lets in whoever has a session, a header or a link, and asks everybody else. */
export function createAuth(options: AuthOptions): Auth {
  return new AuthStage(options);
}

class AuthStage implements Auth {
  readonly #options: AuthOptions;
  readonly #hasher: Hasher;
  readonly #guesses: GuessBook;
  readonly #sessions: Sessions;
  readonly #headers: HeaderAuth;
  readonly #doors: DoorParts;
  readonly #reported = new WeakSet<Guard>();

  constructor(options: AuthOptions) {
    const { store, clock, log, domain, key, methods = [] } = options;
    this.#options = options;
    this.#hasher = options.hasher ?? new Hasher();
    this.#guesses = new GuessBook(store, clock, log);
    this.#sessions = new Sessions(`https://${domain}`, new SessionKeys(key), clock);
    this.#headers = new HeaderAuth(this.#hasher, this.#guesses);
    this.#doors = { sessions: this.#sessions, guesses: this.#guesses, methods, log };
  }

  readonly stage: Stage = (visit) => {
    const { route } = visit;
    if (route === undefined) return 'no_service';
    const { guard } = route;
    if (guard === undefined) {
      if (isReserved(visit.path)) return atPublic(visit);
      visit.forwarded = publicFields(visit.fields);
      return undefined;
    }
    const verdict = this.#judge(visit, route, guard);
    if (typeof verdict !== 'object' || verdict.kind !== 'pending') return verdict;
    return {
      ...verdict,
      decide: async (body, gone) => this.#confirm(visit, route, await verdict.decide(body, gone)),
    };
  };

  /** What was decided in a later turn counts if it would be decided so now, too. */
  #confirm(visit: Visit, { serviceId, domain }: Route, verdict: Verdict): Verdict {
    if (visit.identity === undefined) return verdict;
    const now = this.#options.routeOf(serviceId);
    if (now?.domain === domain && this.holds(visit.identity, now.guard)) return verdict;
    visit.identity = undefined;
    return 'login_required';
  }

  #judge(visit: Visit, route: Route, guard: Guard): Verdict {
    if (!isOpen(guard)) {
      if (!this.#reported.has(guard)) {
        this.#reported.add(guard);
        const { serviceId } = route;
        this.#options.log.error('a service is closed: what lets its visitors in is damaged', { serviceId });
      }
      return 'internal';
    }
    const identity = this.#sessions.identify(visit.fields, route, guard);
    const door = new Door(visit, route, guard, this.#doors);
    if (isReserved(visit.path)) {
      if (identity !== undefined) visit.identity = identity;
      return this.#atDoor(door, identity);
    }
    // A link in any other spelling is nobody's page, and its token nothing for an origin.
    if (SHARE_TOKEN.test(visit.path)) return 'no_target';
    if (identity !== undefined) {
      letIn(visit, guard, identity);
      return undefined;
    }
    if (guard.methods.headers === undefined) return door.ask();
    const found = this.#headers.identify(door, (known) => letIn(visit, guard, known));
    if (found === undefined) return door.ask();
    if (typeof found === 'string' || !('method' in found)) return found;
    letIn(visit, guard, found);
    return undefined;
  }

  /** Requests to paths that are the edge's own. */
  #atDoor(door: Door, identity: Identity | undefined): Verdict {
    const { visit } = door;
    if (visit.path === LOGIN_PATH) return this.#login(door, identity);
    if (visit.path === LOGOUT_PATH) return logout(door);
    if (visit.path.startsWith(SHARE_PATH)) {
      // Whoever is in already has no use for it, and shall not use it up.
      if (identity !== undefined) return door.redirect(nextOf(visit));
      const { store, clock } = this.#options;
      return answerShare(door, { store, clock, guesses: this.#guesses });
    }
    for (const method of this.#doors.methods) {
      const answer = method.answer(door);
      if (answer !== undefined) return answer;
    }
    return 'no_target';
  }

  #login(door: Door, identity: Identity | undefined): Verdict {
    const { visit } = door;
    if (visit.method === 'POST') return answerLogin(door, { hasher: this.#hasher, guesses: this.#guesses });
    if (visit.method !== 'GET' && visit.method !== 'HEAD') return WRONG_METHOD;
    const next = nextOf(visit);
    return identity === undefined ? door.ask({ next }) : door.redirect(next);
  }

  holds(identity: Identity | undefined, guard: Guard | undefined): boolean {
    if (guard === undefined) return true;
    if (identity === undefined || !isOpen(guard)) return false;
    const { method, epoch, shareId, ruleId } = identity;
    if (method === 'header') return guard.methods.headers?.some(({ id }) => id === ruleId) === true;
    return epoch === guard.secrets.epoch && (shareId === undefined || guard.shares.has(shareId));
  }

  close(): void {
    this.#guesses.close();
  }
}

function letIn(visit: Visit, guard: Guard, identity: Identity): void {
  visit.identity = identity;
  visit.forwarded = forwardedFields(visit.fields, guard.methods, identity);
}

/** The token of a share link. */
const SHARE_TOKEN = /phs_[0-9A-Za-z]{49}/;

const nextOf = (visit: Visit): string => nextPath(new URLSearchParams(visit.query).get('next'));

/** A page of the edge's own at a service that asks nobody: on to the service itself. */
function atPublic(visit: Visit): Verdict {
  const known = visit.path === LOGIN_PATH || visit.path === LOGOUT_PATH || visit.path.startsWith(SHARE_PATH);
  if (!known) return 'no_target';
  const fields = `Location: ${nextOf(visit)}\r\n${PAGE_FIELDS}`;
  return { kind: 'answer', status: 303, fields, body: Buffer.alloc(0) };
}

/** The query of the page after logging out. */
const DONE = 'done';

function logout(door: Door): Verdict {
  const { visit } = door;
  if (visit.method === 'GET' || visit.method === 'HEAD')
    return door.page(200, (visit.query === `?${DONE}` ? renderLoggedOutPage : renderLogoutPage)(door.service));
  if (visit.method !== 'POST') return WRONG_METHOD;
  if (!isSameOrigin(visit)) return 'login_cross_site';
  return door.redirect(`${LOGOUT_PATH}?${DONE}`, setCookie(SESSION_COOKIE, '', 0, visit.connection.secure));
}
