import type { TargetType } from '../domain/service.ts';

/**
 * The payload of an OPEN frame: which target the edge asks the agent to dial.
 *
 *   byte 0     version of this payload: 3; without a service 1, or 2 where a flag above 4 is set
 *   byte 1     flags: 1 the origin speaks TLS, 2 do not verify its certificate, 4 the target is the agent's own
 *              machine; from version 2 on: 8 the stream carries datagrams (`datagram.ts`) to and from a UDP port,
 *              16 the host is a name that the agent resolves, 32 it is an address inside an allowed subnet; from
 *              version 3 on: 64 offer HTTP/2 in the TLS handshake, 128 the host is the path of a Unix socket
 *   byte 2-3   port, big endian; 0 for a Unix socket, and for nothing else
 *   byte 4-7   connect timeout in milliseconds, big endian
 *   byte 8     length of the host, 1 to 253
 *   byte 9-    host, ASCII; spaces in the path of a Unix socket only
 *   then       from version 3 on: length of the service's id, 1 to 64, and the id, visible ASCII
 *
 * An agent refuses a version or flag that it doesn't understand, rather than dial something else.
 */
export interface OpenRequest {
  /** The service that the stream is for. Edges of versions 1 and 2 don't say it. */
  readonly service?: string;
  readonly type: TargetType;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly skipTlsVerify: boolean;
  /** Offer HTTP/2 to the origin by ALPN (RFC 7301). With `tls` only. */
  readonly http2?: boolean;
  /** The stream carries datagrams. Never together with `tls`. */
  readonly udp?: boolean;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

const HEAD = 9;
const FLAG = { tls: 1, skipTlsVerify: 2, udp: 8, http2: 64 } as const;
const TYPE_FLAG = { agent: 4, host: 0, domain: 16, subnet: 32, unix: 128 } as const;
const TYPE_MASK = 4 | 16 | 32 | 128;
const FLAGS_OF_VERSION: Readonly<Record<number, number>> = { 1: 7, 2: 63, 3: 255 };
const HOST_LIMIT = 253;
const SERVICE_LIMIT = 64;

/** Encodes `open`. Made once a target, not once a request: the edge keeps the bytes in its route table. */
export function encodeOpen(open: OpenRequest): Uint8Array {
  const { host, service } = open;
  if (host.length < 1 || host.length > HOST_LIMIT) throw new RangeError('host length');
  if (service !== undefined && (service.length < 1 || service.length > SERVICE_LIMIT))
    throw new RangeError('service length');
  const bytes = new Uint8Array(HEAD + host.length + (service === undefined ? 0 : 1 + service.length));
  const view = new DataView(bytes.buffer);
  const flags =
    (open.tls ? FLAG.tls : 0) |
    (open.skipTlsVerify ? FLAG.skipTlsVerify : 0) |
    (open.udp === true ? FLAG.udp : 0) |
    (open.http2 === true ? FLAG.http2 : 0) |
    TYPE_FLAG[open.type];
  bytes[0] = service !== undefined ? 3 : flags > 7 ? 2 : 1;
  bytes[1] = flags;
  view.setUint16(2, open.port);
  view.setUint32(4, open.connectTimeout);
  putText(bytes, HEAD - 1, host);
  if (service !== undefined) putText(bytes, HEAD + host.length, service);
  return bytes;
}

/**
 * A number that all OPEN payloads for one service have in common, for sharing a tunnel fairly: two services have the
 * same one only by chance. Of payloads that name no service all that is equal counts.
 */
export function laneOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = bytes[0] === 3 ? HEAD + (bytes[HEAD - 1] ?? 0) : 0; i < bytes.length; i++)
    hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return hash;
}

/** Decodes an OPEN payload; `undefined` when it is not one. */
export function decodeOpen(bytes: Uint8Array): OpenRequest | undefined {
  if (bytes.length <= HEAD) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0);
  const flags = view.getUint8(1);
  const port = view.getUint16(2);
  const known = FLAGS_OF_VERSION[version];
  const type = typeOf(flags);
  if (known === undefined || (flags & ~known) !== 0 || type === undefined) return undefined;
  if ((type === 'unix') !== (port === 0)) return undefined;
  const udp = (flags & FLAG.udp) !== 0;
  if (udp && (flags & (FLAG.tls | FLAG.skipTlsVerify)) !== 0) return undefined;
  const http2 = (flags & FLAG.http2) !== 0;
  if ((http2 && (flags & FLAG.tls) === 0) || (udp && type === 'unix')) return undefined;
  const host = textAt(bytes, HEAD - 1, HOST_LIMIT, type === 'unix');
  if (host === undefined) return undefined;
  const hostEnd = HEAD + host.length;
  const service = version < 3 ? undefined : textAt(bytes, hostEnd, SERVICE_LIMIT);
  const end = service === undefined ? hostEnd : hostEnd + 1 + service.length;
  if ((version >= 3 && service === undefined) || bytes.length !== end) return undefined;
  return {
    ...(service === undefined ? {} : { service }),
    type,
    host,
    port,
    tls: (flags & FLAG.tls) !== 0,
    skipTlsVerify: (flags & FLAG.skipTlsVerify) !== 0,
    ...(http2 ? { http2 } : {}),
    ...(udp ? { udp } : {}),
    connectTimeout: view.getUint32(4),
  };
}

/** Writes `text` at `at`, its length in the byte before it. */
function putText(bytes: Uint8Array, at: number, text: string): void {
  bytes[at] = text.length;
  for (let i = 0; i < text.length; i++) bytes[at + 1 + i] = text.charCodeAt(i);
}

/** The text whose length stands at `at`: 1 to `most` characters of visible ASCII, and spaces where it is `spaced`. */
function textAt(bytes: Uint8Array, at: number, most: number, spaced = false): string | undefined {
  const length = bytes[at];
  if (length === undefined || length < 1 || length > most || bytes.length < at + 1 + length) return undefined;
  let text = '';
  for (let i = at + 1; i <= at + length; i++) {
    const code = bytes[i] ?? 0;
    if (code < 32 || code >= 127 || (code === 32 && !spaced)) return undefined;
    text += String.fromCharCode(code);
  }
  return text;
}

/** At most one of the type flags may be set. */
function typeOf(flags: number): TargetType | undefined {
  switch (flags & TYPE_MASK) {
    case TYPE_FLAG.agent:
      return 'agent';
    case TYPE_FLAG.host:
      return 'host';
    case TYPE_FLAG.domain:
      return 'domain';
    case TYPE_FLAG.subnet:
      return 'subnet';
    case TYPE_FLAG.unix:
      return 'unix';
    default:
      return undefined;
  }
}

/** The number that OPENED carries: the dial's microseconds, and in its highest bit whether the origin chose HTTP/2. */
const CHOSE_HTTP2 = 0x8000_0000;

/** What the agent answers an OPEN with. `http2` only where that was offered, so that older edges never see it. */
export const openedWord = (dialMicros: number, http2: boolean): number =>
  Math.min(Math.max(0, Math.round(dialMicros)), CHOSE_HTTP2 - 1) + (http2 ? CHOSE_HTTP2 : 0);

/** Whether the origin behind a stream whose OPEN offered HTTP/2 chose it. */
export const choseHttp2 = (opened: number): boolean => opened >= CHOSE_HTTP2;
