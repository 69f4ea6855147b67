/**
 * Who may talk to the web shell. Everything here assumes that other programs on this machine, other users of it, and
 * every page that the browser has open can reach the port.
 *
 * - A link carries a single-use token. Following it opens a session: a cookie for the files, a key for the socket.
 * - A link that was handed to a browser's command line could be read there by other users of the machine, who might
 *   be faster than the browser: such a private one opens only for this user, where the system tells users apart.
 * - Cookies ignore ports, so another local server could be sent ours. It would gain the files only: the socket wants
 *   the key too, which travels in the URL's fragment and is kept by the page's own origin, port included.
 * - `Host` must be one of our names (else a foreign name that was re-bound to loopback could read us), and `Origin`
 *   must be the very `http://Host` that was asked. The port is not compared with ours: it differs behind `ssh -L`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { splitHost } from '../../shared/domain/hostname.ts';

/** How long a link works, in milliseconds. */
export const LINK_LIFETIME = 120_000;
const LINKS_AT_ONCE = 16;
const SESSIONS_AT_ONCE = 16;
/** The cookie's name. */
export const COOKIE = 'porthole_web';

export interface Session {
  readonly cookie: string;
  readonly key: string;
}

export interface AccessOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** `random(n)` yields n random bytes. */
  readonly random: (length: number) => Buffer;
  /** Names by which this shell may be asked, lower-case, without port. */
  readonly names: readonly string[];
}

export interface Access {
  /** A new single-use token, valid for `LINK_LIFETIME`. A `private` one opens for this user only. */
  issue(kind?: 'private'): string;
  /**
   * Spends a token; the session it opens, or `undefined` when the token is unknown, spent or too old. `isOther` tells
   * whether somebody else asks; a private token is refused to them, and not spent.
   */
  redeem(token: string, isOther: () => boolean): Session | undefined;
  /** Whether a `Cookie` header holds the cookie of a session. */
  knowsCookie(header: string | undefined): boolean;
  /** Whether `key` and the `Cookie` header belong to the same session. */
  knowsKey(key: string, header: string | undefined): boolean;
  /** Whether a `Host` header names this shell. */
  knowsHost(header: string | undefined): boolean;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** Whether `origin` is what a page from `host` sends. */
export const isOwnOrigin = (origin: string | undefined, host: string | undefined): boolean =>
  origin !== undefined && host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;

function cookieOf(header: string | undefined): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === COOKIE && value !== undefined) return value;
  }
  return undefined;
}

/** Drops the oldest entries of an insertion-ordered map until `room` more fits into `limit`. */
function trim<K, V>(map: Map<K, V>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size < limit) return;
    map.delete(key);
  }
}

/** An `Access` without links or sessions. Both are bounded: the oldest goes. */
export function createAccess(options: AccessOptions): Access {
  const links = new Map<string, { readonly until: number; readonly isPrivate: boolean }>();
  const sessions = new Map<string, Session>();
  const secret = (): string => options.random(32).toString('base64url');
  const find = (header: string | undefined): Session | undefined => {
    const cookie = cookieOf(header);
    return cookie === undefined ? undefined : [...sessions.values()].find((session) => same(session.cookie, cookie));
  };
  return {
    issue(kind) {
      trim(links, LINKS_AT_ONCE);
      const token = secret();
      links.set(token, { until: options.now() + LINK_LIFETIME, isPrivate: kind === 'private' });
      return token;
    },
    redeem(token, isOther) {
      const known = [...links.keys()].find((link) => same(link, token));
      const link = known === undefined ? undefined : links.get(known);
      if (known === undefined || link === undefined || (link.isPrivate && isOther())) return undefined;
      links.delete(known);
      if (options.now() >= link.until) return undefined;
      trim(sessions, SESSIONS_AT_ONCE);
      const session = { cookie: secret(), key: secret() };
      sessions.set(session.cookie, session);
      return session;
    },
    knowsCookie: (header) => find(header) !== undefined,
    knowsKey(key, header) {
      const session = find(header);
      return session !== undefined && same(session.key, key);
    },
    knowsHost(header) {
      const host = header === undefined ? undefined : splitHost(header);
      return host !== undefined && options.names.includes(host.name);
    },
  };
}
