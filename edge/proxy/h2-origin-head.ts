import type { OutgoingHttpHeaders } from 'node:http2';
import { isToken } from './fields.ts';
import { single, toFields } from './h2-fields.ts';

/** A request as an HTTP/2 origin gets it. */
export interface H2OriginRequest {
  readonly fields: OutgoingHttpHeaders;
  /** The body comes in chunks, or with this many bytes. */
  readonly chunked: boolean;
  readonly length: number;
}

/** As `requestText` writes them; what a visitor says of either never gets this far. */
const CHUNKED = '\r\nTransfer-Encoding: chunked\r\n';
const TE = '\r\nTE: trailers\r\n';

/** The request head `text`, as `requestText` writes it, in the terms of HTTP/2 (RFC 9113 section 8.3.1). */
export function toH2Request(text: string, scheme: 'http' | 'https'): H2OriginRequest {
  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const fields = toFields(text, lineEnd + 2);
  const host = single(fields, 'host') ?? '';
  delete fields.host;
  if (text.includes(TE)) fields.te = 'trailers';
  fields[':method'] = text.slice(0, methodEnd);
  fields[':scheme'] = scheme;
  fields[':authority'] = host;
  fields[':path'] = text.slice(methodEnd + 1, text.lastIndexOf(' ', lineEnd));
  return { fields, chunked: text.includes(CHUNKED), length: Number(single(fields, 'content-length') ?? 0) };
}

/** What a line can't hold without becoming two. */
const BREAKS_LINE = /[\r\n\0]/;

/** A response of HTTP/2 in the words of HTTP/1.1. */
export interface H1Response {
  /** The head, with its empty line. */
  readonly text: string;
  /** The body that follows is to be put into chunks. */
  readonly chunked: boolean;
}

/**
 * The section of names and values in turn as a response head of HTTP/1.1, to be parsed as any other; `undefined` when
 * it can't be one. `ended`: no body follows, nor trailers. `method`: of the request.
 */
export function toH1Response(raw: readonly string[], ended: boolean, method: string): H1Response | undefined {
  let status = '';
  let length = '';
  let announces = false;
  let lines = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (name === ':status') status = value;
    else if (name.startsWith(':') || !isToken(name) || BREAKS_LINE.test(value)) return undefined;
    else if (name === 'content-length') length = value;
    else if (!CONNECTION.has(name)) {
      if (name === 'trailer') announces = true;
      lines += `${name}: ${value}\r\n`;
    }
  }
  const bodiless = method === 'HEAD' || status === '204' || status === '304' || status.startsWith('1');
  const chunked = !ended && !bodiless && (length === '' || announces);
  if (chunked) lines += 'transfer-encoding: chunked\r\n';
  else if (length !== '') lines += `content-length: ${length}\r\n`;
  else if (ended && !bodiless) lines += 'content-length: 0\r\n';
  return { text: `HTTP/1.1 ${status} \r\n${lines}\r\n`, chunked };
}

/** Fields that HTTP/2 has no place for (RFC 9113 section 8.2.2): an origin that sends them is not taken at its word. */
const CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
