import { FIELD, FieldTable, readFields } from './fields.ts';
import type { Recurring } from './known-heads.ts';

/** A response head of an origin that was found to be valid and unambiguous. */
export interface ResponseHead extends Recurring {
  readonly status: number;
  /** Status and reason as sent, such as `404 Not Found`. */
  readonly statusText: string;
  /** -1 without `Content-Length`. */
  readonly length: number;
  readonly chunked: boolean;
  /** The origin will not take another request on this connection. */
  readonly close: boolean;
  /** Seconds that the origin keeps the connection (`Keep-Alive: timeout=`); -1 when it does not say. */
  readonly keepAlive: number;
  /** The protocol switched to, or offered. */
  readonly upgrade: string;
  /** End-to-end fields to pass on, each with its CRLF; framing not among them. */
  readonly fields: string;
}

const TABLE = new FieldTable([
  ['content-length', FIELD.CONTENT_LENGTH],
  ['transfer-encoding', FIELD.TRANSFER_ENCODING],
  ['connection', FIELD.CONNECTION],
  ['upgrade', FIELD.UPGRADE],
  ['keep-alive', FIELD.KEEP_ALIVE],
  ['te', FIELD.DROP],
  ['proxy-connection', FIELD.DROP],
  ['proxy-authenticate', FIELD.DROP],
]);

/** `HTTP/1.1 200 OK`; the space before an empty reason is often forgotten, and nothing hangs on it. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?)$/;

interface StatusLine {
  readonly status: number;
  readonly statusText: string;
  /** HTTP/1.0. */
  readonly old: boolean;
}

/** The last status line, with its CR: most are the same as the one before. */
let last: StatusLine = { status: 200, statusText: '200 OK', old: false };
let lastText = 'HTTP/1.1 200 OK\r';
/** Longer ones aren't worth keeping. */
const LAST_LENGTH = 64;

/** The status line at the beginning of `text`, which ends before `end`. */
function readStatusLine(text: string, end: number): StatusLine | undefined {
  // Comparing in place is much cheaper than with a piece that was cut out.
  if (text.startsWith(lastText)) return last;
  const match = STATUS_LINE.exec(text.slice(0, end));
  if (match?.[2] === undefined) return undefined;
  const statusText = copyOf(match[2].length === 3 ? `${match[2]} ` : match[2]);
  const line = { status: Number(statusText.slice(0, 3)), statusText, old: match[1] === '0' };
  if (end <= LAST_LENGTH) {
    last = line;
    lastText = copyOf(text.slice(0, end + 1));
  }
  return line;
}

/** In one piece of its own: a piece of a head's text would keep the whole head. */
const copyOf = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

/**
 * Parses a response head: Latin-1 text from the version to the CRLF of the last field line, the empty line left out
 * (RFC 9112). `undefined` when it is not one, or says two things about where its body ends.
 */
export function parseResponseHead(text: string): ResponseHead | undefined {
  const lineEnd = text.indexOf('\r');
  if (lineEnd < 0 || text.charCodeAt(lineEnd + 1) !== 0x0a) return undefined;
  const line = readStatusLine(text, lineEnd);
  if (line === undefined) return undefined;
  const fields = readFields(text, lineEnd + 2, TABLE, false);
  if (typeof fields === 'string') return undefined;
  if (line.old && fields.chunked) return undefined;
  return {
    status: line.status,
    statusText: line.statusText,
    length: fields.length,
    chunked: fields.chunked,
    close: fields.close || line.old,
    keepAlive: keepAliveSeconds(fields.keepAlive),
    upgrade: fields.upgrade,
    fields: fields.text,
    recurs: false,
  };
}

function keepAliveSeconds(value: string): number {
  if (value === '') return -1;
  const match = /(?:^|[,\s])timeout=([0-9]{1,6})(?:[,\s]|$)/i.exec(value);
  return match === null ? -1 : Number(match[1]);
}
