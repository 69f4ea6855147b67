import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { GO_AWAY, type GoAwayCode, RESET } from '../wire/codes.ts';
import { encodeGoAway } from '../wire/encode.ts';
import { DEFAULT_MAX_STREAMS } from '../wire/handshake.ts';
import { laneOf } from '../wire/open.ts';
import { type Continued, Session, type SessionStream } from '../wire/session.ts';
import { Arrival } from './arrival.ts';
import { CarrierGroup, type LinkBound } from './carrier-group.ts';
import type { CancelTimer, Clock } from './clock.ts';
import { FrameQueue } from './frame-queue.ts';
import type { Logger } from './logger.ts';
import { readOwned } from './owned-read.ts';
import { createRoundTrip, type RoundTrip } from './round-trip.ts';
import type { Lease, StreamHandler, TunnelStream } from './stream.ts';
import { TunnelReader } from './tunnel-reader.ts';
import { type AgentStream, DrivenStream, type Leg, QUEUE_LIMIT, type StreamHost } from './tunnel-stream.ts';
import { WaitingLine } from './waiting-line.ts';

/** Milliseconds between pings, and of silence after which a tunnel counts as dead. */
export const PING_EVERY = 5_000;
export const DEAD_AFTER = 15_000;
/** Milliseconds by which a timer is late only when this side has stalled. */
const STALLED = 1_000;
/** Milliseconds that a closing socket has to send its last words. */
const LAST_WORDS = 1_000;
/** A tunnel that heard no more than this in a ping's time is idle. */
const IDLE_BYTES = 1024;
/** Bytes moved between two pings from which the second may have stood in a queue of our own. */
const LOADED_BYTES = 256 * 1024;

/** Why a tunnel ended. */
export interface TunnelEnd {
  /** Who ended it: this side, the peer by GO_AWAY, or the network. */
  readonly by: 'local' | 'peer' | 'network';
  readonly code: GoAwayCode;
  /** For the log. */
  readonly reason: string;
  /** What was seen of an end that nobody announced, where it is of a known kind. */
  readonly cause?: 'closed' | 'broken' | 'silent';
}

export interface TunnelOptions {
  /** Connected, handshake done. The tunnel owns it from now on. */
  readonly socket: Socket;
  readonly role: 'edge' | 'agent';
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most streams at once; default 4096. Both sides use what WELCOME said. */
  readonly maxStreams?: number;
  /** The carriers of the same link, and this one's number among them. Without, it is a link by itself. */
  readonly group?: CarrierGroup;
  readonly carrier?: number;
  /**
   * Agent side: the edge asks for a target (`wire/open.ts`; `payload` is valid during the call only). Return who
   * handles the stream; to refuse, `stream.reset(code, reason)` and return a handler that does nothing.
   */
  readonly onOpen?: (stream: AgentStream, payload: Uint8Array) => StreamHandler;
  /** The peer asks to move: streams may finish, no new ones. Link elsewhere now. */
  readonly onGoAway?: (code: GoAwayCode, reason: string) => void;
  /** Comes exactly once; every stream has been told before. */
  readonly onClose: (end: TunnelEnd) => void;
}

export interface TunnelStats {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly streams: number;
  /** Bytes waiting to be taken by the socket. */
  readonly queued: number;
}

export interface Tunnel {
  /** Edge side: opens a stream to the target in `payload`, or says why not: it is draining or closed, or what ran out. */
  open(payload: Uint8Array, handler: StreamHandler): TunnelStream | 'closed' | LinkBound;
  /** Drains: no new streams, those there are may finish, then the tunnel closes by itself. */
  goAway(code: GoAwayCode, reason?: string): void;
  /** Ends it now: streams are reset with TUNNEL_LOST, the peer is told `code`. Idempotent. */
  close(code: GoAwayCode, reason: string): void;
  /** Asks the peer for a sign of life within `timeout` ms, else closes; for after sleep or a change of network. */
  probe(timeout: number): void;
  /**
   * Edge side: lets streams go on over `to`, another carrier of the same group: `which`, or all. Those that can't (not
   * opened yet, half-closed, on their way already) stay. Returns how many went.
   */
  moveTo(to: Pick<Tunnel, 'draining'>, which?: readonly TunnelStream[]): number;
  /** The streams that move much as of late. */
  readonly bulk: readonly TunnelStream[];
  /** Asked for a sign of life, and none has come yet. */
  readonly doubtful: boolean;
  /** True once no new streams are possible. */
  readonly draining: boolean;
  readonly closed: boolean;
  /** Smoothed, milliseconds; 0 while unknown. */
  readonly roundTrip: number;
  /** The path's own round trip, without queues, in milliseconds; 0 while unknown. */
  readonly shortestRoundTrip: number;
  readonly stats: TunnelStats;
}

/** Drives the tunnel protocol over `socket` (TCP or TLS), after the handshake. */
export const createTunnel = (options: TunnelOptions): Tunnel => new SocketTunnel(options);

/** What a GO_AWAY said. */
interface Leave {
  readonly code: GoAwayCode;
  readonly reason: string;
}

const ignore: StreamHandler = {
  onData() {},
  onEnd() {},
  onReset() {},
  onWritable() {},
};

class SocketTunnel implements Tunnel, StreamHost {
  readonly session: Session<Leg, Buffer, Lease>;
  readonly queue: FrameQueue;
  readonly group: CarrierGroup;
  readonly carrier: number;
  readonly #options: TunnelOptions;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader: TunnelReader;
  readonly #roundTrip: RoundTrip;
  readonly #stopPings: CancelTimer;
  #stopDeadline: CancelTimer = () => {};
  /** A deadline is running. */
  #expecting = false;
  #lastHeard: number;
  #heardAtPing = 0;
  /** Bytes moved in both directions by the time of the last ping. */
  #movedAtPing = 0;
  #loaded = false;
  #bytesIn = 0;
  #closed = false;
  #peerLeaves: Leave | undefined;
  #weLeave: Leave | undefined;
  readonly #queueLine = new WaitingLine<DrivenStream>();
  readonly #maxStreams: number;
  #turnLine: DrivenStream[] = [];
  readonly #bulk = new Set<DrivenStream>();
  /** When a sign of life was asked for. */
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TunnelOptions) {
    const { socket, clock } = options;
    this.#options = options;
    this.#socket = socket;
    this.#clock = clock;
    this.group = options.group ?? new CarrierGroup();
    this.carrier = options.carrier ?? 0;
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    this.group.add(this.carrier, this);
    this.#roundTrip = createRoundTrip(this.group.path);
    const encrypted = socket instanceof TLSSocket;
    this.queue = new FrameQueue(socket, encrypted, () => this.#onFlushed());
    this.session = new Session({
      role: options.role,
      output: this.queue,
      monotonic: () => clock.monotonic(),
      maxStreams: this.#maxStreams,
      windowBudget: this.group.budget,
      events: {
        onOpen: (stream, payload) => this.#onOpen(stream, payload),
        onOpened: (stream, dialMicros) => stream.onOpened(dialMicros),
        onData: (stream, bytes, start, end, lease) => stream.onData(bytes, start, end, lease),
        onEnd: (stream) => stream.onEnd(),
        onReset: (stream, code, reason) => stream.onReset(code, reason),
        onCredit: (stream) => stream.onCredit(),
        onPong: (token) => this.#onPong(token),
        onGoAway: (code, reason) => this.#onGoAway(code, reason),
        onContinue: (stream, carrier, from) => this.#onContinue(stream, carrier, from),
        onContinued: (leg) => leg instanceof Arrival && leg.onContinued(),
        onMove: (stream) => stream.onMove(),
      },
    });
    this.#lastHeard = clock.monotonic();
    this.#reader = new TunnelReader(encrypted, {
      onBytes: (bytes, start, end, lease) => this.#onBytes(bytes, start, end, lease),
      onEnd: () => this.#onGone('the peer closed the connection', 'closed'),
      onError: (error) => this.#onGone(error.message),
      onClose: () => this.#onGone('the connection broke', 'broken'),
    });
    socket.setTimeout(0);
    socket.setNoDelay(true);
    this.#stopPings = clock.setInterval(() => this.#onPingTime(), PING_EVERY);
    readOwned(socket, this.#reader);
    this.#ping();
  }

  get draining(): boolean {
    return this.#closed || this.session.draining;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get roundTrip(): number {
    return this.#roundTrip.smoothed;
  }

  get shortestRoundTrip(): number {
    return this.#roundTrip.shortest;
  }

  get stats(): TunnelStats {
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#socket.bytesWritten,
      streams: this.session.size,
      queued: this.queue.queued,
    };
  }

  open(payload: Uint8Array, handler: StreamHandler): TunnelStream | 'closed' | LinkBound {
    if (this.draining) return 'closed';
    const lane = laneOf(payload);
    const bound = this.session.hasRoom ? this.group.refuses(lane, this.#maxStreams) : 'streams';
    if (bound !== undefined) return bound;
    const stream = this.session.open(payload, (opened) => new DrivenStream(this, opened, this.group.enter(lane)));
    if (!(stream instanceof DrivenStream)) return 'resets';
    stream.adopt(handler);
    stream.widen();
    return stream;
  }

  goAway(code: GoAwayCode, reason = ''): void {
    if (this.#closed) return;
    this.#weLeave ??= { code, reason };
    this.session.goAway(code, reason);
    this.queue.schedule();
  }

  close(code: GoAwayCode, reason: string): void {
    this.#finish({ by: 'local', code, reason }, encodeGoAway(code, reason));
  }

  probe(timeout: number): void {
    if (this.#closed) return;
    this.#probedAt = this.#clock.monotonic();
    this.#ping();
    this.#stopDeadline();
    this.#expectLife(timeout);
  }

  waitForQueue(stream: DrivenStream): void {
    this.#queueLine.push(stream);
    // With room in the queue nothing may be about to be written, and no end of a turn would come.
    if (this.queue.queued < QUEUE_LIMIT) this.queue.schedule();
  }

  waitForTurn(stream: DrivenStream): void {
    this.#turnLine.push(stream);
    this.queue.schedule();
  }

  holdBack(): void {
    for (const stream of this.session.owners())
      if (stream instanceof DrivenStream && stream.isOn(this)) stream.holdBack();
  }

  onStreamGone(stream: DrivenStream): void {
    this.#bulk.delete(stream);
    if (this.draining) this.queue.schedule();
  }

  now(): number {
    return this.#clock.monotonic();
  }

  measureClear(): boolean {
    if (this.#closed || this.draining || this.bulk.length > 0) return false;
    const waiting = this.#roundTrip.waiting(this.#clock.monotonic());
    // A ping that takes long tells already.
    if (waiting === undefined) this.#ping();
    else this.group.noteClear(Math.max(waiting, this.group.path.shortest * 1.3));
    return true;
  }

  onBulk(stream: DrivenStream): void {
    this.#bulk.add(stream);
    this.group.noteBulk(stream);
  }

  get bulk(): readonly TunnelStream[] {
    if (this.#bulk.size === 0) return [];
    const now = this.#clock.monotonic();
    for (const stream of this.#bulk) if (!stream.isBulk(now)) this.#bulk.delete(stream);
    return [...this.#bulk];
  }

  get doubtful(): boolean {
    return this.#probedAt > this.#lastHeard;
  }

  moveTo(to: Pick<Tunnel, 'draining'>, which?: readonly TunnelStream[]): number {
    if (this.#closed || !(to instanceof SocketTunnel) || to.draining) return 0;
    let moved = 0;
    for (const stream of which ?? this.session.owners())
      if (stream instanceof DrivenStream && stream.isOn(this) && stream.moveTo(to)) {
        if (this.#bulk.delete(stream)) to.#bulk.add(stream);
        moved++;
      }
    return moved;
  }

  #onContinue(stream: SessionStream<Leg>, carrier: number, from: number): Continued<Leg> {
    const other = this.group.find(carrier);
    // A carrier, or a stream, may have ended while the edge's word was under way.
    const moved = other?.session.find(from);
    if (moved === undefined) return 'over';
    const arrival = moved instanceof DrivenStream ? moved.arrive(this, stream) : undefined;
    return arrival === undefined ? 'wrong' : { owner: arrival };
  }

  #onBytes(bytes: Buffer, start: number, end: number, lease: Lease): void {
    if (this.#closed) return;
    this.#lastHeard = this.#clock.monotonic();
    this.#bytesIn += end - start;
    if (end - start > IDLE_BYTES) this.#reader.quiet = false;
    const violation = this.session.receive(bytes, start, end, lease);
    if (violation === undefined || this.#closed) return;
    this.#options.logger.warn('tunnel peer broke the protocol', { reason: violation.reason });
    this.close(violation.code, violation.reason);
  }

  #onOpen(opened: SessionStream<Leg>, payload: Uint8Array): DrivenStream {
    const stream = new DrivenStream(this, opened, this.group.enter(laneOf(payload)));
    stream.widen();
    stream.adopt(this.#options.onOpen?.(stream, payload) ?? ignore);
    return stream;
  }

  /** A turn has ended or a write has completed: those in line may go on, as many as there is room for. */
  #onFlushed(): void {
    if (this.#closed) return;
    if (this.queue.queued > QUEUE_LIMIT && this.group.clogged) {
      this.group.onFull();
      this.close(GO_AWAY.LIMIT, 'the peer does not read');
      return;
    }
    if (this.#turnLine.length > 0) {
      const line = this.#turnLine;
      this.#turnLine = [];
      for (const stream of line) stream.onLine(this);
    }
    let room = QUEUE_LIMIT - this.queue.queued;
    if (this.#queueLine.length > 0 && room > 0) {
      while (room > 0 && this.#queueLine.length > 0) room -= this.#queueLine.shift()?.onLine(this) ?? 0;
      if (this.#queueLine.length > 0) this.queue.schedule();
    }
    this.#endDrain();
  }

  /** The edge ends a drained tunnel; an agent only once the edge has said that it opens no more. */
  #endDrain(): void {
    if (!this.session.draining || this.session.size > 0 || this.queue.queued > 0) return;
    if (this.#options.role === 'agent' && !this.session.goAwayReceived) return;
    this.#finish(this.#farewell());
  }

  /** How a tunnel ends that was told to. */
  #farewell(): TunnelEnd {
    if (this.#peerLeaves !== undefined) return { by: 'peer', ...this.#peerLeaves };
    return { by: 'local', ...(this.#weLeave ?? { code: GO_AWAY.SHUTDOWN, reason: '' }) };
  }

  #onPingTime(): void {
    const silence = this.#clock.monotonic() - this.#lastHeard;
    this.#reader.quiet = this.#bytesIn - this.#heardAtPing < IDLE_BYTES;
    this.#heardAtPing = this.#bytesIn;
    if (silence > DEAD_AFTER - PING_EVERY && !this.#expecting) this.#expectLife(DEAD_AFTER - silence);
    this.#ping();
  }

  /**
   * Closes unless something is heard within `timeout` ms. A timer that comes late tells of a stall on this side (a
   * blocked event loop, a suspended process): what the peer has sent meanwhile is still unread, so it gets another go.
   */
  #expectLife(timeout: number): void {
    const since = this.#lastHeard;
    const due = this.#clock.monotonic() + timeout;
    this.#expecting = true;
    this.#stopDeadline = this.#clock.setTimeout(
      () => {
        this.#expecting = false;
        if (this.#lastHeard > since) return;
        if (this.#clock.monotonic() - due < STALLED) {
          const end = { code: GO_AWAY.TIMEOUT, reason: 'the peer fell silent' };
          this.#finish({ by: 'local', ...end, cause: 'silent' }, encodeGoAway(end.code, end.reason));
          return;
        }
        this.#ping();
        this.#expectLife(PING_EVERY);
      },
      Math.max(0, timeout),
    );
  }

  #ping(): void {
    if (this.#closed) return;
    const moved = this.#bytesIn + this.#socket.bytesWritten;
    const now = this.#clock.monotonic();
    if (moved - this.#movedAtPing > LOADED_BYTES) this.group.noteLoad(now);
    this.#loaded = this.group.isLoaded(now);
    this.#movedAtPing = moved;
    this.session.ping(this.#roundTrip.start(now));
  }

  #onPong(token: number): void {
    const now = this.#clock.monotonic();
    const took = this.#roundTrip.waiting(now);
    this.#roundTrip.finish(token, now, this.#loaded);
    if (took !== undefined && this.#bulk.size === 0 && this.group.isLoaded(now)) this.group.noteClear(took);
    this.session.budget.roundTrip = this.#roundTrip.shortest;
    if (this.#roundTrip.eager) this.#ping();
  }

  #onGoAway(code: GoAwayCode, reason: string): void {
    this.#peerLeaves = { code, reason };
    if (code !== GO_AWAY.SHUTDOWN && code !== GO_AWAY.REPLACED) {
      this.#finish({ by: 'peer', code, reason });
      return;
    }
    this.#options.onGoAway?.(code, reason);
    this.queue.schedule();
  }

  #onGone(reason: string, cause?: TunnelEnd['cause']): void {
    // The other side may see the end of a drain, and hang up, a moment before this one does.
    const drained = this.session.draining && this.session.size === 0;
    if (drained || this.#peerLeaves !== undefined) this.#finish(this.#farewell());
    else this.#finish({ by: 'network', code: GO_AWAY.TIMEOUT, reason, ...(cause === undefined ? {} : { cause }) });
  }

  #finish(end: TunnelEnd, lastWords?: Uint8Array): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopPings();
    this.#stopDeadline();
    this.#reader.close();
    this.queue.close();
    this.#queueLine.clear();
    this.#turnLine = [];
    this.#bulk.clear();
    this.group.remove(this.carrier, this);
    for (const stream of this.session.abandon()) stream.onReset(RESET.TUNNEL_LOST, end.reason);
    this.#hangUp(lastWords);
    this.#options.onClose(end);
  }

  /** Sends the last words behind whatever is in flight, and waits a moment for the peer to take them. */
  #hangUp(lastWords: Uint8Array | undefined): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const cancel = this.#clock.setTimeout(() => socket.destroy(), LAST_WORDS);
    socket.once('close', cancel);
    socket.once('end', () => socket.destroySoon());
    if (lastWords === undefined) socket.end();
    else socket.end(lastWords);
  }
}
