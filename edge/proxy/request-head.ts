import type { FailureCode } from '../../shared/domain/failure.ts';
import { splitHost } from '../../shared/domain/hostname.ts';
import { ADDRESS_FIELDS, FIELD, type Fields, FieldTable, isToken, readFields } from './fields.ts';
import type { Recurring } from './known-heads.ts';
import { HOP_LIMIT, METHOD_LIMIT, TARGET_LIMIT } from './limits.ts';

/** A request head that was found to be valid and unambiguous. */
export interface RequestHead extends Recurring {
  readonly method: string;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** `target` without its query. */
  readonly path: string;
  /** Minor version of HTTP/1. */
  readonly minor: 0 | 1;
  /** The `Host` value, or the authority of an absolute target; '' for HTTP/1.0 without either. */
  readonly authority: string;
  /** Its lower-case name, without port and trailing dot. */
  readonly host: string;
  /** Bytes of the body; -1 when chunked. */
  readonly length: number;
  readonly chunked: boolean;
  /** A `Content-Length` was there, if only of 0. */
  readonly lengthGiven: boolean;
  /** The connection ends with the response. */
  readonly close: boolean;
  readonly expectsContinue: boolean;
  /** The protocols asked for; '' when no upgrade may take place. */
  readonly upgrade: string;
  readonly wantsTrailers: boolean;
  /** How often an edge has passed it on; a visitor who claims more than is true only refuses itself. */
  readonly hops: number;
  /** The `X-Forwarded-For` that came, never passed on as such; see `TrustedProxies`. */
  readonly forwardedFor: string;
  readonly userAgent: string;
  readonly accept: string;
  /** End-to-end fields to pass on, each with its CRLF; `Host` and framing not among them. */
  readonly fields: string;
}

const TABLE = new FieldTable([
  ['user-agent', FIELD.USER_AGENT],
  ['accept', FIELD.ACCEPT],
  ['content-length', FIELD.CONTENT_LENGTH],
  ['transfer-encoding', FIELD.TRANSFER_ENCODING],
  ['connection', FIELD.CONNECTION],
  ['host', FIELD.HOST],
  ['upgrade', FIELD.UPGRADE],
  ['expect', FIELD.EXPECT],
  ['te', FIELD.TE],
  ['keep-alive', FIELD.DROP],
  ['proxy-connection', FIELD.DROP],
  ['proxy-authorization', FIELD.DROP],
  ['forwarded', FIELD.DROP],
  ['x-porthole-hops', FIELD.HOPS],
  ['x-forwarded-for', FIELD.FORWARDED_FOR],
  ...[...ADDRESS_FIELDS].map((name) => [name, FIELD.DROP] as const),
]);

const LF = 0x0a;
/** Visible ASCII without `#`: a fragment is never sent (RFC 9112 section 3.2). */
const TARGET = /^[\x21\x22\x24-\x7e]+$/;
const ABSOLUTE = /^https?:\/\/([^/?]*)/i;
const VERSION = /^HTTP\/[0-9]\.[0-9]$/;

/**
 * Parses a request head: Latin-1 text from the method to the CRLF of the last field line, the empty line left out
 * (RFC 9112), with no more than `mostFields` of these. Nothing is guessed: what two readers could read differently is
 * refused with its code.
 */
export function parseRequestHead(text: string, mostFields?: number): RequestHead | FailureCode {
  const lineEnd = text.indexOf('\r');
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.lastIndexOf(' ', lineEnd);
  if (lineEnd < 0 || text.charCodeAt(lineEnd + 1) !== LF) return 'request_malformed';
  if (methodEnd <= 0 || targetEnd <= methodEnd) return 'request_malformed';
  const method = text.slice(0, methodEnd);
  const version = text.slice(targetEnd + 1, lineEnd);
  if (!isToken(method)) return 'request_malformed';
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0')
    return VERSION.test(version) ? 'version_unsupported' : 'request_malformed';
  // TRACE would echo what this hop adds; CONNECT asks for another kind of proxy.
  if (method.length > METHOD_LIMIT || method === 'CONNECT' || method === 'TRACE') return 'method_unsupported';
  if (targetEnd - methodEnd - 1 > TARGET_LIMIT) return 'target_too_long';
  const sent = text.slice(methodEnd + 1, targetEnd);
  if (!TARGET.test(sent)) return 'request_malformed';
  const fields = readFields(text, lineEnd + 2, TABLE, true, mostFields);
  if (typeof fields === 'string') return fields;
  const minor = version === 'HTTP/1.1' ? 1 : 0;
  return assemble(method, sent, minor, fields);
}

function assemble(method: string, sent: string, minor: 0 | 1, fields: Fields): RequestHead | FailureCode {
  // HTTP/1.0 has no transfer codings: whoever sends one anyway is understood differently everywhere.
  if (minor === 0 && fields.chunked) return 'request_malformed';
  if (minor === 1 && fields.hosts === 0) return 'request_malformed';
  let target = sent;
  let authority = fields.host;
  if (sent.charCodeAt(0) !== 0x2f) {
    if (sent === '*') {
      if (method !== 'OPTIONS') return 'request_malformed';
    } else {
      const match = ABSOLUTE.exec(sent);
      if (match?.[1] === undefined) return 'request_malformed';
      authority = match[1];
      // A client must send the same authority twice (RFC 9112 section 3.2); two different ones are a trap.
      if (fields.hosts === 1 && fields.host.toLowerCase() !== authority.toLowerCase()) return 'request_malformed';
      target = originForm(method, sent.slice(match[0].length));
    }
  }
  const host = hostOf(authority);
  if (host === undefined && (minor === 1 || authority !== '' || fields.hosts > 0)) return 'request_malformed';
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (path.includes('\\')) return 'request_malformed';
  if (fields.hops >= HOP_LIMIT) return 'loop_detected';
  const expectsContinue = fields.expect !== '' && minor === 1;
  if (expectsContinue && fields.expect.toLowerCase() !== '100-continue') return 'expectation_unsupported';
  return {
    method,
    target,
    path,
    minor,
    authority: host?.authority ?? authority,
    host: host?.name ?? '',
    length: fields.chunked ? -1 : Math.max(fields.length, 0),
    chunked: fields.chunked,
    lengthGiven: fields.length >= 0,
    close: fields.close || minor === 0,
    expectsContinue,
    upgrade: upgradeOf(fields, minor),
    wantsTrailers: fields.te !== '' && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(fields.te),
    hops: fields.hops,
    forwardedFor: fields.forwardedFor,
    userAgent: fields.userAgent,
    accept: fields.accept,
    fields: fields.text,
    recurs: false,
  };
}

/** What follows the authority of an absolute target, as origin-form (RFC 9112 sections 3.2.1 and 3.2.4). */
function originForm(method: string, rest: string): string {
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/**
 * The upgrade that may be passed on. Not with a body, which would leave open where the new protocol begins, and not
 * to `h2c`: the requests inside would pass by every rule of this hop.
 */
function upgradeOf(fields: Fields, minor: 0 | 1): string {
  const { upgrade } = fields;
  if (upgrade === '' || !fields.upgradeOption || minor === 0) return '';
  if (fields.chunked || fields.length > 0) return '';
  return /(?:^|[,\s])h2c(?:[,\s/]|$)/i.test(upgrade) ? '' : upgrade;
}

/** A `Host` value and the lower-case name in it. */
interface Host {
  readonly authority: string;
  readonly name: string;
}

const HOST_CACHE = 1024;
const hosts = new Map<string, Host>();

/** What `authority` names. Remembers the last ones, as they are few and come again; what is the same is one string then. */
function hostOf(authority: string): Host | undefined {
  const known = hosts.get(authority);
  if (known !== undefined) return known;
  const split = splitHost(authority);
  if (split === undefined || split.name === '' || Number(split.port) > 65535) return undefined;
  if (hosts.size >= HOST_CACHE) hosts.clear();
  // Copies: a piece of a head's text would keep the whole head.
  const host = { authority: Buffer.from(authority).toString(), name: Buffer.from(split.name).toString() };
  hosts.set(host.authority, host);
  return host;
}
