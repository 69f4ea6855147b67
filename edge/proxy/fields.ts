import type { FailureCode } from '../../shared/domain/failure.ts';
import { FIELD_LIMIT } from './limits.ts';

/**
 * A whole field section in one pass (RFC 9112 section 5): names are tokens, the colon follows at once, values hold
 * tab, space, visible ASCII and obs-text, lines end in CRLF. So obs-fold, bare CR or LF and NUL do not get by.
 */
const SECTION = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*/y;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What to do with a field. Those not in a table are passed on as they are. */
export const FIELD = {
  /** Passed on, looked at. */
  USER_AGENT: 1,
  ACCEPT: 2,
  /** Not passed on as such: framing and what this hop says itself. */
  DROP: 3,
  CONTENT_LENGTH: 4,
  TRANSFER_ENCODING: 5,
  CONNECTION: 6,
  HOST: 7,
  UPGRADE: 8,
  EXPECT: 9,
  TE: 10,
  KEEP_ALIVE: 11,
  HOPS: 12,
  FORWARDED_FOR: 13,
} as const;

/** The field names that a codec knows, in lower case, and what to do with each. */
export class FieldTable {
  readonly #kinds: ReadonlyMap<string, number>;
  /** By length: few names have the same, and most fields are told from them by their first letter. */
  readonly #byLength: (readonly [name: string, kind: number])[][] = [];

  constructor(kinds: Iterable<readonly [name: string, kind: number]>) {
    this.#kinds = new Map(kinds);
    for (const known of this.#kinds) {
      const { length } = known[0];
      while (this.#byLength.length <= length) this.#byLength.push([]);
      this.#byLength[length]?.push(known);
    }
  }

  /** What to do with `name`, which is lower-case. */
  get(name: string): number | undefined {
    return this.#kinds.get(name);
  }

  /** The same for the name `text[from, to)` in any case, without making a string of it. */
  at(text: string, from: number, to: number): number | undefined {
    const candidates = this.#byLength[to - from];
    if (candidates === undefined) return undefined;
    for (const [name, kind] of candidates) if (isNamed(text, from, name)) return kind;
    return undefined;
  }
}

/** Whether the token at `text[from…]` is `name` (lower-case letters, digits and hyphens), in any case. */
function isNamed(text: string, from: number, name: string): boolean {
  // In a token, 0x20 more only turns capitals into the letters, digits and hyphens of a name.
  for (let i = 0; i < name.length; i++) if ((text.charCodeAt(from + i) | 0x20) !== name.charCodeAt(i)) return false;
  return true;
}

/** What a field section says about its message, and the part of it that is passed on. */
export interface Fields {
  /** -1 without `Content-Length`. */
  length: number;
  chunked: boolean;
  close: boolean;
  upgradeOption: boolean;
  /** '' without. */
  host: string;
  hosts: number;
  upgrade: string;
  expect: string;
  te: string;
  keepAlive: string;
  /** How often an edge has passed the request on, as far as it says. */
  hops: number;
  /** What proxies before this one say; whether that counts is for others to judge. '' without. */
  forwardedFor: string;
  userAgent: string;
  accept: string;
  /** End-to-end fields, each with its CRLF. */
  text: string;
}

/** `text[from, to)` without leading and trailing spaces and tabs (and nothing else: 0xa0 is no space here). */
export function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** The number that `text` spells in 1 to 15 decimal digits; -1 when it is anything else. */
function decimal(text: string): number {
  if (text === '' || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether `text` is an RFC 9110 token. */
export const isToken = (text: string): boolean => TOKEN.test(text);

/** Whether `text` from `from` to its end is a valid field section, each line with its CRLF. */
export function isFieldSection(text: string, from: number): boolean {
  SECTION.lastIndex = from;
  return SECTION.test(text) ? SECTION.lastIndex === text.length : from === text.length;
}

/** Names whose underscores some origins (CGI, WSGI) take for hyphens are looked up as if they had hyphens. */
function lookUp(name: string, table: FieldTable): number | undefined {
  const kind = table.get(name);
  if (kind !== undefined) return kind;
  if (name.startsWith('x-')) return isIdentity(name) ? FIELD.DROP : undefined;
  if (!name.includes('_')) return undefined;
  const hyphened = name.replaceAll('_', '-');
  return table.get(hyphened) !== undefined || isIdentity(hyphened) ? FIELD.DROP : undefined;
}

/** Fields by which an origin knows who the visitor is: only this hop may set them. */
const isIdentity = (name: string): boolean => {
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name;
  return (
    plain.startsWith('x-forwarded-') ||
    plain.startsWith('x-porthole-') ||
    plain === 'x-real-ip' ||
    plain === 'x-request-id' ||
    ADDRESS_FIELDS.has(plain)
  );
};

/** What other proxies call the visitor's address, and frameworks believe; see docs/decisions.md. */
export const ADDRESS_FIELDS: ReadonlySet<string> = new Set([
  'x-forwarded',
  'forwarded-for',
  'client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-envoy-external-address',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'fastly-client-ip',
  'fly-client-ip',
  'do-connecting-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
]);

/**
 * Reads the field section `text[from…]` (every line with its CRLF). What is passed on is copied in runs, not line by
 * line. There may be `most` fields. `identity`: those by which an origin knows who the visitor is are dropped.
 */
export function readFields(
  text: string,
  from: number,
  table: FieldTable,
  identity: boolean,
  most = FIELD_LIMIT,
): Fields | FailureCode {
  if (!isFieldSection(text, from)) return 'request_malformed';
  const fields = emptyFields();
  let connection = '';
  let kept = '';
  let run = from;
  let count = 0;
  let underscore = identity ? text.indexOf('_', from) : -1;
  for (let at = from; at < text.length; ) {
    if (++count > most) return 'head_too_large';
    const colon = text.indexOf(':', at);
    // The section is valid: a line feed is the second half of a CRLF.
    const end = text.indexOf('\n', colon) - 1;
    if (underscore >= 0 && underscore < at) underscore = text.indexOf('_', at);
    const suspect = identity && ((underscore >= 0 && underscore < colon) || startsWithX(text, at));
    const kind = suspect ? lookUp(text.slice(at, colon).toLowerCase(), table) : table.at(text, at, colon);
    if (kind !== undefined) {
      if (kind >= FIELD.DROP) {
        if (run < at) kept += text.slice(run, at);
        run = end + 2;
      }
      if (kind !== FIELD.DROP) {
        const value = trimmed(text, colon + 1, end);
        if (kind === FIELD.CONNECTION) connection = connection === '' ? value : `${connection},${value}`;
        else if (!take(fields, kind, value)) return 'request_malformed';
      }
    }
    at = end + 2;
  }
  fields.text = run === from ? text.slice(from) : run < text.length ? kept + text.slice(run) : kept;
  if (fields.chunked && fields.length >= 0) return 'request_malformed';
  return connection === '' || readConnection(fields, connection) ? fields : 'request_malformed';
}

const startsWithX = (text: string, at: number): boolean =>
  (text.charCodeAt(at) | 0x20) === 0x78 && text.charCodeAt(at + 1) === 0x2d;

/** Takes in one field that the codec acts on; false when it may not be there, or not like this. */
function take(fields: Fields, kind: number, value: string): boolean {
  switch (kind) {
    case FIELD.CONTENT_LENGTH:
      // Repeated ones are refused even when they agree: a list is one step from a conflict (RFC 9112 section 6.3).
      if (fields.length >= 0) return false;
      fields.length = decimal(value);
      return fields.length >= 0;
    case FIELD.TRANSFER_ENCODING:
      if (fields.chunked || value.toLowerCase() !== 'chunked') return false;
      fields.chunked = true;
      return true;
    case FIELD.HOST:
      fields.host = value;
      return ++fields.hosts === 1;
    case FIELD.UPGRADE:
      fields.upgrade = fields.upgrade === '' ? value : `${fields.upgrade}, ${value}`;
      return true;
    case FIELD.EXPECT:
      fields.expect = fields.expect === '' ? value : `${fields.expect}, ${value}`;
      return true;
    case FIELD.TE:
      fields.te = value;
      return true;
    case FIELD.KEEP_ALIVE:
      fields.keepAlive = value;
      return true;
    case FIELD.HOPS:
      fields.hops = Math.max(fields.hops, Number.parseInt(value, 10) || 0);
      return true;
    case FIELD.FORWARDED_FOR:
      fields.forwardedFor = fields.forwardedFor === '' ? value : `${fields.forwardedFor}, ${value}`;
      return true;
    case FIELD.USER_AGENT:
      fields.userAgent = value;
      return true;
    case FIELD.ACCEPT:
      fields.accept = fields.accept === '' ? value : `${fields.accept}, ${value}`;
      return true;
    default:
      return true;
  }
}

/** Reads the options of `Connection` and drops the fields that it names (RFC 9110 section 7.6.1). */
function readConnection(fields: Fields, value: string): boolean {
  if (value === 'keep-alive') return true;
  let named: Set<string> | undefined;
  for (const item of value.toLowerCase().split(',')) {
    const option = trimmed(item, 0, item.length);
    if (option === '' || option === 'keep-alive') continue;
    if (!isToken(option)) return false;
    if (option === 'close') fields.close = true;
    else if (option === 'upgrade') fields.upgradeOption = true;
    else {
      named ??= new Set();
      named.add(option);
    }
  }
  if (named !== undefined) fields.text = withoutFields(fields.text, (name) => named.has(name));
  return true;
}

/** The valid field section `text` without the lines whose lower-case name `drop` picks. */
export function withoutFields(text: string, drop: (name: string) => boolean): string {
  let kept = '';
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at) + 2;
    if (!drop(text.slice(at, text.indexOf(':', at)).toLowerCase())) kept += text.slice(at, end);
    at = end;
  }
  return kept;
}

const emptyFields = (): Fields => ({
  length: -1,
  chunked: false,
  close: false,
  upgradeOption: false,
  host: '',
  hosts: 0,
  upgrade: '',
  expect: '',
  te: '',
  keepAlive: '',
  hops: 0,
  forwardedFor: '',
  userAgent: '',
  accept: '',
  text: '',
});

/**
 * A trailer section, fit to be passed on: fields that frame, route, authenticate or identify do not belong there
 * (RFC 9110 section 6.5.1), and an origin that merges trailers into the head would believe them. `undefined` when it
 * is malformed.
 */
export function cleanTrailers(text: string): string | undefined {
  if (!isFieldSection(text, 0)) return undefined;
  return withoutFields(text, (name) => {
    const plain = name.replaceAll('_', '-');
    return NEVER_IN_TRAILERS.has(plain) || isIdentity(plain);
  });
}

const NEVER_IN_TRAILERS: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
]);
