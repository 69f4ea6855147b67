import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
  type Settings,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { BoundName } from '../bounds.ts';
import type { Limits } from '../limits.ts';
import type { Visit, VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { VisitorFields } from './forward-head.ts';
import * as H2 from './h2-limits.ts';
import { type H2Owner, H2Stream } from './h2-stream.ts';
import { KEEP_ALIVE_PROBE, LINGER_TIMEOUT } from './limits.ts';

/** What a visitor is told; `window` is that of each stream. */
const settingsOf = (limits: Limits, window: number): Settings => ({
  maxConcurrentStreams: limits.h2Streams,
  initialWindowSize: window,
  maxHeaderListSize: limits.headerSize,
  // WebSockets over streams (RFC 8441).
  enableConnectProtocol: true,
});

const optionsOf = (limits: Limits): ServerSessionOptions => ({
  settings: settingsOf(limits, H2.STREAM_WINDOW),
  // Crumbs of the cookie count one by one.
  maxHeaderListPairs: limits.headerFields + H2.CRUMBS,
  maxSettings: H2.SETTINGS_LIMIT,
  maxSessionInvalidFrames: H2.INVALID_LIMIT,
  maxSessionRejectedStreams: H2.REJECTED_LIMIT,
  maxSessionMemory: H2.SESSION_MEMORY,
  // Ours is reached first, and tells: this one counts its seconds by itself, and nobody hears of it.
  streamResetBurst: limits.h2Resets + 2 * limits.h2ResetRate,
  streamResetRate: limits.h2ResetRate,
  // Origins repeat such fields at times; HTTP/1.1 visitors get them as they are, too.
  strictSingleValueFields: false,
});

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
  #resets: number;
  /** The same as of the last tick. */
  #forgiven: number;
  #controls = 0;
  /** The window of streams that the visitor was told of, and whether it has said so. */
  #window: number = H2.STREAM_WINDOW;
  #agreed = true;
  /** Bytes of bodies that nobody has read yet, as of the last tick. */
  #held = 0;
  /** Bytes of heads and bodies since the last tick; bytes read and written up to it. */
  #useful = 0;
  /** What may still come for streams that are over, and how much more of that may be allowed. */
  #late = 0;
  #lateLeft: number = H2.LATE;
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
    this.#resets = context.limits.h2Resets;
    this.#forgiven = this.#resets;
    this.#deadline = context.coarse + context.limits.headerTime;
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
    const session = performServerHandshake(socket, optionsOf(this.#context.limits));
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
    const full = this.#streams.size >= 2 * this.#context.limits.h2Streams;
    if (full) this.#hit('h2Streams');
    if (this.#context.draining || full) {
      if (!stream.endAfterHeaders) this.#expectLate();
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
    const ended = stream.endAfterHeaders;
    if (this.#resets > this.#context.limits.h2Resets - H2.UNSUSPICIOUS_RESETS) own.start(raw, ended);
    // Who breaks off much may be about to break this one off, too: its origin is asked when the bytes at hand are read.
    else setImmediate(() => own.start(raw, ended));
  }

  streamRead(bytes: number): void {
    this.#useful += bytes;
  }

  streamGone(stream: H2Stream): void {
    this.#streams.delete(stream);
    if (stream.cutShort) this.#expectLate();
    if (this.#streams.size === 0)
      this.#deadline = this.#context.coarse + (this.#closing ? LINGER_TIMEOUT : this.#context.limits.idleTime);
    if (stream.code !== 0 && !stream.brokeOff) this.#countReset();
  }

  /** The visitor may have sent a window full of a body whose stream has just ended; nobody reads it. */
  #expectLate(): void {
    const late = Math.min(H2.BULK_WINDOW, this.#lateLeft);
    this.#lateLeft -= late;
    this.#late += late;
  }

  #countReset(): void {
    if (--this.#resets >= 0) return;
    // All at once, or more each second than is forgiven.
    this.#abused(this.#forgiven === this.#context.limits.h2Resets ? 'h2Resets' : 'h2ResetRate');
  }

  #control(): void {
    if (!this.#greeted) {
      this.#greeted = true;
      if (this.#streams.size === 0) this.#deadline = this.#context.coarse + this.#context.limits.idleTime;
    }
    if (++this.#controls > this.#context.limits.h2ControlRate) this.#abused('h2ControlRate');
  }

  #hit(bound: BoundName): void {
    this.#context.bounds.hit(bound, { address: this.connection.peerAddress });
  }

  #abused(bound: BoundName): void {
    // What was under way when it was noticed still comes, and counts once.
    if (this.#session?.destroyed !== true) {
      this.#hit(bound);
      this.#context.onMisuse(this.connection.peerAddress);
    }
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

  /** Bytes of bodies that nobody has read yet, as of the last tick. */
  get kept(): number {
    return this.#held;
  }

  /** Gives up what is kept: there is too much of that in all. */
  shed(): void {
    this.#hit('visitorMemory');
    for (const stream of this.#streams) stream.cut('busy');
    this.#destroy(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Once a second or so, `now` being the context's coarse time. */
  tick(now: number): void {
    if (now >= this.#closesAt) this.#close();
    if (now >= this.#deadline && this.#streams.size === 0) {
      if (!this.#greeted && !this.#closing) {
        this.#closing = true;
        this.#hit('headerTime');
      }
      if (this.#closing) this.#destroy(constants.NGHTTP2_NO_ERROR);
      else this.#close();
      return;
    }
    this.#adapt();
    this.#controls = 0;
    const { h2Resets, h2ResetRate } = this.#context.limits;
    this.#resets = Math.min(h2Resets, this.#resets + h2ResetRate);
    this.#forgiven = this.#resets;
    const before = this.#held;
    this.#held = 0;
    for (const stream of this.#streams) this.#held += stream.held;
    const wasteful = this.#wasteful(this.#held - before);
    if (wasteful || this.#held > this.#context.limits.h2Held) {
      this.#abused(wasteful ? 'h2OverheadRate' : 'h2Held');
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
    session.settings(settingsOf(this.#context.limits, window), () => {
      this.#agreed = true;
    });
  }

  /** Whether more came since the last tick than requests and the credit for responses account for. */
  #wasteful(held: number): boolean {
    const { bytesRead, bytesWritten } = this.#socket;
    const came = bytesRead - this.#read - this.#useful - held;
    const framing = (bytesWritten - this.#written) * H2.OVERHEAD_SHARE + this.#useful * H2.FRAMING_SHARE;
    const tooMuch = Math.max(0, came - this.#context.limits.h2OverheadRate - framing);
    const excused = Math.min(tooMuch, this.#late);
    this.#read = bytesRead;
    this.#written = bytesWritten;
    this.#useful = 0;
    this.#late -= excused;
    this.#lateLeft = Math.min(H2.LATE - this.#late, this.#lateLeft + H2.LATE_RATE);
    return tooMuch > excused;
  }
}
