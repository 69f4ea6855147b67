import { GO_AWAY, type GoAwayCode, RESET, type ResetCode } from './codes.ts';
import { FrameDecoder, type FrameSink } from './decode.ts';
import { decodeReason, encodeReason, readWord } from './encode.ts';
import { DEFAULT_FLOOD_LIMITS, FloodGate, type FloodLimits, TINY } from './flood.ts';
import { FRAME, type FrameType, isTunnelFrame, MAX_CREDIT, MAX_DATA, MAX_STREAM, type Violation } from './frame.ts';
import { type SessionStream, StreamState } from './stream-state.ts';
import { ReceiveWindow, WindowBudget } from './window.ts';

export type { SessionStream } from './stream-state.ts';

/** Where a session puts its frames. Each call is one whole frame. */
export interface FrameOutput {
  empty(type: FrameType, stream: number): void;
  word(type: FrameType, stream: number, value: number): void;
  bytes(type: FrameType, stream: number, payload: Uint8Array, start: number, end: number): void;
}

/** What a session tells its driver. `S` is what the driver keeps a stream, `B` and `L` as in `FrameSink`. */
export interface SessionEvents<S, B extends Uint8Array, L> {
  /** The edge opened a stream. `payload` is valid during the call only. Returns what the driver keeps for it. */
  onOpen(stream: SessionStream<S>, payload: Uint8Array): S;
  onOpened(owner: S, dialMicros: number): void;
  onData(owner: S, bytes: B, start: number, end: number, lease: L): void;
  onEnd(owner: S): void;
  onReset(owner: S, code: ResetCode, reason: string): void;
  /** New credit to send with. */
  onCredit(owner: S): void;
  onPong(token: number): void;
  onGoAway(code: GoAwayCode, reason: string): void;
  /**
   * Agent side: `stream` goes on with what stream `from` of carrier `carrier` was. Returns what the driver keeps for it,
   * `over` when that stream no longer exists, `wrong` when it never did or moves already.
   */
  onContinue?(stream: SessionStream<S>, carrier: number, from: number): Continued<S>;
  /** The stream is there, under the owner that `onContinue` gave it. */
  onContinued?(owner: S): void;
  /** The peer's bytes on this stream end here and go on elsewhere. */
  onMove?(owner: S): void;
}

/** What becomes of a CONTINUE. */
export type Continued<S> = { readonly owner: S } | 'over' | 'wrong';

export interface SessionOptions<S, B extends Uint8Array, L> {
  readonly role: 'edge' | 'agent';
  readonly output: FrameOutput;
  readonly events: SessionEvents<S, B, L>;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  /** Most streams at once. */
  readonly maxStreams: number;
  /** Bytes by which all receive windows together may exceed their initial 64 KiB each; several sessions may share one. */
  readonly windowBudget: number | WindowBudget;
  readonly floodLimits?: FloodLimits;
}

/** Late DATA that may be under way for streams that this side has reset, at most; bytes. */
const MAX_LATE = 256 * 1024 * 1024;
/** Fresh streams start wide while there are no more than this many. */
const WIDEN_UP_TO = 64;
const MAX_FIRST_WINDOW = 1024 * 1024;
/** On a path of this round trip or less, ms, a window has grown soon enough; there a wide start only costs memory. */
const SHORT_PATH = 4;
const MAX_FIRST_WINDOW_ON_SHORT_PATH = 128 * 1024;

/** The part of the resets that a peer bears at which no further streams are opened. */
const BRAKE = 0.8;

const violation = (reason: string): Violation => ({ code: GO_AWAY.PROTOCOL, reason });
const limit = (reason: string): Violation => ({ code: GO_AWAY.LIMIT, reason });

/**
 * The tunnel protocol after its handshake, without a socket: bytes in, events and frames out. It keeps the streams and
 * their credit, holds the peer to the rules, and answers pings. The edge opens streams, the agent never does: an agent
 * is asked for targets and has nothing to ask the edge for.
 */
export class Session<S, B extends Uint8Array, L> implements FrameSink<B, L> {
  readonly budget: WindowBudget;
  readonly #options: SessionOptions<S, B, L>;
  readonly #events: SessionEvents<S, B, L>;
  readonly #output: FrameOutput;
  readonly #decoder: FrameDecoder<B, L>;
  readonly #streams = new Map<number, StreamState<S>>();
  readonly #pings: FloodGate;
  readonly #resets: FloodGate;
  /** Resets either way. Runs empty before the peer's patience does: see `open`. */
  readonly #brake: FloodGate;
  readonly #controls: FloodGate;
  readonly #tiny: FloodGate;
  #lastId = 0;
  #late = 0;
  #goAwaySent = false;
  #goAwayReceived = false;
  /** The stream of the DATA frame that is being read; undefined while its bytes are dropped. */
  #current: StreamState<S> | undefined;

  constructor(options: SessionOptions<S, B, L>) {
    this.#options = options;
    this.#events = options.events;
    this.#output = options.output;
    this.#decoder = new FrameDecoder(this);
    const { windowBudget } = options;
    this.budget = typeof windowBudget === 'number' ? new WindowBudget(windowBudget) : windowBudget;
    const limits = options.floodLimits ?? DEFAULT_FLOOD_LIMITS;
    this.#pings = new FloodGate(limits.ping, options.monotonic);
    this.#resets = new FloodGate(limits.reset, options.monotonic);
    const { perSecond, burst } = limits.reset;
    this.#brake = new FloodGate({ perSecond: perSecond * BRAKE, burst: burst * BRAKE }, options.monotonic);
    this.#controls = new FloodGate(limits.control, options.monotonic);
    this.#tiny = new FloodGate(limits.tiny, options.monotonic);
  }

  /** Streams open now. */
  get size(): number {
    return this.#streams.size;
  }

  /** A GO_AWAY went out or came in: no new streams. */
  get draining(): boolean {
    return this.#goAwaySent || this.#goAwayReceived;
  }

  get goAwayReceived(): boolean {
    return this.#goAwayReceived;
  }

  /** Edge: a further stream may be opened. */
  get hasRoom(): boolean {
    if (this.#options.role !== 'edge' || this.draining) return false;
    return this.#streams.size < this.#options.maxStreams && this.#lastId < MAX_STREAM;
  }

  /** Feeds bytes from the peer. A violation means: send GO_AWAY with it and cut. */
  receive(bytes: B, start: number, end: number, lease: L): Violation | undefined {
    return this.#decoder.push(bytes, start, end, lease);
  }

  /**
   * Edge: opens a stream. `adopt` makes what the driver keeps for it. `undefined` when draining or full, and for a moment
   * after very many resets: visitors who come and go must not make a peer take this side for a flood.
   */
  open(payload: Uint8Array, adopt: (stream: SessionStream<S>) => S): S | undefined {
    if (!this.hasRoom || !this.#brake.open) return undefined;
    const stream = this.#add(++this.#lastId);
    const owner = adopt(stream);
    stream.adopt(owner);
    this.#output.bytes(FRAME.OPEN, stream.id, payload, 0, payload.length);
    return owner;
  }

  /** Agent: reports that the target is connected, `dialMicros` after the dial began. Only the first time counts. */
  opened(handle: SessionStream<S>, dialMicros: number): void {
    const stream = this.#live(handle);
    if (stream === undefined || stream.opened || this.#options.role !== 'agent') return;
    stream.opened = true;
    this.#output.word(FRAME.OPENED, stream.id, Math.max(0, Math.min(Math.round(dialMicros), 0xffffffff)));
  }

  /** Sends as much of `bytes[start, end)` as there is credit for; returns where it stopped. */
  send(handle: SessionStream<S>, bytes: Uint8Array, start: number, end: number): number {
    const stream = this.#live(handle);
    if (stream === undefined || stream.ended) return end;
    if (!stream.opened && this.#options.role === 'agent') this.opened(stream, 0);
    const stop = Math.min(end, start + stream.credit);
    stream.credit -= stop - start;
    for (let at = start; at < stop; at += MAX_DATA) {
      this.#output.bytes(FRAME.DATA, stream.id, bytes, at, Math.min(stop, at + MAX_DATA));
    }
    return stop;
  }

  /** Takes credit for one DATA frame that the driver writes by itself, right now; false when there isn't enough. */
  charge(handle: SessionStream<S>, length: number): boolean {
    const stream = this.#live(handle);
    if (stream === undefined || stream.ended || length > Math.min(stream.credit, MAX_DATA)) return false;
    if (!stream.opened && this.#options.role === 'agent') this.opened(stream, 0);
    stream.credit -= length;
    return true;
  }

  /** Half-closes this side. */
  end(handle: SessionStream<S>): void {
    const stream = this.#live(handle);
    if (stream === undefined || stream.ended) return;
    if (!stream.opened && this.#options.role === 'agent') this.opened(stream, 0);
    stream.ended = true;
    this.#output.empty(FRAME.FIN, stream.id);
    if (stream.peerEnded && !stream.peerMoved) this.#remove(stream);
  }

  /** Edge: takes the next id for the stream `from` of carrier `carrier`, which `move`s here. As `open` otherwise. */
  resume(carrier: number, from: number, adopt: (stream: SessionStream<S>) => S): S | undefined {
    if (!this.hasRoom) return undefined;
    const stream = this.#add(++this.#lastId);
    stream.opened = true;
    const owner = adopt(stream);
    stream.adopt(owner);
    const payload = new Uint8Array(8);
    const view = new DataView(payload.buffer);
    view.setUint32(0, carrier);
    view.setUint32(4, from);
    this.#output.bytes(FRAME.CONTINUE, stream.id, payload, 0, payload.length);
    return owner;
  }

  /** Says that this side's bytes end here and go on elsewhere; the stream is over once both sides have said so. */
  move(handle: SessionStream<S>): void {
    const stream = this.#live(handle);
    if (stream === undefined || stream.moved) return;
    stream.moved = true;
    this.#output.empty(FRAME.MOVE, stream.id);
    if (stream.peerMoved) this.#remove(stream);
  }

  /** Whether `handle` may `move`: both directions are open, and the dial is over. */
  isMovable(handle: SessionStream<S>): boolean {
    const stream = this.#live(handle);
    return stream?.opened === true && !stream.ended && !stream.peerEnded && !stream.moved;
  }

  /** From now on `owner` is told of what happens to the stream. */
  assign(handle: SessionStream<S>, owner: S): void {
    this.#live(handle)?.adopt(owner);
  }

  /** What the driver keeps for stream `id`, if there is one. */
  find(id: number): S | undefined {
    const stream = this.#streams.get(id);
    return stream === undefined || stream.orphan ? undefined : stream.owner;
  }

  /** What the driver keeps for the streams there are. */
  owners(): S[] {
    return [...this.#streams.values()].filter((stream) => !stream.orphan).map((stream) => stream.owner);
  }

  /** Ends both directions and forgets the stream. */
  reset(handle: SessionStream<S>, code: ResetCode, reason: string): void {
    const stream = this.#live(handle);
    if (stream === undefined) return;
    this.#brake.take();
    const payload = encodeReason(code, reason);
    this.#output.bytes(FRAME.RESET, stream.id, payload, 0, payload.length);
    this.#remove(stream);
  }

  /** Returns credit for `n` consumed bytes, when enough has come together to be worth a frame. */
  consumed(handle: SessionStream<S>, n: number): void {
    const stream = this.#live(handle);
    if (stream === undefined || stream.peerEnded) return;
    if (stream.window.consume(n)) this.#grant(stream, stream.window.grant(this.#options.monotonic()));
  }

  /** Starts a fresh stream with the window that this path was last found to need, not with the smallest. */
  widen(handle: SessionStream<S>): void {
    const stream = this.#live(handle);
    if (stream === undefined || this.#streams.size > WIDEN_UP_TO) return;
    const most = this.budget.roundTrip > SHORT_PATH ? MAX_FIRST_WINDOW : MAX_FIRST_WINDOW_ON_SHORT_PATH;
    this.#grant(stream, stream.window.widen(Math.min(this.budget.typical, most)));
  }

  ping(token: number): void {
    this.#token(FRAME.PING, token);
  }

  /** Says that no new streams are taken (SHUTDOWN, REPLACED), or why the tunnel ends now (other codes). */
  goAway(code: GoAwayCode, reason: string): void {
    this.#goAwaySent = true;
    const payload = encodeReason(code, reason);
    this.#output.bytes(FRAME.GO_AWAY, 0, payload, 0, payload.length);
  }

  /** The tunnel is gone: forgets every stream and returns what the driver kept for them. */
  abandon(): S[] {
    const owners: S[] = [];
    for (const stream of this.#streams.values()) {
      stream.closed = true;
      stream.window.close();
      if (!stream.orphan) owners.push(stream.owner);
    }
    this.#streams.clear();
    this.#current = undefined;
    this.#goAwaySent = true;
    return owners;
  }

  onHeader(type: FrameType, id: number, length: number): Violation | undefined {
    if (isTunnelFrame(type) !== (id === 0)) return violation(`frame type ${type} on stream ${id}`);
    if (type !== FRAME.DATA) return undefined;
    if (length < TINY && !this.#tiny.take()) return limit('flood of tiny frames');
    const stream = this.#streams.get(id);
    this.#current = stream;
    if (stream === undefined) return this.#lateData(id, length);
    if (stream.peerEnded) return violation(`data after the end of stream ${id}`);
    if (!stream.opened && this.#options.role === 'edge') return violation(`data before stream ${id} is opened`);
    return stream.window.receive(length) ? undefined : violation(`window of stream ${id} overrun`);
  }

  onData(bytes: B, start: number, end: number, lease: L): void {
    const stream = this.#current;
    if (stream !== undefined && !stream.closed) this.#events.onData(stream.owner, bytes, start, end, lease);
  }

  onControl(type: FrameType, id: number, payload: Uint8Array): Violation | undefined {
    switch (type) {
      case FRAME.OPEN:
        return this.#onOpen(id, payload);
      case FRAME.CONTINUE:
        return this.#onContinue(id, payload);
      case FRAME.PING:
        if (!this.#pings.take()) return limit('flood of pings');
        this.#output.bytes(FRAME.PONG, 0, payload, 0, payload.length);
        return undefined;
      case FRAME.PONG:
        if (!this.#pings.take()) return limit('flood of pongs');
        this.#events.onPong(readWord(payload, 4));
        return undefined;
      case FRAME.GO_AWAY:
        return this.#onGoAway(payload);
      case FRAME.HELLO:
      case FRAME.WELCOME:
        return violation('handshake twice');
      default:
        return this.#onStreamFrame(type, id, payload);
    }
  }

  /** One that crossed our GO_AWAY on the way is served all the same: whoever asked for it knows nothing of a move. */
  #onOpen(id: number, payload: Uint8Array): Violation | undefined {
    const stream = this.#accept(id);
    if (!(stream instanceof StreamState)) return stream;
    stream.adopt(this.#events.onOpen(stream, payload));
    return undefined;
  }

  #onContinue(id: number, payload: Uint8Array): Violation | undefined {
    const stream = this.#accept(id);
    if (!(stream instanceof StreamState)) return stream;
    stream.opened = true;
    const from = readWord(payload, 4);
    const continued = this.#events.onContinue?.(stream, readWord(payload, 0), from) ?? 'wrong';
    if (continued === 'wrong') return violation(`stream ${id} continues stream ${from} against the rules`);
    if (continued === 'over') this.reset(stream, RESET.CANCELLED, 'the stream is over');
    else {
      stream.adopt(continued.owner);
      this.#events.onContinued?.(continued.owner);
    }
    return undefined;
  }

  #accept(id: number): StreamState<S> | Violation {
    if (this.#options.role === 'edge') return violation('only the edge opens streams');
    if (id !== this.#lastId + 1) return violation(`stream ${id} opened after ${this.#lastId}`);
    if (this.#streams.size >= this.#options.maxStreams) return limit('too many streams');
    this.#lastId = id;
    return this.#add(id);
  }

  #onGoAway(payload: Uint8Array): Violation | undefined {
    if (!this.#resets.take()) return limit('flood of go-aways');
    const code = payload[0] ?? 0;
    const known = Object.values(GO_AWAY).find((value) => value === code);
    this.#goAwayReceived = true;
    this.#events.onGoAway(known ?? GO_AWAY.INTERNAL, decodeReason(payload));
    return undefined;
  }

  #onStreamFrame(type: FrameType, id: number, payload: Uint8Array): Violation | undefined {
    const stream = this.#streams.get(id);
    if (type === FRAME.RESET) {
      this.#brake.take();
      if (!this.#resets.take()) return limit('flood of resets');
    }
    if (stream === undefined) {
      if (!this.#wasOpened(id)) return violation(`stream ${id} was never opened`);
      return this.#controls.take() ? undefined : limit('flood of late frames');
    }
    switch (type) {
      case FRAME.WINDOW:
        return this.#onWindow(stream, readWord(payload, 0));
      case FRAME.OPENED:
        if (this.#options.role !== 'edge' || stream.opened) return violation(`stream ${id} opened twice`);
        stream.opened = true;
        this.#events.onOpened(stream.owner, readWord(payload, 0));
        return undefined;
      case FRAME.FIN:
        return this.#onFin(stream);
      case FRAME.MOVE:
        return this.#onMove(stream);
      default: {
        this.#remove(stream);
        const code = Object.values(RESET).find((value) => value === payload[0] && value !== RESET.TUNNEL_LOST);
        this.#events.onReset(stream.owner, code ?? RESET.BROKEN, decodeReason(payload));
        return undefined;
      }
    }
  }

  #onWindow(stream: StreamState<S>, credit: number): Violation | undefined {
    if (!this.#controls.take()) return limit('flood of windows');
    if (credit === 0 || stream.credit + credit > MAX_CREDIT) return violation(`window of ${credit} bytes`);
    stream.credit += credit;
    this.#events.onCredit(stream.owner);
    return undefined;
  }

  #onFin(stream: StreamState<S>): Violation | undefined {
    if (stream.peerEnded) return violation(`stream ${stream.id} ended twice`);
    if (!stream.opened && this.#options.role === 'edge') return violation(`end before stream ${stream.id} is opened`);
    stream.peerEnded = true;
    if (stream.ended) this.#remove(stream);
    this.#events.onEnd(stream.owner);
    return undefined;
  }

  #onMove(stream: StreamState<S>): Violation | undefined {
    if (stream.peerMoved) return violation(`stream ${stream.id} moved twice`);
    if (this.#options.role === 'edge' && !stream.moved) return violation(`stream ${stream.id} moved unasked`);
    stream.peerMoved = true;
    stream.peerEnded = true;
    if (stream.moved) this.#remove(stream);
    this.#events.onMove?.(stream.owner);
    return undefined;
  }

  /** DATA for a stream that this side has closed: tolerated as far as the peer had credit when we closed it. */
  #lateData(id: number, length: number): Violation | undefined {
    if (!this.#wasOpened(id)) return violation(`stream ${id} was never opened`);
    this.#late -= length;
    return this.#late < 0 ? violation(`data on closed stream ${id}`) : undefined;
  }

  /** Ids run without gaps, so the last one tells. */
  #wasOpened(id: number): boolean {
    return id <= this.#lastId;
  }

  #add(id: number): StreamState<S> {
    const stream = new StreamState<S>(id, new ReceiveWindow(this.budget, this.#options.monotonic()));
    this.#streams.set(id, stream);
    return stream;
  }

  #remove(stream: StreamState<S>): void {
    stream.closed = true;
    this.#streams.delete(stream.id);
    if (!stream.peerEnded) this.#late = Math.min(MAX_LATE, this.#late + stream.window.credit);
    stream.window.close();
  }

  #grant(stream: StreamState<S>, credit: number): void {
    if (credit > 0) this.#output.word(FRAME.WINDOW, stream.id, credit);
  }

  #live(handle: SessionStream<S>): StreamState<S> | undefined {
    return handle instanceof StreamState && !handle.closed ? handle : undefined;
  }

  #token(type: FrameType, token: number): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setUint32(4, token);
    this.#output.bytes(type, 0, payload, 0, 8);
  }
}
