import type { TargetType } from '../domain/service.ts';

/**
 * The payload of an OPEN frame: which target the edge asks the agent to dial.
 *
 *   byte 0     version of this payload: 1, or 2 where a flag above 4 is set
 *   byte 1     flags: 1 the origin speaks TLS, 2 do not verify its certificate, 4 the target is the agent's own
 *              machine; from version 2 on: 8 the stream carries datagrams (`datagram.ts`) to and from a UDP port,
 *              16 the host is a name that the agent resolves, 32 it is an address inside an allowed subnet
 *   byte 2-3   port, big endian
 *   byte 4-7   connect timeout in milliseconds, big endian
 *   byte 8     length of the host, 1 to 253
 *   byte 9-    host, ASCII
 *
 * An agent that knows version 1 only refuses what it doesn't understand, rather than dial something else.
 */
export interface OpenRequest {
  readonly type: TargetType;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly skipTlsVerify: boolean;
  /** The stream carries datagrams. Never together with `tls`. */
  readonly udp?: boolean;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

const HEAD = 9;
const FLAG = { tls: 1, skipTlsVerify: 2, udp: 8 } as const;
const TYPE_FLAG = { agent: 4, host: 0, domain: 16, subnet: 32 } as const;
const TYPE_MASK = 4 | 16 | 32;
const FLAGS_OF_VERSION: Readonly<Record<number, number>> = { 1: 7, 2: 63 };

/** Encodes `open`. Made once a target, not once a request: the edge keeps the bytes in its route table. */
export function encodeOpen(open: OpenRequest): Uint8Array {
  const length = open.host.length;
  if (length < 1 || length > 253) throw new RangeError('host length');
  const bytes = new Uint8Array(HEAD + length);
  const view = new DataView(bytes.buffer);
  const flags =
    (open.tls ? FLAG.tls : 0) |
    (open.skipTlsVerify ? FLAG.skipTlsVerify : 0) |
    (open.udp === true ? FLAG.udp : 0) |
    TYPE_FLAG[open.type];
  bytes[0] = flags > 7 ? 2 : 1;
  bytes[1] = flags;
  view.setUint16(2, open.port);
  view.setUint32(4, open.connectTimeout);
  bytes[8] = length;
  for (let i = 0; i < length; i++) bytes[HEAD + i] = open.host.charCodeAt(i);
  return bytes;
}

/** Decodes an OPEN payload; `undefined` when it is not one. */
export function decodeOpen(bytes: Uint8Array): OpenRequest | undefined {
  const length = bytes[8];
  if (length === undefined || length < 1 || bytes.length !== HEAD + length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(1);
  const port = view.getUint16(2);
  const known = FLAGS_OF_VERSION[view.getUint8(0)];
  const type = typeOf(flags);
  if (known === undefined || (flags & ~known) !== 0 || type === undefined || port === 0) return undefined;
  const udp = (flags & FLAG.udp) !== 0;
  if (udp && (flags & (FLAG.tls | FLAG.skipTlsVerify)) !== 0) return undefined;
  let host = '';
  for (let i = 0; i < length; i++) {
    const code = view.getUint8(HEAD + i);
    if (code <= 32 || code >= 127) return undefined;
    host += String.fromCharCode(code);
  }
  return {
    type,
    host,
    port,
    tls: (flags & FLAG.tls) !== 0,
    skipTlsVerify: (flags & FLAG.skipTlsVerify) !== 0,
    ...(udp ? { udp } : {}),
    connectTimeout: view.getUint32(4),
  };
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
    default:
      return undefined;
  }
}
