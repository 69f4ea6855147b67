/**
 * The payload of an OPEN frame: which target the edge asks the agent to dial.
 *
 *   byte 0     version of this payload, 1
 *   byte 1     flags: 1 the origin speaks TLS, 2 do not verify its certificate, 4 the target is the agent's own machine
 *   byte 2-3   port, big endian
 *   byte 4-7   connect timeout in milliseconds, big endian
 *   byte 8     length of the host, 1 to 253
 *   byte 9-    host, ASCII
 */
export interface OpenRequest {
  readonly type: 'agent' | 'host';
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly skipTlsVerify: boolean;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

const VERSION = 1;
const HEAD = 9;

/** Encodes `open`. Made once a target, not once a request: the edge keeps the bytes in its route table. */
export function encodeOpen(open: OpenRequest): Uint8Array {
  const length = open.host.length;
  if (length < 1 || length > 253) throw new RangeError('host length');
  const bytes = new Uint8Array(HEAD + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes[1] = (open.tls ? 1 : 0) | (open.skipTlsVerify ? 2 : 0) | (open.type === 'agent' ? 4 : 0);
  view.setUint16(2, open.port);
  view.setUint32(4, open.connectTimeout);
  bytes[8] = length;
  for (let i = 0; i < length; i++) bytes[HEAD + i] = open.host.charCodeAt(i);
  return bytes;
}

/** Decodes an OPEN payload; `undefined` when it is not one. */
export function decodeOpen(bytes: Uint8Array): OpenRequest | undefined {
  const length = bytes[8];
  if (length === undefined || length < 1 || bytes[0] !== VERSION || bytes.length !== HEAD + length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(1);
  const port = view.getUint16(2);
  if (flags > 7 || port === 0) return undefined;
  let host = '';
  for (let i = 0; i < length; i++) {
    const code = view.getUint8(HEAD + i);
    if (code <= 32 || code >= 127) return undefined;
    host += String.fromCharCode(code);
  }
  return {
    type: (flags & 4) !== 0 ? 'agent' : 'host',
    host,
    port,
    tls: (flags & 1) !== 0,
    skipTlsVerify: (flags & 2) !== 0,
    connectTimeout: view.getUint32(4),
  };
}
