import { sourceOf } from '../peer.ts';
import type { VisitorConnection } from '../visit.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** An address as logs and origins know it: IPv4-mapped IPv6 un-mapped, without a zone. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  return mapped ?? address.split('%')[0] ?? address;
}

/** `text` (Latin-1) in one piece. As it was put together, its parts would be walked each time that it is written. */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

/** RFC 7239 section 6: IPv6 in brackets, and then quoted. */
const forwardedNode = (address: string): string => (address.includes(':') ? `"[${address}]"` : address);

/** What origins, logs and limits know of the visitor. Worked out once a connection, and again when `Host` changes. */
export class VisitorFields {
  readonly connection: VisitorConnection;
  /** As in logs. */
  readonly address: string;
  /** Whom the address stands for, when counting. */
  readonly source: string;
  readonly #fixed: string;
  readonly #forwarded: string;
  #authority: string | undefined;
  #text = '';
  /** Of the last request that a trusted proxy sent, and what it said of its visitor. */
  #behind: VisitorFields | undefined;
  #forwardedFor = '';

  /** `via`: the trusted proxies between, the nearest last. */
  constructor(connection: VisitorConnection, via: readonly string[] = []) {
    this.connection = connection;
    const address = plainAddress(connection.peerAddress);
    const proto = connection.secure ? 'https' : 'http';
    this.address = address;
    this.source = sourceOf(connection.peerAddress);
    this.#fixed =
      `X-Forwarded-For: ${[address, ...via].join(', ')}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: ${proto}\r\n` +
      `X-Forwarded-Port: ${connection.localPort}\r\n`;
    this.#forwarded = `Forwarded: for=${forwardedNode(address)};proto=${proto}`;
  }

  /** What is known of the visitor of one request, which came with this `X-Forwarded-For`. */
  of(forwardedFor: string): VisitorFields {
    const { proxies, peerAddress } = this.connection;
    if (proxies === undefined || forwardedFor === '') return this;
    if (this.#behind === undefined || forwardedFor !== this.#forwardedFor) {
      const { address, via } = proxies.clientOf(peerAddress, forwardedFor);
      this.#forwardedFor = forwardedFor;
      this.#behind = new VisitorFields({ ...this.connection, peerAddress: address }, via);
    }
    return this.#behind;
  }

  /** The fields for a request to `authority`, each with its CRLF. */
  for(authority: string): string {
    if (authority !== this.#authority) {
      this.#authority = authority;
      // The authority was checked against splitHost: it holds nothing that would need escaping inside quotes.
      this.#text = flat(
        authority === ''
          ? `${this.#fixed}${this.#forwarded}\r\n`
          : `${this.#fixed}X-Forwarded-Host: ${authority}\r\n${this.#forwarded};host="${authority}"\r\n`,
      );
    }
    return this.#text;
  }
}

/** The request target under a target's path prefix: `/api/x?y` becomes `/x?y` under `/api`. */
export function stripPrefix(target: string, prefix: string): string {
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (base === '' || !target.startsWith(base)) return target;
  const rest = target.slice(base.length);
  if (rest === '') return '/';
  if (rest.startsWith('?')) return `/${rest}`;
  if (!rest.startsWith('/')) return target;
  // `/api//host/x` must not become `//host/x`, which some origins read as an authority.
  return rest.replace(/^\/+/, '/');
}

/** What stands in a request head before and after what is said of the visitor. */
interface RequestParts {
  readonly host: string;
  readonly before: string;
  readonly after: string;
}

const requestParts = new WeakMap<RequestHead, RequestParts>();

/** The request head for the origin, whole, as Latin-1 text. `about`: see `VisitorFields.for`. */
export function requestText(head: RequestHead, host: string, about: string, id: string): string {
  const { before, after } = head.recurs ? knownParts(head, host) : partsOf(head, host);
  return `${before}${about}X-Request-Id: ${id}${after}`;
}

function knownParts(head: RequestHead, host: string): RequestParts {
  const known = requestParts.get(head);
  if (known?.host === host) return known;
  const { before, after } = partsOf(head, host);
  const parts = { host, before: flat(before), after: flat(after) };
  requestParts.set(head, parts);
  return parts;
}

function partsOf(head: RequestHead, host: string): RequestParts {
  let text = `\r\nX-Porthole-Hops: ${head.hops + 1}\r\n`;
  if (head.chunked) text += 'Transfer-Encoding: chunked\r\n';
  else if (head.lengthGiven) text += `Content-Length: ${head.length}\r\n`;
  if (head.expectsContinue) text += 'Expect: 100-continue\r\n';
  if (head.upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (head.wantsTrailers) text += 'Connection: TE\r\nTE: trailers\r\n';
  const before = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${host}\r\n${head.fields}`;
  return { host, before, after: `${text}\r\n` };
}

/** How a response's body goes to the visitor. */
export const DELIVERY = {
  /** There is none. */
  NONE: 0,
  /** As it comes, its length known. */
  LENGTH: 1,
  /** The origin's chunks as they come. */
  CHUNKS: 2,
  /** Chunks of ours around a body that ends with the origin's connection. */
  RECHUNK: 3,
  /** Data without framing; the end of the connection is its end (HTTP/1.0 visitors). */
  RAW: 4,
} as const;
export type Delivery = (typeof DELIVERY)[keyof typeof DELIVERY];

interface WholeText {
  readonly delivery: Delivery;
  readonly close: boolean;
  readonly text: string;
}

const responseTexts = new WeakMap<ResponseHead, WholeText>();

/** The response head for the visitor, whole, as Latin-1 text. */
export function responseText(head: ResponseHead, delivery: Delivery, close: boolean): string {
  if (!head.recurs) return wholeText(head, delivery, close);
  let whole = responseTexts.get(head);
  if (whole?.delivery !== delivery || whole.close !== close) {
    whole = { delivery, close, text: flat(wholeText(head, delivery, close)) };
    responseTexts.set(head, whole);
  }
  return whole.text;
}

function wholeText(head: ResponseHead, delivery: Delivery, close: boolean): string {
  let text = `HTTP/1.1 ${head.statusText}\r\n${head.fields}`;
  if (delivery === DELIVERY.CHUNKS || delivery === DELIVERY.RECHUNK) text += 'Transfer-Encoding: chunked\r\n';
  else if (delivery !== DELIVERY.RAW && head.length >= 0 && head.status !== 204)
    text += `Content-Length: ${head.length}\r\n`;
  const offersUpgrade = head.status === 426 && head.upgrade !== '';
  if (offersUpgrade) text += `Upgrade: ${head.upgrade}\r\n`;
  if (close) text += offersUpgrade ? 'Connection: close, Upgrade\r\n' : 'Connection: close\r\n';
  else if (offersUpgrade) text += 'Connection: Upgrade\r\n';
  return `${text}\r\n`;
}

/** An interim response for the visitor; 101 keeps its `Upgrade`. */
export function interimText(head: ResponseHead): string {
  const upgrade = head.status === 101 ? `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n` : '';
  return `HTTP/1.1 ${head.statusText}\r\n${head.fields}${upgrade}\r\n`;
}
