import { type Address, parseAddress, spell } from '../shared/domain/cidr.ts';

/**
 * The PROXY protocol's header (versions 1 and 2, https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt): what
 * proxies put in front of a connection to say where it came from. Pure: bytes in, value out.
 */

/** One end of a connection. */
export interface Endpoint {
  /** Without brackets or zone. */
  readonly address: string;
  readonly port: number;
}

/** A header that was read. */
export interface ProxyHeader {
  /** Where the connection came from; `undefined` when the proxy speaks for itself (LOCAL) or doesn't know. */
  readonly source: Endpoint | undefined;
  /** Bytes that the header took. */
  readonly length: number;
}

/** Bytes of the longest header: the fixed part of version 2 and as many again as the specification sets aside. */
export const MAX_PROXY_HEADER = 536;
const MAX_V1 = 107;

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const V1_START = Uint8Array.from('PROXY ', (char) => char.charCodeAt(0));
const FIXED = 16;
const STREAM_V4 = 0x11;
const STREAM_V6 = 0x21;

/**
 * The header that `bytes` (everything received so far) begin with; `undefined` asks for more. `absent`: no header
 * begins like this. `malformed`: one does, but it is broken or longer than `MAX_PROXY_HEADER`.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader | 'absent' | 'malformed' | undefined {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < SIGNATURE.length ? undefined : parseV2(bytes);
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? undefined : parseV1(bytes);
  return 'absent';
}

/** Whether `bytes` and `start` agree as far as both go. */
function startsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length && i < bytes.length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

/** `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`, at most 107 bytes. */
function parseV1(bytes: Uint8Array): ProxyHeader | 'malformed' | undefined {
  const end = bytes.subarray(0, MAX_V1).indexOf(0x0a);
  if (end === -1) return bytes.length >= MAX_V1 ? 'malformed' : undefined;
  let line = '';
  for (const byte of bytes.subarray(0, end + 1)) line += String.fromCharCode(byte);
  if (!line.endsWith('\r\n')) return 'malformed';
  const [, protocol, source = '', destination = '', from = '', to = '', ...rest] = line.slice(0, -2).split(' ');
  if (protocol === 'UNKNOWN') return { source: undefined, length: end + 1 };
  if ((protocol !== 'TCP4' && protocol !== 'TCP6') || rest.length > 0) return 'malformed';
  const isFamily = (text: string): boolean =>
    parseAddress(text) !== undefined && text.includes(':') === (protocol === 'TCP6');
  if (!isFamily(source) || !isFamily(destination) || !isPortText(from) || !isPortText(to)) return 'malformed';
  return { source: endpoint(parseAddress(source), Number(from)), length: end + 1 };
}

const isPortText = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;

function parseV2(bytes: Uint8Array): ProxyHeader | 'malformed' | undefined {
  if (bytes.length < FIXED) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versionAndCommand = view.getUint8(12);
  const family = view.getUint8(13);
  const length = FIXED + view.getUint16(14);
  const isLocal = versionAndCommand === 0x20;
  if ((!isLocal && versionAndCommand !== 0x21) || length > MAX_PROXY_HEADER) return 'malformed';
  if (family >> 4 > 3 || (family & 15) > 2) return 'malformed';
  if (bytes.length < length) return undefined;
  if (isLocal) return { source: undefined, length };
  if (family === STREAM_V4) {
    if (length < FIXED + 12) return 'malformed';
    return { source: endpoint({ family: 4, value: number(bytes, FIXED, 4) }, view.getUint16(FIXED + 8)), length };
  }
  if (family === STREAM_V6) {
    if (length < FIXED + 36) return 'malformed';
    return { source: endpoint({ family: 6, value: number(bytes, FIXED, 16) }, view.getUint16(FIXED + 32)), length };
  }
  // Unix sockets and what the proxy doesn't know have no address that we could use; datagrams don't come over streams.
  return (family & 15) === 2 ? 'malformed' : { source: undefined, length };
}

const number = (bytes: Uint8Array, start: number, length: number): bigint =>
  bytes.subarray(start, start + length).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** A mapped IPv6 address is the IPv4 address that it stands for. */
function endpoint(address: Address | undefined, port: number): Endpoint | undefined {
  if (address === undefined) return undefined;
  const text = spell(address);
  const plain = parseAddress(text);
  return { address: plain === undefined ? text : spell(plain), port };
}

/**
 * A version 2 header for a TCP connection from `source` to `destination`: TCP4 when both are IPv4, TCP6 when one is
 * not (the other is mapped), UNSPEC when an address is not known.
 */
export function encodeProxyHeader(source: Endpoint, destination: Endpoint): Uint8Array {
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  if (from === undefined || to === undefined) return fixed(0, 0);
  const family = from.family === 4 && to.family === 4 ? 4 : 6;
  const width = family === 4 ? 4 : 16;
  const bytes = fixed(family === 4 ? STREAM_V4 : STREAM_V6, 2 * width + 4);
  const view = new DataView(bytes.buffer);
  writeNumber(bytes, FIXED, width, widen(from, family));
  writeNumber(bytes, FIXED + width, width, widen(to, family));
  view.setUint16(FIXED + 2 * width, source.port);
  view.setUint16(FIXED + 2 * width + 2, destination.port);
  return bytes;
}

const widen = (address: Address, family: 4 | 6): bigint =>
  address.family === family ? address.value : (0xffffn << 32n) | address.value;

function fixed(family: number, rest: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FIXED + rest);
  bytes.set(SIGNATURE);
  bytes[12] = 0x21;
  bytes[13] = family;
  new DataView(bytes.buffer).setUint16(14, rest);
  return bytes;
}

function writeNumber(bytes: Uint8Array, at: number, width: number, value: bigint): void {
  for (let i = width - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[at + i] = Number(rest & 255n);
}
