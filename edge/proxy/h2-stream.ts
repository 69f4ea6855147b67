import { constants, type ServerHttp2Stream } from 'node:http2';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { BoundName } from '../bounds.ts';
import type { VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { Exchange, type VisitorEnd } from './exchange.ts';
import type { VisitorFields } from './forward-head.ts';
import * as H2 from './h2-limits.ts';
import { H2Reply } from './h2-reply.ts';
import { type H2Request, readRequest, readTrailers } from './h2-request.ts';
import { UPGRADE_HALF_CLOSED_TIMEOUT } from './limits.ts';
import { BodyPace, WritePace } from './pace.ts';
import { refuseHead } from './refused-head.ts';
import { DataBody } from './request-body.ts';

/** What a stream needs of its connection. */
export interface H2Owner {
  readonly connection: VisitorConnection;
  readonly fields: VisitorFields;
  /** So many bytes of its body were read. */
  streamRead(bytes: number): void;
  /** It is closed. */
  streamGone(stream: H2Stream): void;
}

const BROKEN_OFF = new Error('broken off');

/** One stream of a visitor's HTTP/2 connection: one request and its response. */
export class H2Stream implements VisitorEnd {
  readonly connection: VisitorConnection;
  readonly fields: VisitorFields;
  readonly reply: H2Reply;
  readonly http2 = true;
  readonly #context: ProxyContext;
  readonly #stream: ServerHttp2Stream;
  readonly #bodyPace: BodyPace;
  readonly #writePace: WritePace;
  #exchange: Exchange | undefined;
  #trailers: readonly string[] = [];
  #overSince: number | undefined;
  /** All of its body has come. */
  #whole = false;
  readonly #owner: H2Owner;
  /** It was we who broke the stream off. */
  brokeOff = false;

  constructor(context: ProxyContext, owner: H2Owner, stream: ServerHttp2Stream) {
    this.#context = context;
    this.#owner = owner;
    this.connection = owner.connection;
    this.fields = owner.fields;
    this.#stream = stream;
    this.reply = new H2Reply(stream);
    this.#bodyPace = new BodyPace(context.coarse, context.limits);
    this.#writePace = new WritePace(context.coarse, context.limits);
    // What went wrong shows in how the stream closes.
    stream.on('error', () => {});
    stream.once('close', () => {
      this.#exchange?.abort();
      owner.streamGone(this);
    });
  }

  get exchange(): Exchange | undefined {
    return this.#exchange?.over === false ? this.#exchange : undefined;
  }

  /** How the stream was closed, as an error code of HTTP/2; 0 in order. */
  get code(): number {
    return this.#stream.rstCode ?? 0;
  }

  /** Bytes of its body that nobody has read yet. */
  get held(): number {
    return this.#stream.readableLength;
  }

  /** It may still send a body. */
  get sends(): boolean {
    return !this.#stream.readableEnded && !this.#stream.endAfterHeaders;
  }

  /** Its visitor had a body to send, and not all of it came: more may be under way. */
  get cutShort(): boolean {
    return !this.#whole && !this.#stream.endAfterHeaders;
  }

  /** Begins with the request's fields, names and values in turn. `ended`: it has no body. */
  start(raw: readonly string[], ended: boolean): void {
    if (this.#stream.closed) return;
    const startedAt = this.#context.clock.monotonic();
    const time = Math.floor(startedAt + this.#context.wallOffset);
    const request = readRequest(raw, ended, this.#context.limits);
    if (typeof request === 'string') {
      const tooLarge = request === 'headerSize' || request === 'headerFields';
      if (tooLarge) this.#hit(request);
      refuseHead(this.#context, this, tooLarge ? 'head_too_large' : request, startedAt, time);
      this.#discard();
      return;
    }
    this.#take(request, ended, startedAt, time);
  }

  #take({ head, webSocketKey }: H2Request, ended: boolean, startedAt: number, time: number): void {
    this.reply.webSocketKey = webSocketKey;
    const body = new DataBody(head);
    const exchange = new Exchange(this.#context, this, head, body, startedAt, time);
    this.#exchange = exchange;
    exchange.start();
    if (ended) {
      this.#stream.resume();
      return;
    }
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => this.#onData(exchange, chunk));
    stream.once('end', () => this.#onEnd(exchange));
    stream.on('trailers', (_fields, _flags, raw: readonly string[]) => {
      this.#trailers = raw;
    });
    this.flow();
  }

  #onData(exchange: Exchange, chunk: Buffer): void {
    this.#owner.streamRead(chunk.length);
    if (exchange.over) return;
    this.#bodyPace.moved(this.#context.coarse, chunk.length);
    if (exchange.feed(chunk, 0, chunk.length) < chunk.length) exchange.fail('request_malformed');
    this.flow();
  }

  #onEnd(exchange: Exchange): void {
    // Node ends the reading side of a stream that was reset, too (with NO_ERROR as well): the rest is not there.
    this.#whole = !this.#stream.closed;
    if (exchange.over) return;
    if (!this.#whole) {
      exchange.abort();
      return;
    }
    if (exchange.upgraded !== undefined) {
      exchange.visitorEnd();
      return;
    }
    const trailers = readTrailers(this.#trailers);
    if (trailers === undefined) exchange.fail('request_malformed');
    else exchange.endBody(trailers);
  }

  flow(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (exchange.over || (exchange.takesBytes && exchange.flowing)) this.#stream.resume();
    else this.#stream.pause();
  }

  settled(): void {
    this.reply.outlet.end();
    this.#discard();
  }

  /** Tells a visitor who still sends, once the response is out, that nobody listens (RFC 9113 section 8.1). */
  #discard(): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    stream.resume();
    if (!this.sends) return;
    // "Finished" is what was handed over. A reset would overtake, and drop, what the connection has not taken yet.
    const stop = (): void => {
      if (stream.readableEnded || stream.closed || stream.destroyed) return;
      if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
      else setTimeout(stop, H2.STOP_WAIT);
    };
    if (stream.writableFinished) setImmediate(stop);
    else stream.once('finish', () => setImmediate(stop));
  }

  broken(): void {
    this.#reset();
  }

  endWriting(): void {
    this.reply.outlet.end();
  }

  /**
   * Breaks the stream off with INTERNAL_ERROR. Not by `close`: that ends the stream in order before it resets it, and
   * what was cut short would look whole.
   */
  #reset(): void {
    this.brokeOff = true;
    this.#stream.destroy(BROKEN_OFF);
  }

  /** Ends the request for a reason of this hop, with an answer if none has begun. */
  refuse(code: FailureCode): void {
    this.exchange?.fail(code);
  }

  /** Ends the request now; without `failure` because its visitor is gone. */
  cut(failure?: FailureCode): void {
    this.#exchange?.abort(failure);
    this.#reset();
  }

  /** Once a second or so, `now` being the context's coarse time. */
  tick(now: number): void {
    const { outlet } = this.reply;
    if (this.#writePace.stalled(now, outlet.pending, outlet.left)) {
      this.#hit('readIdleTime');
      this.#reset();
      return;
    }
    const { exchange } = this;
    if (exchange === undefined) {
      // All is said, and yet the last frames do not leave: the connection itself is stuck.
      this.#overSince = outlet.pending > 0 ? now : (this.#overSince ?? now);
      if (now - this.#overSince < this.#context.limits.readIdleTime) return;
      this.#hit('readIdleTime');
      this.#reset();
      return;
    }
    const { upgraded } = exchange;
    if (upgraded !== undefined) {
      const idle = now - upgraded.lastActivity;
      if (upgraded.halfClosed && idle >= UPGRADE_HALF_CLOSED_TIMEOUT) this.#reset();
      return;
    }
    if (exchange.body.done) return;
    // Who answers before the body is whole talks both ways at its own pace; who can't send must not be blamed.
    const held = this.#stream.isPaused() || exchange.awaitsContinue || exchange.answered;
    if (held) this.#bodyPace.rest(now);
    const late = this.#bodyPace.late(now);
    if (late === undefined) return;
    this.#hit(late);
    exchange.fail('request_timeout');
  }

  #hit(bound: BoundName): void {
    this.#context.bounds.hit(bound, { address: this.connection.peerAddress });
  }
}
