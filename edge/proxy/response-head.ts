import { FIELD, type FieldTable, readFields } from './fields.ts';

/** A response head of an origin that was found to be valid and unambiguous. */
export interface ResponseHead {
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

const TABLE: FieldTable = new Map<string, number>([
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

/**
 * Parses a response head: Latin-1 text from the version to the CRLF of the last field line, the empty line left out
 * (RFC 9112). `undefined` when it is not one, or says two things about where its body ends.
 */
export function parseResponseHead(text: string): ResponseHead | undefined {
  const lineEnd = text.indexOf('\r\n');
  const line = STATUS_LINE.exec(text.slice(0, Math.max(lineEnd, 0)));
  if (line?.[2] === undefined) return undefined;
  const fields = readFields(text, lineEnd + 2, TABLE, false);
  if (typeof fields === 'string') return undefined;
  const old = line[1] === '0';
  if (old && fields.chunked) return undefined;
  const statusText = line[2].length === 3 ? `${line[2]} ` : line[2];
  return {
    status: Number(statusText.slice(0, 3)),
    statusText,
    length: fields.length,
    chunked: fields.chunked,
    close: fields.close || old,
    keepAlive: keepAliveSeconds(fields.keepAlive),
    upgrade: fields.upgrade,
    fields: fields.text,
  };
}

function keepAliveSeconds(value: string): number {
  if (value === '') return -1;
  const match = /(?:^|[,\s])timeout=([0-9]{1,6})(?:[,\s]|$)/i.exec(value);
  return match === null ? -1 : Number(match[1]);
}
