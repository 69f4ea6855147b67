import type { ClientHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import type { Lease } from '../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { ChunkScanner } from './chunked.ts';
import { toFields } from './h2-fields.ts';
import { type H2OriginRequest, toH1Response, toH2Request } from './h2-origin-head.ts';
import { ORIGIN_UNTAKEN } from './h2-origin-limits.ts';
import { readTrailers } from './h2-request.ts';
import type { Origin, OriginKeeper, OriginStream, OriginUser } from './origin-stream.ts';

/** What a stream needs of its connection. */
export interface H2Carrier {
  readonly scheme: 'http' | 'https';
  /** The agent has connected to the origin. */
  readonly opened: boolean;
  /** Why the connection ended, once it has. */
  readonly failure: ResetCode | undefined;
  /** `ended`: it takes no further request; `unfit`: not this one. */
  request(request: H2OriginRequest): ClientHttp2Stream | 'ended' | 'unfit';
  /** So many more bytes of it wait to be taken, or fewer. */
  held(bytes: number): void;
  /** The origin asks for HTTP/1.1 (RFC 9113 section 7, HTTP_1_1_REQUIRED). */
  refusesHttp2(): void;
  /** It is over, or was never begun. */
  left(stream: H2Origin): void;
}

/** Bytes of ours, which nobody recycles. */
const OWNED: Lease = { scarce: false, hold() {}, release() {} };
const LAST_CHUNK = '0\r\n';

/**
 * One exchange with an origin over HTTP/2. To the exchange it is a stream of HTTP/1.1 like any other: it writes a
 * request and gets a response, as text; this turns both into frames and back. So an exchange knows one language, and
 * what an origin says in either version is held to the same rules. Until it is known what the origin speaks, what is
 * written waits; an origin that chose HTTP/1.1 gets it as it is.
 */
export class H2Origin implements Origin {
  readonly pool: OriginKeeper;
  readonly #carrier: H2Carrier;
  #user: OriginUser | undefined;
  #stream: ClientHttp2Stream | undefined;
  #plain: OriginStream | undefined;
  /** Written before there was somebody to take it. */
  #early: (string | Buffer)[] | undefined = [];
  #request: H2OriginRequest | undefined;
  #method = '';
  #scanner: ChunkScanner | undefined;
  #remaining = 0;
  #chunks = false;
  #full = false;
  #sent = false;
  #over = false;
  #untaken = 0;
  #trailers: readonly string[] = [];
  /** What came is not HTTP/2. */
  #misspoken = false;
  reused: boolean;

  /** `reused`: its connection has served a request before. */
  constructor(pool: OriginKeeper, carrier: H2Carrier, reused: boolean) {
    this.pool = pool;
    this.#carrier = carrier;
    this.reused = reused;
  }

  get opened(): boolean {
    return this.#plain?.opened ?? this.#carrier.opened;
  }

  get writable(): boolean {
    if (this.#plain !== undefined) return this.#plain.writable;
    return !this.#over && this.#stream !== undefined && !this.#full && !this.#sent;
  }

  use(user: OriginUser): void {
    this.#user = user;
  }

  leave(): void {
    this.#user = undefined;
    this.#plain?.leave();
  }

  rest(keepAlive: number, now: number): void {
    this.#plain?.rest(keepAlive, now);
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over || end <= start) return;
    if (this.#plain !== undefined) this.#plain.write(bytes, start, end);
    else this.#put(Buffer.from(bytes.subarray(start, end)));
  }

  writeText(text: string): void {
    if (this.#over) return;
    if (this.#plain !== undefined) this.#plain.writeText(text);
    else this.#put(text);
  }

  #put(piece: string | Buffer): void {
    if (this.#early !== undefined) this.#early.push(piece);
    else if (this.#request === undefined && typeof piece === 'string') this.#begin(piece);
    else this.#body(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  }

  /** Only upgraded connections end their sending side by itself, and those are never on HTTP/2. */
  end(): void {
    this.#plain?.end();
  }

  consumed(count: number): void {
    if (this.#plain !== undefined) {
      this.#plain.consumed(count);
      return;
    }
    const taken = Math.min(count, this.#untaken);
    this.#untaken -= taken;
    this.#carrier.held(-taken);
    if (this.#untaken <= ORIGIN_UNTAKEN.low) this.#stream?.resume();
  }

  reset(): void {
    this.#user = undefined;
    this.#plain?.reset();
    this.#finish(constants.NGHTTP2_CANCEL);
  }

  /** The connection speaks HTTP/2 and has room: what was written goes out. */
  proceed(): void {
    this.#replay();
    if (!this.#over) this.#user?.originWritable();
  }

  /** The origin speaks HTTP/1.1: the exchange goes on over `plain`. */
  fallBack(plain: OriginStream): void {
    this.#carrier.left(this);
    if (this.#over || this.#user === undefined) {
      plain.leave();
      plain.reset();
      return;
    }
    this.#plain = plain;
    this.reused = plain.reused;
    plain.use(this.#user);
    for (const piece of this.#early ?? []) {
      if (typeof piece === 'string') plain.writeText(piece);
      else plain.write(piece, 0, piece.length);
    }
    this.#early = undefined;
    if (plain.writable) this.#user.originWritable();
  }

  /** It can't be carried, or no further. */
  fail(code: ResetCode): void {
    if (this.#over) return;
    const user = this.#user;
    this.#user = undefined;
    this.#finish(constants.NGHTTP2_CANCEL);
    user?.originReset(code);
  }

  #replay(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const piece of early) this.#put(piece);
  }

  #begin(text: string): void {
    const request = toH2Request(text, this.#carrier.scheme);
    this.#request = request;
    this.#method = text.slice(0, text.indexOf(' '));
    const stream = this.#carrier.request(request);
    if (typeof stream === 'string') {
      this.fail(stream === 'ended' ? RESET.UNPROCESSED : RESET.BROKEN);
      return;
    }
    this.#stream = stream;
    this.#remaining = request.length;
    this.#sent = !request.chunked && request.length === 0;
    if (request.chunked)
      this.#scanner = new ChunkScanner((buffer, start, end) => this.#data(buffer.subarray(start, end)));
    this.#listen(stream);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('error', (error) => {
      if (errorCode(error) === 'ERR_HTTP2_ERROR') this.#misspoken = true;
    });
    stream.on('headers', (_fields, _flags, raw: string[]) => this.#head(raw, false));
    stream.on('response', (_fields, flags, raw: string[]) => {
      this.#head(raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
      // Only now: a body that flows gets here before its own head, which Node keeps for the next tick.
      stream.on('data', (bytes: Buffer) => this.#onData(bytes));
    });
    stream.on('trailers', (_fields, _flags, raw: string[]) => {
      this.#trailers = raw;
    });
    stream.on('drain', () => {
      this.#full = false;
      this.#user?.originWritable();
    });
    stream.once('end', () => this.#onEnd());
    stream.once('close', () => this.#onClose(stream.rstCode ?? 0));
    if (this.#request?.chunked === true)
      stream.once('wantTrailers', () => stream.sendTrailers(toFields(this.#scanner?.trailers ?? '')));
  }

  /** Bytes of the request's body in the framing of HTTP/1.1. */
  #body(bytes: Buffer): void {
    if (this.#sent) return;
    if (this.#scanner === undefined) {
      this.#remaining -= bytes.length;
      this.#data(bytes);
      if (this.#remaining <= 0) this.#endBody();
      return;
    }
    this.#scanner.scan(bytes, 0, bytes.length);
    if (this.#scanner.failed) this.fail(RESET.BROKEN);
    else if (this.#scanner.done) this.#endBody();
  }

  #data(bytes: Buffer): void {
    if (bytes.length > 0 && this.#stream?.writable === true && !this.#stream.write(bytes)) this.#full = true;
  }

  #endBody(): void {
    this.#sent = true;
    this.#stream?.end();
  }

  #head(raw: readonly string[], ended: boolean): void {
    const response = toH1Response(raw, ended, this.#method);
    if (response === undefined) {
      this.fail(RESET.BAD_ANSWER);
      return;
    }
    this.#chunks = response.chunked;
    this.#deliver(Buffer.from(response.text, 'latin1'));
  }

  #onData(bytes: Buffer): void {
    if (!this.#chunks) {
      this.#deliver(bytes);
      return;
    }
    const size = `${bytes.length.toString(16)}\r\n`;
    const chunk = Buffer.allocUnsafe(size.length + bytes.length + 2);
    chunk.write(size, 'latin1');
    bytes.copy(chunk, size.length);
    chunk.write('\r\n', size.length + bytes.length, 'latin1');
    this.#deliver(chunk);
  }

  #deliver(bytes: Buffer): void {
    const user = this.#user;
    if (user === undefined) return;
    this.#untaken += bytes.length;
    this.#carrier.held(bytes.length);
    if (this.#untaken > ORIGIN_UNTAKEN.most) this.#stream?.pause();
    user.originData(bytes, 0, bytes.length, OWNED);
  }

  /** Node ends the reading side of a stream that was reset, too. */
  #onEnd(): void {
    if ((this.#stream?.rstCode ?? 0) !== 0 || this.#carrier.failure !== undefined) return;
    const trailers = readTrailers(this.#trailers);
    if (trailers === undefined) {
      this.fail(RESET.BAD_ANSWER);
      return;
    }
    if (this.#chunks) this.#deliver(Buffer.from(`${LAST_CHUNK}${trailers}\r\n`, 'latin1'));
    // Whoever isn't content with that has not got what was announced.
    this.#user?.originEnd();
  }

  #onClose(code: number): void {
    const { failure } = this.#carrier;
    if (code === constants.NGHTTP2_HTTP_1_1_REQUIRED) this.#carrier.refusesHttp2();
    if (UNPROCESSED.has(code)) this.fail(RESET.UNPROCESSED);
    else this.fail(this.#misspoken ? RESET.BAD_ANSWER : (failure ?? meaningOf(code)));
  }

  #finish(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#early = undefined;
    this.#carrier.held(-this.#untaken);
    this.#untaken = 0;
    const stream = this.#stream;
    if (stream !== undefined && !stream.closed) stream.close(code);
    stream?.resume();
    if (this.#plain === undefined) this.#carrier.left(this);
  }
}

/** The `code` of an error, if it has one. */
export const errorCode = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** The origin has not begun with the request (RFC 9113 sections 6.8, 7, 8.7): it may be sent again, whatever it is. */
const UNPROCESSED: ReadonlySet<number> = new Set([
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
]);

/** What an error code of HTTP/2 means for the visitor. */
function meaningOf(code: number): ResetCode {
  switch (code) {
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return RESET.LIMIT;
    case constants.NGHTTP2_PROTOCOL_ERROR:
    case constants.NGHTTP2_FLOW_CONTROL_ERROR:
    case constants.NGHTTP2_FRAME_SIZE_ERROR:
    case constants.NGHTTP2_COMPRESSION_ERROR:
      return RESET.BAD_ANSWER;
    default:
      return RESET.BROKEN;
  }
}
