import type { Socket } from 'node:net';
import type { FailureCode } from '../../shared/domain/failure.ts';
import { type OwnedRead, type ReadTarget, readOwned } from '../../shared/node/owned-read.ts';
import type { BoundName } from '../bounds.ts';
import type { Visit, VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { Exchange, type VisitorEnd } from './exchange.ts';
import { isToken } from './fields.ts';
import { VisitorFields } from './forward-head.ts';
import { hardReset } from './hard-reset.ts';
import { findHeadEnd, HeadBuffer } from './head-buffer.ts';
import {
  HALF_CLOSED_TIMEOUT,
  KEEP_ALIVE_PROBE,
  LINGER_LIMIT,
  LINGER_TIMEOUT,
  OUTLET_HIGH,
  UPGRADE_HALF_CLOSED_TIMEOUT,
} from './limits.ts';
import { Outlet } from './outlet.ts';
import { BodyPace, WritePace } from './pace.ts';
import { refuseHead } from './refused-head.ts';
import { RequestBody } from './request-body.ts';
import { TextReply } from './text-reply.ts';

/** Every read of every visitor goes here; whoever wants to keep bytes copies them. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);
/** Bytes that may pile up behind a request under way. Reading stops with the first; TLS may still hand over some. */
const HELD_LIMIT = 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const NEVER = Number.POSITIVE_INFINITY;

/** Between requests or in a head. */
const HEAD = 0;
/** A request is under way, or what is left of its body is thrown away. */
const EXCHANGE = 1;
/** The last response is written; waiting for the visitor to close. */
const LINGERING = 2;
const CLOSED = 3;

/** A visitor's connection: one request after the other, answered in order. */
export class Visitor implements ReadTarget, VisitorEnd {
  readonly connection: VisitorConnection;
  readonly fields: VisitorFields;
  readonly reply: TextReply;
  readonly http2 = false;
  readonly #outlet: Outlet;
  readonly #context: ProxyContext;
  readonly #socket: Socket;
  readonly #onGone: (visitor: Visitor) => void;
  #read: OwnedRead | undefined;
  #state: typeof HEAD | typeof EXCHANGE | typeof LINGERING | typeof CLOSED = HEAD;
  #exchange: Exchange | undefined;
  #head: HeadBuffer | undefined;
  /** Bytes that came before their turn. */
  #held: HeadBuffer | undefined;
  #consuming = false;
  /** A request was answered on the spot; the next one waits for the next turn of the event loop. */
  #yielding = false;
  #paused = false;
  #ended = false;
  #lingered = 0;
  #startedAt = 0;
  #time = 0;
  #deadline: number;
  readonly #bodyPace: BodyPace;
  readonly #writePace: WritePace;

  constructor(
    context: ProxyContext,
    socket: Socket,
    connection: VisitorConnection,
    onGone: (visitor: Visitor) => void,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#onGone = onGone;
    this.connection = connection;
    this.fields = new VisitorFields(connection);
    this.#outlet = new Outlet(socket, () => this.#drained());
    this.reply = new TextReply(this.#outlet);
    this.#deadline = context.coarse + context.limits.headerTime;
    this.#bodyPace = new BodyPace(context.coarse, context.limits);
    this.#writePace = new WritePace(context.coarse, context.limits);
  }

  /** Takes the socket over. */
  start(): void {
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_PROBE);
    this.#read = readOwned(this.#socket, this);
    this.#update();
  }

  get exchange(): Exchange | undefined {
    return this.#exchange?.over === false ? this.#exchange : undefined;
  }

  buffer(): Buffer {
    return SCRATCH;
  }

  onRead(buffer: Buffer, length: number): boolean {
    if (this.#held === undefined) this.#consume(buffer, 0, length);
    else this.#hold(buffer, 0, length);
    this.#paused = !this.#wants();
    return !this.#paused;
  }

  /** `held`: where the bytes are kept already. */
  #consume(buffer: Buffer, start: number, end: number, held?: HeadBuffer): void {
    this.#consuming = true;
    let at = start;
    while (at < end) {
      if (this.#state === HEAD) {
        if (this.#yielding || this.#outlet.pending > OUTLET_HIGH) break;
        at = this.#readHead(buffer, at, end);
        if (at < end && this.#state === HEAD) this.#yield();
      } else if (this.#state === EXCHANGE) {
        const exchange = this.#exchange;
        if (exchange?.takesBytes !== true) break;
        at = this.#feed(exchange, buffer, at, end);
      } else {
        this.#lingered += end - at;
        at = end;
        if (this.#lingered > LINGER_LIMIT) this.#destroy();
      }
    }
    this.#consuming = false;
    if (at === end || this.#closed()) return;
    if (held === undefined) this.#hold(buffer, at, end);
    else {
      held.start = at;
      this.#held = held;
    }
  }

  #closed(): boolean {
    return this.#state === CLOSED;
  }

  /** Others have their turn: a thousand requests in one read would be tens of milliseconds of answers in a row. */
  #yield(): void {
    this.#yielding = true;
    setImmediate(() => {
      this.#yielding = false;
      this.#pump();
    });
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    if (this.#state === CLOSED) return;
    this.#held ??= new HeadBuffer();
    this.#held.append(buffer, start, end);
    if (this.#held.length - this.#held.start > HELD_LIMIT) this.#destroy();
  }

  /** Takes up what was held, if its turn has come. */
  #pump(): void {
    while (this.#held !== undefined && !this.#consuming && this.#takesHeld()) {
      const held = this.#held;
      this.#held = undefined;
      this.#consume(held.bytes, held.start, held.length, held);
    }
    if (this.#ended && this.#state === HEAD && this.#held === undefined) this.#visitorLeft();
    this.#update();
  }

  #takesHeld(): boolean {
    if (this.#state === HEAD) return !this.#yielding && this.#outlet.pending <= OUTLET_HIGH;
    return this.#state !== EXCHANGE || this.#exchange?.takesBytes === true;
  }

  #wants(): boolean {
    if (this.#state === CLOSED || this.#held !== undefined) return false;
    if (this.#state !== EXCHANGE || this.#exchange?.takesBytes !== true) return true;
    return this.#exchange.flowing;
  }

  /** Pauses or resumes reading as the state demands. */
  #update(): void {
    if (this.#consuming || this.#read === undefined || this.#state === CLOSED) return;
    const paused = !this.#wants();
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#read.pause();
    else this.#read.resume();
  }

  /** Reads on in a request head; returns the index of the first byte after it, or `end`. */
  #readHead(buffer: Buffer, start: number, end: number): number {
    const whole = this.#head;
    let searched = start;
    let [bytes, from, to] = [buffer, start, end];
    if (whole === undefined) this.#begin();
    else {
      searched = whole.length;
      whole.append(buffer, start, end);
      [bytes, from, to] = [whole.bytes, 0, whole.length];
    }
    // One empty line before a request is allowed for (RFC 9112 section 2.2).
    if (bytes[from] === CR && to - from > 1 && bytes[from + 1] === LF) from += 2;
    const { headerSize } = this.#context.limits;
    const stop = from === to ? 'more' : findHeadEnd(bytes, from, to, Math.max(from, searched), headerSize);
    if (stop === 'more' && (from === to || mayBeginHead(bytes[from]))) {
      if (whole === undefined) this.#keepHead(buffer, start, end);
      return end;
    }
    this.#head = undefined;
    if (typeof stop !== 'number') {
      if (stop === 'too_large') this.#hit('headerSize');
      this.#refuseHead(stop === 'too_large' ? 'head_too_large' : 'request_malformed');
      return end;
    }
    const head = this.#context.requestHeads.read(bytes, from, stop - 2);
    if (typeof head === 'string') {
      if (head === 'head_too_large') this.#hit('headerFields');
      this.#refuseHead(head);
      return end;
    }
    this.#state = EXCHANGE;
    this.#deadline = this.#ended ? this.#context.coarse + HALF_CLOSED_TIMEOUT : NEVER;
    this.#bodyPace.rest(this.#context.coarse);
    this.#exchange = new Exchange(this.#context, this, head, new RequestBody(head), this.#startedAt, this.#time);
    this.#exchange.start();
    return end - (to - stop);
  }

  #begin(): void {
    this.#startedAt = this.#context.clock.monotonic();
    this.#time = Math.floor(this.#startedAt + this.#context.wallOffset);
    this.#deadline = this.#context.coarse + this.#context.limits.headerTime;
  }

  #keepHead(buffer: Buffer, start: number, end: number): void {
    this.#head = new HeadBuffer();
    this.#head.append(buffer, start, end);
  }

  #feed(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    const stop = exchange.feed(buffer, start, end);
    this.#bodyPace.moved(this.#context.coarse, stop - start);
    if (exchange.over && exchange.body.done && this.#state === EXCHANGE) this.#next();
    return stop;
  }

  /** The next request may begin. */
  #next(): void {
    this.#state = HEAD;
    this.#exchange = undefined;
    this.#deadline = this.#context.coarse + this.#context.limits.idleTime;
    if (this.#context.draining) this.#finish();
  }

  /** What was written has left; a pipelined request may have waited for that. */
  #drained(): void {
    if (this.#held !== undefined && this.#state === HEAD) this.#pump();
  }

  flow(): void {
    if (this.#consuming) return;
    if (this.#held === undefined) this.#update();
    else this.#pump();
  }

  settled(close: boolean): void {
    if (this.#state !== EXCHANGE) return;
    if (close) this.#finish();
    else if (this.#exchange?.body.done === true) this.#next();
    if (!this.#consuming) this.#pump();
  }

  broken(framed: boolean): void {
    // Bytes without framing look whole when the connection ends in order, so it ends with a reset.
    if (!framed) hardReset(this.#socket);
    this.#destroy();
  }

  endWriting(): void {
    this.#socket.end();
  }

  /** Writes no more, and reads on for a while: closing with unread bytes would take the response from the visitor. */
  #finish(): void {
    this.#state = LINGERING;
    this.#held = undefined;
    this.#deadline = NEVER;
    if (this.#ended) this.#deadline = this.#context.coarse + LINGER_TIMEOUT;
    this.#socket.end(() => {
      this.#deadline = this.#context.coarse + LINGER_TIMEOUT;
    });
    this.#update();
  }

  /** A head that is not one: answered if possible, recorded, and the end of the connection. */
  #refuseHead(code: FailureCode): void {
    refuseHead(this.#context, this, code, this.#startedAt, this.#time);
    this.#finish();
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#state === HEAD && this.#held === undefined) this.#visitorLeft();
    else if (this.#state === EXCHANGE && this.#exchange !== undefined) {
      if (this.#exchange.upgraded !== undefined) this.#exchange.visitorEnd();
      // The rest of the body will never come, and a part of one is not to be taken for the whole.
      else if (!this.#exchange.body.done) this.#destroy();
      else {
        this.#exchange.visitorEnd();
        this.#deadline = this.#context.coarse + HALF_CLOSED_TIMEOUT;
      }
    }
  }

  #visitorLeft(): void {
    if (this.#state !== HEAD) return;
    this.#head = undefined;
    this.#finish();
  }

  onError(): void {
    this.#destroy();
  }

  onClose(): void {
    this.#destroy();
    this.#onGone(this);
  }

  #destroy(failure?: FailureCode): void {
    if (this.#state !== CLOSED) {
      this.#state = CLOSED;
      this.#held = undefined;
      this.#head = undefined;
      this.#exchange?.abort(failure);
    }
    if (!this.#socket.destroyed) this.#socket.destroy();
  }

  /** The node stops: ends the connection now, whatever is under way. */
  cut(): void {
    this.#destroy('draining');
  }

  /** Ends the request under way if `gone` picks it, with the answer `code` where none has begun. */
  refuse(gone: (visit: Visit) => boolean, code: FailureCode): void {
    const { exchange } = this;
    if (exchange !== undefined && gone(exchange.visit)) exchange.fail(code);
  }

  /** The node is draining: a connection at rest ends now, another one with its response. */
  drain(): void {
    if (this.#state === HEAD && this.#head === undefined && this.#held === undefined) this.#finish();
  }

  /** Bytes kept because they can't be used yet. */
  get kept(): number {
    return (this.#head?.bytes.length ?? 0) + (this.#held?.bytes.length ?? 0);
  }

  /** Gives up what is kept: there is too much of that in all. */
  shed(): void {
    this.#hit('visitorMemory');
    if (this.#state === HEAD && this.#head !== undefined) {
      this.#head = undefined;
      this.#refuseHead('busy');
    } else this.#destroy('busy');
  }

  /** Once a second or so, `now` being the context's coarse time. */
  tick(now: number): void {
    if (this.#state === CLOSED) return;
    if (now >= this.#deadline) {
      this.#expire();
      return;
    }
    if (this.#stalled(now)) {
      this.#hit('readIdleTime');
      this.#destroy();
      return;
    }
    const exchange = this.#state === EXCHANGE ? this.#exchange : undefined;
    if (exchange === undefined) return;
    const { upgraded } = exchange;
    if (upgraded !== undefined) {
      if (upgraded.halfClosed && now - upgraded.lastActivity >= UPGRADE_HALF_CLOSED_TIMEOUT) this.#destroy();
      return;
    }
    if (exchange.body.done) return;
    // Who answers before the body is whole talks both ways at its own pace; who can't send must not be blamed.
    if (this.#paused || exchange.awaitsContinue || (exchange.answered && !exchange.over)) this.#bodyPace.rest(now);
    const late = this.#bodyPace.late(now);
    if (late === undefined) return;
    this.#hit(late);
    exchange.fail('request_timeout');
  }

  #expire(): void {
    if (this.#state === HEAD && this.#head !== undefined) {
      this.#head = undefined;
      this.#hit('headerTime');
      this.#refuseHead('request_timeout');
    } else if (this.#state === HEAD) this.#finish();
    else this.#destroy();
  }

  #hit(bound: BoundName): void {
    this.#context.bounds.hit(bound, { address: this.connection.peerAddress });
  }

  #stalled(now: number): boolean {
    const { pending } = this.#outlet;
    return this.#writePace.stalled(now, pending, this.#socket.bytesWritten - pending);
  }
}

/** A method is a token; what begins with anything else (a TLS record, say) is refused at its first byte. */
const mayBeginHead = (byte: number | undefined): boolean =>
  byte !== undefined && (byte === CR || isToken(String.fromCharCode(byte)));
