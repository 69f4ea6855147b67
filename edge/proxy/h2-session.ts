import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { Visit, VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { VisitorFields } from './forward-head.ts';
import * as H2 from './h2-limits.ts';
import { type H2Owner, H2Stream } from './h2-stream.ts';
import { HEAD_LIMIT, HEAD_TIMEOUT, IDLE_TIMEOUT, KEEP_ALIVE_PROBE, LINGER_TIMEOUT } from './limits.ts';

const OPTIONS = {
  settings: {
    maxConcurrentStreams: H2.STREAM_LIMIT,
    initialWindowSize: H2.STREAM_WINDOW,
    maxHeaderListSize: HEAD_LIMIT,
    // WebSockets over streams (RFC 8441).
    enableConnectProtocol: true,
  },
  maxHeaderListPairs: H2.PAIR_LIMIT,
  maxSettings: H2.SETTINGS_LIMIT,
  maxSessionInvalidFrames: H2.INVALID_LIMIT,
  maxSessionRejectedStreams: H2.REJECTED_LIMIT,
  maxSessionMemory: H2.SESSION_MEMORY,
  streamResetBurst: H2.RESET_BURST,
  streamResetRate: H2.RESET_RATE,
  // Origins repeat such fields at times; HTTP/1.1 visitors get them as they are, too.
  strictSingleValueFields: false,
};

/** The largest number of a stream: a GOAWAY with it refuses none (RFC 9113 section 6.8). */
const LAST_STREAM = 2 ** 31 - 1;

/** A visitor's HTTP/2 connection (RFC 9113). Every stream is an exchange of its own; this is about what they share. */
export class H2Visitor implements H2Owner {
  readonly connection: VisitorConnection;
  readonly fields: VisitorFields;
  readonly #context: ProxyContext;
  readonly #socket: TLSSocket;
  readonly #onGone: (visitor: H2Visitor) => void;
  readonly #streams = new Set<H2Stream>();
  #session: ServerHttp2Session | undefined;
  #greeted = false;
  #closing = false;
  /** When the connection is to end for being idle, or because it was to end and has not. */
  #deadline: number;
  /** When a drain that was announced begins. */
  #closesAt = Number.POSITIVE_INFINITY;
  /** Streams that may be broken off before it is too much. */
  #resets = H2.RESET_BURST;
  #controls = 0;
  /** The window of streams that the visitor was told of, and whether it has said so. */
  #window: number = H2.STREAM_WINDOW;
  #agreed = true;
  /** Bytes of bodies that nobody has read yet, as of the last tick. */
  #held = 0;
  /** Bytes of heads and bodies since the last tick; bytes read and written up to it. */
  #useful = 0;
  #read = 0;
  #written = 0;

  constructor(
    context: ProxyContext,
    socket: TLSSocket,
    connection: VisitorConnection,
    onGone: (visitor: H2Visitor) => void,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#onGone = onGone;
    this.connection = connection;
    this.fields = new VisitorFields(connection);
    this.#deadline = context.coarse + HEAD_TIMEOUT;
  }

  /** Takes the socket over. */
  start(): void {
    const socket = this.#socket;
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE);
    socket.once('close', () => this.#gone());
    // Without its reading side nobody could ever ask, acknowledge or grant anything.
    socket.once('end', () => this.#destroy(constants.NGHTTP2_NO_ERROR));
    if (socket.destroyed) {
      process.nextTick(() => this.#gone());
      return;
    }
    const session = performServerHandshake(socket, OPTIONS);
    this.#session = session;
    session.setLocalWindowSize(H2.CONNECTION_WINDOW);
    // What went wrong shows in how the connection ends.
    session.on('error', () => {});
    session.on('remoteSettings', () => this.#control());
    session.on('ping', () => this.#control());
    session.on('stream', (stream, _fields, _flags, raw: readonly string[]) => this.#onStream(stream, raw));
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    for (const text of raw) this.#useful += text.length;
    this.#useful += 9 + 4 * raw.length;
    // Refused like this, a request is safe to send again, whatever its method (RFC 9113 section 8.7).
    if (this.#context.draining || this.#streams.size >= 2 * H2.STREAM_LIMIT) {
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    // It may be over before anybody has heard of it.
    if (stream.destroyed) {
      this.#countReset();
      return;
    }
    const own = new H2Stream(this.#context, this, stream);
    this.#streams.add(own);
    if (this.#window > H2.STREAM_WINDOW && this.#streams.size > H2.BULK_STREAMS) this.#adapt();
    this.#deadline = Number.POSITIVE_INFINITY;
    own.start(raw, stream.endAfterHeaders);
  }

  streamRead(bytes: number): void {
    this.#useful += bytes;
  }

  streamGone(stream: H2Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0)
      this.#deadline = this.#context.coarse + (this.#closing ? LINGER_TIMEOUT : IDLE_TIMEOUT);
    if (stream.code !== 0 && !stream.brokeOff) this.#countReset();
  }

  #countReset(): void {
    if (--this.#resets < 0) this.#abused('resets');
  }

  #control(): void {
    if (!this.#greeted) {
      this.#greeted = true;
      if (this.#streams.size === 0) this.#deadline = this.#context.coarse + IDLE_TIMEOUT;
    }
    if (++this.#controls > H2.CONTROL_RATE) this.#abused('control frames');
  }

  #abused(what: string): void {
    this.#context.log.debug('an HTTP/2 connection was ended', { what, address: this.connection.peerAddress });
    this.#destroy(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #destroy(code: number): void {
    const session = this.#session;
    if (session === undefined || session.destroyed) this.#socket.destroy();
    else if (code === constants.NGHTTP2_NO_ERROR) session.destroy();
    // Only with an error is the code heeded.
    else session.destroy(new Error('ended'), code);
  }

  #gone(): void {
    for (const stream of this.#streams) stream.cut();
    this.#streams.clear();
    this.#onGone(this);
  }

  /** Takes no new streams, and ends once those under way have. */
  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#streams.size === 0) this.#deadline = this.#context.coarse + LINGER_TIMEOUT;
    this.#session?.close();
  }

  /** Ends the requests that `gone` picks, with the answer `code` where none has begun. */
  refuse(gone: (visit: Visit) => boolean, code: FailureCode): void {
    for (const stream of this.#streams) {
      const visit = stream.exchange?.visit;
      if (visit !== undefined && gone(visit)) stream.refuse(code);
    }
  }

  /** The node stops: ends the connection now, whatever is under way. */
  cut(): void {
    for (const stream of this.#streams) stream.cut('draining');
    this.#destroy(constants.NGHTTP2_NO_ERROR);
  }

  /** The node is draining: says so, lets what is on its way arrive, then ends with the last stream. */
  drain(): void {
    const session = this.#session;
    if (session === undefined || session.destroyed || this.#closing) return;
    session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
    this.#closesAt = this.#context.coarse + H2.NOTICE_TIME;
    session.ping(() => this.#close());
  }

  /** Once a second or so, `now` being the context's coarse time. */
  tick(now: number): void {
    if (now >= this.#closesAt) this.#close();
    if (now >= this.#deadline && this.#streams.size === 0) {
      if (this.#closing || !this.#greeted) this.#destroy(constants.NGHTTP2_NO_ERROR);
      else this.#close();
      return;
    }
    this.#adapt();
    this.#controls = 0;
    this.#resets = Math.min(H2.RESET_BURST, this.#resets + H2.RESET_RATE);
    const before = this.#held;
    this.#held = 0;
    for (const stream of this.#streams) this.#held += stream.held;
    if (this.#held > H2.HELD_LIMIT || this.#wasteful(this.#held - before)) {
      this.#abused('overhead');
      return;
    }
    for (const stream of this.#streams) stream.tick(now);
  }

  /** Few uploads get large windows, many get small ones, so that what may lie about unread stays bounded. */
  #adapt(): void {
    let sending = 0;
    for (const stream of this.#streams) if (stream.sends) sending++;
    const window = sending > 0 && sending <= H2.BULK_STREAMS ? H2.BULK_WINDOW : H2.STREAM_WINDOW;
    const session = this.#session;
    if (session === undefined || session.destroyed || !this.#agreed || window === this.#window) return;
    this.#window = window;
    this.#agreed = false;
    session.settings({ ...OPTIONS.settings, initialWindowSize: window }, () => {
      this.#agreed = true;
    });
  }

  /** Whether more came since the last tick than requests and the credit for responses account for. */
  #wasteful(held: number): boolean {
    const { bytesRead, bytesWritten } = this.#socket;
    const came = bytesRead - this.#read - this.#useful - held;
    const allowed = H2.OVERHEAD_RATE + (bytesWritten - this.#written) * H2.OVERHEAD_SHARE;
    this.#read = bytesRead;
    this.#written = bytesWritten;
    this.#useful = 0;
    return came > allowed;
  }
}
