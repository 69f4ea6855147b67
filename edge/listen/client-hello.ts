import { askedWorker } from '../../shared/wire/handshake.ts';
import { DEFAULT_LIMITS } from '../limits.ts';

/** What a ClientHello says about where its connection wants to go. */
export interface ClientHello {
  /** Server name (RFC 6066 section 3), lower-case, without a trailing dot; `undefined` when absent. */
  readonly serverName: string | undefined;
  /** Application protocols (RFC 7301) in the client's order. */
  readonly alpn: readonly string[];
  /** The worker that an agent asks for. A hint from a stranger: nothing but where to hand the connection. */
  readonly worker?: number;
}

/** Why the first bytes of a connection are not a usable ClientHello. */
export type HelloFault = 'not_tls' | 'malformed' | 'too_large';

const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;

/**
 * Collects a ClientHello from bytes as they come: any number of TCP segments, any number of TLS records (RFC 8446
 * section 5.1 lets the message be spread over several). Does no I/O, keeps at most `most` bytes, and looks at
 * each byte once.
 */
export class ClientHelloReader {
  readonly #most: number;
  #head: number[] = [];
  #recordLeft = 0;
  #message: Uint8Array = new Uint8Array(512);
  #length = 0;
  #total = 0;

  /** `most`: bytes of the message and its record headers that are looked at before giving up. */
  constructor(most: number = DEFAULT_LIMITS.helloSize) {
    this.#most = most;
  }

  /** Takes the next bytes; `undefined` asks for more. Not to be called again after an answer. */
  push(bytes: Uint8Array): ClientHello | HelloFault | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#recordLeft === 0) {
        const fault = this.#headByte(bytes[at] ?? 0);
        if (fault !== undefined) return fault;
        at++;
        continue;
      }
      const take = Math.min(this.#recordLeft, bytes.length - at);
      const answer = this.#append(bytes.subarray(at, at + take));
      if (answer !== undefined) return answer;
      this.#recordLeft -= take;
      at += take;
    }
    return undefined;
  }

  #headByte(byte: number): HelloFault | undefined {
    this.#head.push(byte);
    if (++this.#total > this.#most) return 'too_large';
    const at = this.#head.length;
    if (at === 1 && byte !== HANDSHAKE) return this.#length === 0 ? 'not_tls' : 'malformed';
    if (at === 2 && byte !== 3) return this.#length === 0 ? 'not_tls' : 'malformed';
    if (at < RECORD_HEAD) return undefined;
    const length = ((this.#head[3] ?? 0) << 8) | (this.#head[4] ?? 0);
    this.#head = [];
    this.#recordLeft = length;
    // An empty handshake record is forbidden; it would let a peer keep us reading for ever.
    return length === 0 || length > 16_384 ? 'malformed' : undefined;
  }

  #append(bytes: Uint8Array): ClientHello | HelloFault | undefined {
    // What follows the message in the same record (early data has its own) is not ours to keep.
    const room = this.#wanted() - this.#length;
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#total += part.length;
    if (this.#total > this.#most) return 'too_large';
    this.#reserve(this.#length + part.length);
    this.#message.set(part, this.#length);
    this.#length += part.length;
    if (this.#length >= 1 && this.#message[0] !== CLIENT_HELLO) return 'malformed';
    if (this.#length < MESSAGE_HEAD) return undefined;
    const wanted = this.#wanted();
    if (wanted > this.#most) return 'too_large';
    if (this.#length === wanted) return parseMessage(this.#message.subarray(MESSAGE_HEAD, wanted));
    return part.length < bytes.length ? this.#append(bytes.subarray(part.length)) : undefined;
  }

  /** Bytes that the message takes as far as is known: its header first, then all of it. */
  #wanted(): number {
    if (this.#length < MESSAGE_HEAD) return MESSAGE_HEAD;
    const m = this.#message;
    return MESSAGE_HEAD + (((m[1] ?? 0) << 16) | ((m[2] ?? 0) << 8) | (m[3] ?? 0));
  }

  #reserve(length: number): void {
    if (length <= this.#message.length) return;
    const grown = new Uint8Array(Math.min(this.#most, Math.max(length, this.#message.length * 2)));
    grown.set(this.#message.subarray(0, this.#length));
    this.#message = grown;
  }
}

/** Reads length-prefixed vectors (RFC 8446 section 3.4) and remembers whether one ran past its end. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;
  broken = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.broken || this.at === this.bytes.length;
  }

  skip(length: number): void {
    if (this.at + length > this.bytes.length) this.broken = true;
    else this.at += length;
  }

  number(width: 1 | 2): number {
    const at = this.at;
    this.skip(width);
    if (this.broken) return 0;
    const first = this.bytes[at] ?? 0;
    return width === 1 ? first : (first << 8) | (this.bytes[at + 1] ?? 0);
  }

  vector(width: 1 | 2): Uint8Array {
    const length = this.number(width);
    const at = this.at;
    this.skip(length);
    return this.broken ? new Uint8Array(0) : this.bytes.subarray(at, at + length);
  }
}

/** RFC 8446 section 4.1.2 (and RFC 5246 section 7.4.1.2, which has the same shape). */
function parseMessage(body: Uint8Array): ClientHello | 'malformed' {
  const hello = new Cursor(body);
  hello.skip(2 + 32);
  if (hello.vector(1).length > 32) return 'malformed';
  const suites = hello.vector(2);
  const compression = hello.vector(1);
  if (hello.broken || suites.length < 2 || compression.length < 1) return 'malformed';
  if (hello.done) return { serverName: undefined, alpn: [] };
  const extensions = new Cursor(hello.vector(2));
  if (hello.broken || !hello.done) return 'malformed';
  return parseExtensions(extensions);
}

function parseExtensions(extensions: Cursor): ClientHello | 'malformed' {
  let serverName: string | undefined;
  let alpn: readonly string[] = [];
  const seen = new Set<number>();
  while (!extensions.done) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    // One of each type at most (section 4.2): with two names, ours and the TLS library's reading could differ.
    if (extensions.broken || seen.has(type)) return 'malformed';
    seen.add(type);
    if (type === EXTENSION_SERVER_NAME) {
      const name = parseServerName(data);
      if (name === undefined) return 'malformed';
      serverName = name;
    } else if (type === EXTENSION_ALPN) {
      const names = parseAlpn(data);
      if (names === undefined) return 'malformed';
      alpn = names;
    }
  }
  if (extensions.broken) return 'malformed';
  const worker = alpn.map(askedWorker).find((asked) => asked !== undefined);
  return { serverName, alpn, ...(worker === undefined ? {} : { worker }) };
}

/** Exactly one host name; that is all that RFC 6066 lets a client send and all that anybody sends. */
function parseServerName(data: Uint8Array): string | undefined {
  const outer = new Cursor(data);
  const list = new Cursor(outer.vector(2));
  const type = list.number(1);
  const name = ascii(list.vector(2));
  if (outer.broken || !outer.done || list.broken || !list.done || type !== 0) return undefined;
  if (name === undefined || name.length > 254 || !/^[A-Za-z0-9._-]+$/.test(name)) return undefined;
  return name.toLowerCase().replace(/\.$/, '');
}

function parseAlpn(data: Uint8Array): readonly string[] | undefined {
  const outer = new Cursor(data);
  const list = new Cursor(outer.vector(2));
  if (outer.broken || !outer.done) return undefined;
  const names: string[] = [];
  while (!list.done) {
    const name = list.vector(1);
    if (list.broken || name.length === 0) return undefined;
    // Names are opaque bytes (GREASE sends odd ones); those that are not ASCII are none of ours.
    names.push(ascii(name) ?? '');
  }
  return list.broken || names.length === 0 ? undefined : names;
}

function ascii(bytes: Uint8Array): string | undefined {
  let text = '';
  for (const byte of bytes) {
    if (byte < 0x21 || byte > 0x7e) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}
