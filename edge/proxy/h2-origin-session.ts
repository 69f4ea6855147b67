import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Lease, StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { choseHttp2 } from '../../shared/wire/open.ts';
import { problemOf } from '../../shared/wire/reset-meaning.ts';
import { errorCode, type H2Carrier, H2Origin } from './h2-origin.ts';
import type { H2OriginRequest } from './h2-origin-head.ts';
import * as H2 from './h2-origin-limits.ts';
import { HEAD_LIMIT } from './limits.ts';
import { type OriginKeeper, OriginStream } from './origin-stream.ts';
import { TunnelDuplex } from './tunnel-duplex.ts';

/** What a connection needs of the pool that it belongs to. */
export interface SessionOwner {
  readonly pool: OriginKeeper;
  readonly scheme: 'http' | 'https';
  /** The origin was asked by ALPN, and speaks HTTP/1.1; `plain` is the connection to it. */
  onHttp1(session: OriginSession, plain: OriginStream): void;
  /** The origin asks for HTTP/1.1 now. */
  onHttp1Required(): void;
  /** It takes no further request. */
  onGone(session: OriginSession): void;
}

/** No number is left for a stream, or the origin has just said good-bye. */
const OVER: ReadonlySet<unknown> = new Set([
  'ERR_HTTP2_OUT_OF_STREAMS',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
]);

const OPTIONS = {
  settings: {
    maxHeaderListSize: HEAD_LIMIT,
    enablePush: false,
    initialWindowSize: H2.ORIGIN_STREAM_WINDOW,
  },
  peerMaxConcurrentStreams: H2.ORIGIN_STREAMS,
  maxReservedRemoteStreams: 0,
  maxHeaderListPairs: H2.ORIGIN_PAIRS,
  maxSettings: H2.ORIGIN_SETTINGS,
  maxSessionInvalidFrames: H2.ORIGIN_INVALID,
  maxSessionMemory: H2.ORIGIN_MEMORY,
  // Visitors repeat such fields at times; HTTP/1.1 origins get them as they are, too.
  strictSingleValueFields: false,
} as const;

/** One HTTP/2 connection to an origin, through the tunnel, and the requests on it. */
export class OriginSession implements StreamHandler, H2Carrier {
  readonly #owner: SessionOwner;
  /** It waits for the origin's choice (ALPN); else HTTP/2 is known to be spoken. */
  readonly #asks: boolean;
  readonly #streams = new Set<H2Origin>();
  readonly #waiting = new Set<H2Origin>();
  #stream: TunnelStream | undefined;
  #duplex: TunnelDuplex | undefined;
  #session: ClientHttp2Session | undefined;
  /** The connection itself, where the origin chose HTTP/1.1. */
  #plain: OriginStream | undefined;
  #draining = false;
  #settled = false;
  #served = false;
  #held = 0;
  #holding = false;
  opened = false;
  failure: ResetCode | undefined;
  /** Since when it was seen to be without requests; `undefined` while it has some. */
  #idleSince: number | undefined;

  constructor(owner: SessionOwner, asks: boolean) {
    this.#owner = owner;
    this.#asks = asks;
  }

  get scheme(): 'http' | 'https' {
    return this.#owner.scheme;
  }

  /** Requests on it and waiting for it. */
  get load(): number {
    return this.#streams.size + this.#waiting.size;
  }

  /** Whether one more request may be given to it without waiting for another one's end. */
  get hasRoom(): boolean {
    const most = this.#session?.remoteSettings?.maxConcurrentStreams ?? H2.ORIGIN_STREAMS;
    return this.usable && this.load < Math.min(H2.ORIGIN_STREAMS, most) && !this.#holding;
  }

  get usable(): boolean {
    return !this.#draining && this.failure === undefined && this.#plain === undefined;
  }

  /** Gives it the tunnel's stream, which is known only after the handler. */
  attach(stream: TunnelStream): void {
    this.#stream = stream;
    if (!this.#asks) this.#begin();
  }

  /** A request's stream; it proceeds as soon as it can. */
  take(): H2Origin {
    const origin = new H2Origin(this.#owner.pool, this, this.#served);
    if (this.#session === undefined) this.#waiting.add(origin);
    else {
      this.#streams.add(origin);
      origin.proceed();
    }
    return origin;
  }

  #begin(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const duplex = new TunnelDuplex(stream).on('error', () => {});
    this.#duplex = duplex;
    const session = connect(`${this.scheme}://origin`, { ...OPTIONS, createConnection: () => duplex });
    this.#session = session;
    // What went wrong shows in `close`; before the first SETTINGS it is the protocol itself.
    session.on('error', () => {
      this.failure ??= this.#settled ? RESET.BROKEN : RESET.BAD_ANSWER;
    });
    session.once('connect', () => session.setLocalWindowSize(H2.ORIGIN_SESSION_WINDOW));
    session.once('remoteSettings', () => {
      this.#settled = true;
    });
    session.on('goaway', () => this.#drain());
    session.once('close', () => this.#end(RESET.BROKEN));
    for (const origin of this.#waiting) {
      this.#waiting.delete(origin);
      this.#streams.add(origin);
      origin.proceed();
    }
  }

  request({ fields, chunked, length }: H2OriginRequest): ClientHttp2Stream | 'ended' | 'unfit' {
    const session = this.#session;
    if (session === undefined || session.closed || session.destroyed) return 'ended';
    try {
      return session.request(fields, { endStream: !chunked && length === 0, waitForTrailers: chunked });
    } catch (error) {
      // Which fields are unfit to be sent depends on the version of Node.
      if (!OVER.has(errorCode(error))) return 'unfit';
      this.#drain();
      return 'ended';
    }
  }

  held(bytes: number): void {
    this.#held += bytes;
    const holding = this.#held > (this.#holding ? H2.ORIGIN_HELD.low : H2.ORIGIN_HELD.most);
    if (holding === this.#holding) return;
    this.#holding = holding;
    this.#duplex?.hold(holding);
  }

  refusesHttp2(): void {
    this.#owner.onHttp1Required();
    this.#drain();
  }

  left(origin: H2Origin): void {
    this.#waiting.delete(origin);
    if (this.#streams.delete(origin)) this.#served = true;
    if (this.load === 0 && this.#draining) this.close();
  }

  /** Once a second or so: ends itself when it has been without requests for long. */
  tick(now: number): void {
    if (this.load > 0) this.#idleSince = undefined;
    else if (now - (this.#idleSince ?? Number.POSITIVE_INFINITY) >= H2.ORIGIN_SESSION_IDLE) this.close();
    else this.#idleSince ??= now;
  }

  /** Takes no further requests. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#owner.onGone(this);
    if (this.load === 0) this.close();
  }

  /** Ends it with whatever is on it. Idempotent. */
  close(): void {
    if (this.#session === undefined) this.#stream?.reset(RESET.CANCELLED);
    else this.#session.destroy();
    this.#end(RESET.CANCELLED);
  }

  #end(code: ResetCode): void {
    this.failure ??= code;
    this.#drain();
    for (const origin of [...this.#waiting, ...this.#streams]) origin.fail(this.failure);
    this.#duplex?.destroy();
  }

  onOpened(word: number): void {
    this.opened = true;
    if (!this.#asks || choseHttp2(word)) {
      this.#owner.pool.dialled(undefined);
      if (this.#asks) this.#begin();
      return;
    }
    const stream = this.#stream;
    if (stream === undefined) return;
    const plain = new OriginStream(this.#owner.pool);
    plain.attach(stream);
    plain.onOpened();
    this.#plain = plain;
    this.#owner.onHttp1(this, plain);
  }

  /** Those who wait for it, in the order in which they came. */
  get waiting(): Iterable<H2Origin> {
    return [...this.#waiting];
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    if (this.#plain !== undefined) this.#plain.onData(buffer, start, end, lease);
    else this.#duplex?.feed(buffer, start, end);
  }

  onEnd(): void {
    if (this.#plain !== undefined) this.#plain.onEnd();
    else if (this.#duplex !== undefined) this.#duplex.feedEnd();
    else this.onReset(RESET.BROKEN);
  }

  onReset(code: ResetCode): void {
    if (this.#plain !== undefined) {
      this.#plain.onReset(code);
      return;
    }
    const problem = problemOf(code);
    if (problem !== undefined) this.#owner.pool.dialled(problem);
    this.#end(code);
    this.#session?.destroy();
  }

  onWritable(): void {
    if (this.#plain !== undefined) this.#plain.onWritable();
    else this.#duplex?.drain();
  }

  onFull(): void {
    this.#plain?.onFull();
  }
}
