import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';

/**
 * Milliseconds for which credentials that were refused are not sent again, since a row of wrong ones may lock an
 * account: at first, times `growth` after each further time, and at most.
 */
export const CREDENTIALS_REST = { first: 60_000, growth: 4, most: 15 * 60_000 } as const;

/** An HTTP proxy that opens ways by CONNECT. Its credentials are told when asked for, and never show by themselves. */
export class HttpProxy {
  /** A hostname or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly #authorization: string | undefined;
  #rest = 0;
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(host: string, port: number, authorization?: string) {
    this.host = host;
    this.port = port;
    this.#authorization = authorization;
  }

  /** The value of `Proxy-Authorization` (RFC 7617), if there is one: a secret. */
  get authorization(): string | undefined {
    return this.#authorization;
  }

  /** Notes whether its credentials were taken, at `now`: milliseconds that never go back. */
  answered(taken: boolean, now: number): void {
    const { first, growth, most } = CREDENTIALS_REST;
    if (taken || this.#authorization === undefined) this.#rest = 0;
    // Several at once count as one.
    else if (this.rests(now)) return;
    else this.#rest = Math.min(most, this.#rest === 0 ? first : this.#rest * growth);
    this.#restsUntil = now + this.#rest;
  }

  /** Whether its credentials were refused a short while ago. */
  rests(now: number): boolean {
    return now < this.#restsUntil;
  }

  /** For people: `proxy.example.com:3128`. */
  get place(): string {
    return authority(this.host, this.port);
  }
}

/** Through a proxy, or straight to where it leads. */
export type Route = HttpProxy | 'direct';

/** The operating system, as the one who names a proxy. */
export const SYSTEM = 'system';

/** How an edge is reached, and who says so. */
export interface Way {
  /** Tried in this order; at least one. */
  readonly routes: readonly Route[];
  /** Who names the proxies in it: a variable of the environment, or `SYSTEM`. */
  readonly from?: string;
  /** The variable whose proxy is not used because `NO_PROXY` leaves this place out. */
  readonly spared?: string;
  /** The operating system was asked and did not say. */
  readonly untold?: true;
}

/** The way without any proxy. */
export const DIRECT: Way = { routes: ['direct'] };

const UNENCODED = because('proxy_unencoded');
/** A URL's scheme, where text begins with one. */
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/**
 * Reads a proxy as people name it: `http://[USER:PASSWORD@]HOST[:PORT]`, the scheme left out or not; port 80 when left
 * out. Fails with why it can't be used, which repeats nothing of `text`: it may hold a password.
 */
export function parseProxy(text: string): Result<HttpProxy, Because> {
  const trimmed = text.trim();
  const scheme = SCHEME.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme === 'https') return err(because('proxy_by_https'));
  if (scheme?.startsWith('socks') === true) return err(because('proxy_socks'));
  if (scheme !== undefined && scheme !== 'http') return err(because('proxy_other'));
  const url = URL.parse(scheme === undefined ? `http://${trimmed}` : trimmed);
  if (url === null) return err(because('proxy_no_url'));
  // A password with one of these in it, as it is: what looks like the host would be the user.
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return err(UNENCODED);
  const authorization = basic(url);
  if (!authorization.ok) return authorization;
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port === '' ? 80 : Number(url.port);
  if (host === '' || port < 1) return err(because('proxy_no_url'));
  return ok(new HttpProxy(host, port, authorization.value));
}

/** Credentials by RFC 7617 section 2: no control characters, and no colon in the name, where the password begins. */
function basic({ username, password }: URL): Result<string | undefined, Because> {
  if (username === '' && password === '') return ok(undefined);
  const [user, secret] = [decoded(username), decoded(password)];
  if (user === undefined || secret === undefined || user.includes(':')) return err(UNENCODED);
  return ok(`Basic ${Buffer.from(`${user}:${secret}`, 'utf8').toString('base64')}`);
}

function decoded(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text);
    return /[\u0000-\u001f\u007f]/.test(value) ? undefined : value;
  } catch {
    return undefined;
  }
}
