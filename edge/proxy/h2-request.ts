import { createHash, randomBytes } from 'node:crypto';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { Limits } from '../limits.ts';
import { cleanTrailers, isToken } from './fields.ts';
import { TRAILER_LIMIT } from './limits.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

/** A request head of HTTP/2 in the terms of HTTP/1.1. */
export interface H2Request {
  readonly head: RequestHead;
  /** The key of the handshake with the origin, when the visitor asks for a WebSocket (RFC 8441). */
  readonly webSocketKey: string | undefined;
}

/** What a line can't hold without becoming two. The rest is for the parser of heads to judge. */
const BREAKS_LINE = /[\r\n\0]/;

/** Fields that are about one connection have no place in HTTP/2 (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

interface Collected {
  /** Pseudo fields by name, and `host`. */
  readonly control: Map<string, string>;
  /** The other fields as lines. */
  lines: string;
  length: string;
}

/**
 * Reads a field section of names and values in turn (RFC 9113 section 8.3). It is put into the words of HTTP/1.1 and
 * parsed as such, so that both versions are held to the same rules and an origin is told the same in both. `ended`: no
 * body follows. A head that is too large yields the bound that it is beyond.
 */
export function readRequest(
  raw: readonly string[],
  ended: boolean,
  limits: Limits,
): H2Request | FailureCode | 'headerSize' | 'headerFields' {
  const collected = collect(raw);
  if (collected === undefined) return 'request_malformed';
  const { control, length } = collected;
  const method = control.get(':method') ?? '';
  const protocol = control.get(':protocol');
  if (method === 'CONNECT' && protocol !== 'websocket') return 'method_unsupported';
  const tunnel = method === 'CONNECT';
  if (!tunnel && protocol !== undefined) return 'request_malformed';
  const path = control.get(':path') ?? '';
  if (control.get(':scheme') !== 'https' || !(path.startsWith('/') || path === '*')) return 'request_malformed';
  const authority = control.get(':authority') ?? control.get('host') ?? '';
  // Two different ones are a trap, as in HTTP/1.1 with an absolute target.
  if ((control.get('host') ?? authority).toLowerCase() !== authority.toLowerCase()) return 'request_malformed';
  if (ended && (tunnel || Number(length) > 0)) return 'request_malformed';
  const webSocketKey = tunnel ? randomBytes(16).toString('base64') : undefined;
  let text = `${tunnel ? 'GET' : method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${collected.lines}`;
  if (webSocketKey !== undefined)
    text += `sec-websocket-key: ${webSocketKey}\r\nconnection: upgrade\r\nupgrade: websocket\r\n`;
  else if (!ended && length === '') text += 'transfer-encoding: chunked\r\n';
  if (text.length > limits.headerSize) return 'headerSize';
  const head = parseRequestHead(text, limits.headerFields);
  if (typeof head === 'string') return head === 'head_too_large' ? 'headerFields' : head;
  return tunnel && head.upgrade === '' ? 'request_malformed' : { head, webSocketKey };
}

/** Sorts the fields; `undefined` when one of them may not be there, or not like this. */
function collect(raw: readonly string[]): Collected | undefined {
  const control = new Map<string, string>();
  let lines = '';
  let cookie = '';
  let length = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (BREAKS_LINE.test(value)) return undefined;
    if (name.startsWith(':') || name === 'host') {
      if (control.has(name)) return undefined;
      control.set(name, value);
    } else if (!isToken(name) || CONNECTION_SPECIFIC.has(name)) return undefined;
    // Crumbs of one cookie field (RFC 9113 section 8.2.3).
    else if (name === 'cookie') cookie = cookie === '' ? value : `${cookie}; ${value}`;
    else {
      if (name === 'te' && value !== 'trailers') return undefined;
      if (name === 'content-length') length = value;
      // The hop to the origin has a key of its own.
      if (name !== 'sec-websocket-key') lines += `${name}: ${value}\r\n`;
    }
  }
  if (cookie !== '') lines += `cookie: ${cookie}\r\n`;
  return { control, lines, length };
}

/** A trailer section of names and values in turn as clean lines, each with its CRLF; `undefined` when it is malformed. */
export function readTrailers(raw: readonly string[]): string | undefined {
  let text = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const value = raw[at + 1] ?? '';
    if (BREAKS_LINE.test(value)) return undefined;
    text += `${raw[at]}: ${value}\r\n`;
  }
  return text.length > TRAILER_LIMIT ? undefined : cleanTrailers(text);
}

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What `Sec-WebSocket-Accept` must say in answer to `key` (RFC 6455 section 4.2.2). */
export const webSocketAccept = (key: string): string =>
  createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64');
