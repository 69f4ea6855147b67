import type { ResetCode } from '../wire/codes.ts';
import { RESET } from '../wire/codes.ts';
import { FRAME, INITIAL_WINDOW } from '../wire/frame.ts';
import type { Session, SessionStream } from '../wire/session.ts';
import { Arrival, type Mover } from './arrival.ts';
import { Backlog } from './backlog.ts';
import type { CarrierGroup } from './carrier-group.ts';
import type { FrameQueue } from './frame-queue.ts';
import type { Lease, StreamHandler, TunnelStream } from './stream.ts';
import type { Lane, Waiter } from './waiting-line.ts';

/** Bytes that a stream may write in one turn of the event loop; then the others have theirs. */
export const TURN_BUDGET = 256 * 1024;
/** Bytes queued in a carrier from where its streams are not writable. */
export const QUEUE_LIMIT = 512 * 1024;
/** And from where what they write all the same waits in the streams, so that it leaves in a fair order. */
const QUEUE_FULL = 2 * QUEUE_LIMIT;
/** Bytes that a stream sends when its place in the line has come up, about; so many are let on at once as fit. */
const ONE_TURN = 64 * 1024;
/** Bytes that a stream keeps when its tunnel takes no more. A writer that heeds `writable` gets nowhere near. */
const MOST_WAITING = 4 * 1024 * 1024;

/** Bytes after which a stream looks at the clock; the first time sooner, so that a short transfer is seen too. */
const FIRST_LOOK = 64 * 1024;
const LOOK_EVERY = 256 * 1024;
/** A stream that moves `LOOK_EVERY` within so many milliseconds is bulk, and stays so as long again. */
const BULK_TIME = 1_000;
/**
 * Times that bulk may turn round within `LOOK_EVERY`. What turns more often is a conversation (requests and responses
 * on a kept connection): many small frames, which one carrier moves in fewer system calls than several do.
 */
const BULK_TURNS = 8;

/** What a session tells of one stream: to the stream itself, or to what stands in for it while it moves. */
export interface Leg {
  onOpened(dialMicros: number): void;
  onData(buffer: Buffer, start: number, end: number, lease: Lease): void;
  onEnd(): void;
  onReset(code: ResetCode, reason: string): void;
  onCredit(): void;
  onMove(): void;
}

/** What a stream needs of its tunnel. */
export interface StreamHost {
  readonly session: Session<Leg, Buffer, Lease>;
  readonly queue: FrameQueue;
  readonly group: CarrierGroup;
  /** Which carrier of the group it is. */
  readonly carrier: number;
  /** Milliseconds that never go back. */
  now(): number;
  /** Measures the round trip, unless a stream here moves much; false then. The group hears of it. */
  measureClear(): boolean;
  /** The stream moves much, still. */
  onBulk(stream: DrivenStream): void;
  /** `onWritable` is due when the queue has room again, or in the next turn. */
  waitForQueue(stream: DrivenStream): void;
  waitForTurn(stream: DrivenStream): void;
  /** Too much waits in streams: all that could be written to at once wait for their turn first. */
  holdBack(): void;
  /** A stream is over, or elsewhere; the last one may end a drain. */
  onStreamGone(stream: DrivenStream): void;
}

/** A stream as an agent gets it: it also reports the dial. */
export interface AgentStream extends TunnelStream {
  /** Tells the edge that the target is connected, `dialMicros` after the dial began. Before the first write. */
  opened(dialMicros: number): void;
  reset(code: ResetCode, reason?: string): void;
}

/**
 * One stream of a tunnel: credit and queue on the way out, the handler's calls on the way in. It may move to another
 * carrier of its link (`wire/frame.ts` says how): the two directions change over one after the other.
 */
export class DrivenStream implements AgentStream, Leg, Mover, Waiter {
  readonly id: number;
  readonly lane: Lane;
  /** Where this side's bytes go. */
  #host: StreamHost;
  #stream: SessionStream<Leg>;
  /** Where the peer's come from: the same, unless the stream is about to move. */
  #source: StreamHost;
  #incoming: SessionStream<Leg>;
  /** The leg that the stream moves to. */
  #arrival: Arrival | undefined;
  /** Agent: MOVE has come, and CONTINUE not yet. */
  #announced = false;
  #over = false;
  /** The peer's end was passed on. */
  #endSeen = false;
  /** Handed out, not yet consumed; and how much of that came by carriers that the stream has left. */
  #unread = 0;
  #foreign = 0;
  #tally = 0;
  #look = FIRST_LOOK;
  #lookedAt = 0;
  /** Since then: how often the other side had its turn; and whose it is. */
  #turns = 0;
  #sending = false;
  /** When it was last seen to move much; milliseconds, monotonic. */
  bulkAt = Number.NEGATIVE_INFINITY;
  #handler: StreamHandler | undefined;
  /** Written without credit, or while the queue was full. */
  #backlog: Backlog | undefined;
  /** How much of it waits for the queue, as the group was told. */
  #held = 0;
  /** `end()` came while bytes were waiting. */
  #ending = false;
  /** Said "not writable": an `onWritable` is owed. */
  #owing = false;
  /** In whose line it stands. */
  #line: StreamHost | undefined;
  /** Bytes written in all, and before `#round` of its lane in the line began. */
  #written = 0;
  #round = 0;
  #beforeRound = 0;
  #turn = -1;
  #budget = TURN_BUDGET;

  constructor(host: StreamHost, stream: SessionStream<Leg>, lane: Lane) {
    this.id = stream.id;
    this.lane = lane;
    this.#host = host;
    this.#stream = stream;
    this.#source = host;
    this.#incoming = stream;
  }

  /** Whether this side's bytes go there. */
  isOn(host: StreamHost): boolean {
    return this.#host === host;
  }

  /** Whether it moves much, as of late. */
  isBulk(now: number): boolean {
    return now - this.bulkAt < 2 * BULK_TIME;
  }

  /** Starts with a wider window where the path is known to need one. */
  widen(): void {
    this.#source.session.widen(this.#incoming);
  }

  /** Set once, right after the stream was made. */
  adopt(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /**
   * Reading false registers for `onWritable`. A stream whose budget for this turn is spent, or whose tunnel has a full
   * queue, waits in line until its turn comes; one without credit waits for the peer.
   */
  get writable(): boolean {
    if (this.#stream.closed || this.#ending || this.#stream.ended) return false;
    if (this.#backlog !== undefined || this.#stream.credit === 0) {
      this.#owing = true;
      return false;
    }
    if (this.#line !== undefined) return false;
    if (this.#host.queue.queued >= QUEUE_LIMIT) this.#standInLine(true);
    else if (this.#turn === this.#host.queue.turn && this.#budget <= 0) this.#standInLine(false);
    else return true;
    return false;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (end <= start || this.#stream.closed || this.#ending || this.#stream.ended) return;
    this.#spend(end - start);
    let at = start;
    if (this.#backlog === undefined && this.#host.queue.queued < QUEUE_FULL) {
      while (at < end && this.#stream.credit > 0) {
        at = this.#host.session.send(this.#stream, bytes, at, Math.min(end, at + this.#host.queue.preferredLength()));
      }
    }
    if (at < end) this.#wait(bytes, at, end);
  }

  writeLatin1(text: string): void {
    if (text.length === 0 || this.#stream.closed || this.#ending || this.#stream.ended) return;
    const free = this.#backlog === undefined && this.#host.queue.queued < QUEUE_FULL;
    if (free && this.#host.session.charge(this.#stream, text.length)) {
      this.#host.queue.latin1(FRAME.DATA, this.#stream.id, text);
      // Not before: it may move the stream, and the credit was the old leg's.
      this.#spend(text.length);
    } else {
      this.write(Buffer.from(text, 'latin1'));
    }
  }

  end(): void {
    if (this.#stream.closed || this.#ending) return;
    if (this.#backlog !== undefined) {
      this.#ending = true;
      return;
    }
    this.#host.session.end(this.#stream);
    this.#goneIfDone();
  }

  opened(dialMicros: number): void {
    this.#host.session.opened(this.#stream, dialMicros);
  }

  reset(code: ResetCode, reason = ''): void {
    if (this.#over) return;
    this.#resetLegs(code, reason);
    this.#gone();
  }

  consumed(n: number): void {
    if (n <= 0) return;
    this.#unread = Math.max(0, this.#unread - n);
    const foreign = Math.min(n, this.#foreign);
    if (foreign > 0) {
      this.#foreign -= foreign;
      this.#source.group.budget.give(foreign);
    }
    if (n > foreign) this.#source.session.consumed(this.#incoming, n - foreign);
  }

  onOpened(dialMicros: number): void {
    this.#handler?.onOpened?.(dialMicros);
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    this.#unread += end - start;
    this.#count(end - start, false);
    this.#handler?.onData(buffer, start, end, lease);
  }

  onEnd(): void {
    const handler = this.#endSeen ? undefined : this.#handler;
    this.#endSeen = true;
    this.#goneIfDone();
    handler?.onEnd();
  }

  onReset(code: ResetCode, reason: string): void {
    const handler = this.#handler;
    this.#resetLegs(RESET.CANCELLED, '');
    this.#gone();
    handler?.onReset(code, reason);
  }

  /** Edge: begins to move to the carrier `to`. False when neither it nor the carrier is ready for that. */
  moveTo(to: StreamHost): boolean {
    const from = this.#host;
    if (this.#arrival !== undefined || to === from || to.group !== from.group || this.#ending) return false;
    if (!from.session.isMovable(this.#stream) || !to.session.hasRoom) return false;
    const leg = to.session.resume(from.carrier, this.#stream.id, (stream) => new Arrival(this, to, stream));
    if (!(leg instanceof Arrival)) return false;
    from.session.move(this.#stream);
    this.#arrival = leg;
    to.session.widen(leg.stream);
    this.#writeTo(leg);
    return true;
  }

  /** Agent: `stream` of `host` is where this one goes on. `undefined` when it is on its way already. */
  arrive(host: StreamHost, stream: SessionStream<Leg>): Arrival | undefined {
    if (this.#arrival !== undefined || host === this.#host) return undefined;
    this.#arrival = new Arrival(this, host, stream);
    return this.#arrival;
  }

  /** Agent: CONTINUE is done with. Lets the edge send ahead on the new leg, and changes over if MOVE has come before. */
  onContinued(arrival: Arrival): void {
    arrival.host.session.widen(arrival.stream);
    if (this.#announced) this.#answerMove(arrival);
  }

  onMove(): void {
    const arrival = this.#arrival;
    // At the edge this is the agent's answer: the old leg is over.
    if (this.#host !== this.#source && arrival !== undefined) this.#readFrom(arrival);
    else if (arrival === undefined) this.#announced = true;
    else this.#answerMove(arrival);
  }

  onArrivalReset(code: ResetCode, reason: string): void {
    this.onReset(code, reason);
  }

  #answerMove(arrival: Arrival): void {
    const { ended } = this.#stream;
    this.#announced = false;
    this.#host.session.move(this.#stream);
    this.#writeTo(arrival);
    if (ended) arrival.host.session.end(arrival.stream);
    this.#readFrom(arrival);
  }

  /** Wakes the writer in the next turn, not now: what moves the stream may be a write that is only half done. */
  #writeTo({ host, stream }: Arrival): void {
    const due = this.#line !== undefined || this.#owing;
    this.#host = host;
    this.#stream = stream;
    this.#turn = -1;
    this.#round = 0;
    this.#line = undefined;
    if (host.queue.queued < QUEUE_LIMIT) this.#sendBacklog(ONE_TURN);
    if (due) this.#standInLine(false);
  }

  /** The old leg has brought its last byte; what has come by the new one meanwhile follows. */
  #readFrom(arrival: Arrival): void {
    const left = this.#source;
    this.#arrival = undefined;
    this.#source = arrival.host;
    this.#incoming = arrival.stream;
    arrival.host.session.assign(arrival.stream, this);
    left.onStreamGone(this);
    if (this.#over) return;
    // What was granted by the old carrier and isn't consumed yet counts on, or moves would be a way around all windows.
    const foreign = this.#unread - this.#foreign;
    const taken = left.group.budget.take(foreign);
    this.#foreign += taken;
    if (foreign - taken > INITIAL_WINDOW) {
      this.#fail(RESET.LIMIT, 'no memory to move');
      return;
    }
    arrival.deliver(
      (bytes, start, end, lease) => this.onData(bytes, start, end, lease),
      () => this.#handler !== undefined,
    );
    if (arrival.ended) this.onEnd();
  }

  #resetLegs(code: ResetCode, reason: string): void {
    this.#host.session.reset(this.#stream, code, reason);
    if (this.#incoming !== this.#stream) this.#source.session.reset(this.#incoming, code, reason);
    const arrival = this.#arrival;
    if (arrival === undefined) return;
    arrival.drop();
    arrival.host.session.reset(arrival.stream, code, reason);
  }

  #count(bytes: number, sending: boolean): void {
    this.#tally += bytes;
    if (sending !== this.#sending) {
      this.#sending = sending;
      this.#turns++;
    }
    if (this.#tally >= this.#look) this.#measure();
  }

  #measure(): void {
    const now = this.#host.now();
    const quick = this.#look === LOOK_EVERY && now - this.#lookedAt <= BULK_TIME && this.#turns <= BULK_TURNS;
    this.#tally = 0;
    this.#turns = 0;
    this.#look = LOOK_EVERY;
    this.#lookedAt = now;
    if (!quick || this.#handler === undefined) return;
    this.bulkAt = now;
    this.#host.onBulk(this);
  }

  onCredit(): void {
    if (this.#backlog !== undefined) {
      if (this.#host.queue.queued < QUEUE_LIMIT) this.#sendBacklog(TURN_BUDGET);
      this.#goOn();
      return;
    }
    if (!this.#owing || this.#stream.credit === 0) return;
    this.#owing = false;
    this.#tryAgain();
  }

  /** Sends up to `most` bytes that have waited, as far as there is credit, then the end if that has come; how many. */
  #sendBacklog(most: number): number {
    const backlog = this.#backlog;
    if (backlog === undefined) return 0;
    const { session } = this.#host;
    const sent = backlog.drain(most, (bytes, start, end) => session.send(this.#stream, bytes, start, end));
    if (backlog.length === 0) this.#backlog = undefined;
    this.#tellHeld();
    if (this.#backlog === undefined && this.#ending) {
      this.#ending = false;
      this.end();
    }
    return sent;
  }

  /** After bytes that have waited: the rest waits for its turn if it has credit, else for that. */
  #goOn(): void {
    if (this.#backlog === undefined) {
      this.#owing = false;
      this.#tryAgain();
    } else if (this.#stream.credit > 0) this.#standInLine(true);
    else this.#tellHeld();
  }

  /** Its place in the line of `host` has come up. Returns how many bytes it sends, or will, about. */
  onLine(host: StreamHost): number {
    if (this.#line !== host) return 0;
    this.#line = undefined;
    if (this.#backlog === undefined) {
      this.#tryAgain();
      return ONE_TURN;
    }
    // Others may have filled the queue in the meantime.
    const sent = host.queue.queued < QUEUE_LIMIT ? this.#sendBacklog(ONE_TURN) : ONE_TURN;
    this.#goOn();
    return sent;
  }

  /** Stops what would be written without asking first, where the handler can do that. */
  holdBack(): void {
    if (this.#line !== undefined || this.#owing || this.#ending || this.#stream.ended || this.#stream.closed) return;
    if (this.#handler?.onFull === undefined) return;
    this.#standInLine(true);
    this.#handler.onFull();
  }

  spent(round: number): number {
    if (this.#round !== round) {
      const now = this.#turn === this.#host.queue.turn ? TURN_BUDGET - this.#budget : 0;
      this.#round = round;
      // What waits may have been written in this turn.
      this.#beforeRound = this.#written - Math.max(now, this.#backlog?.length ?? 0);
    }
    return this.#written - this.#beforeRound;
  }

  #tryAgain(): void {
    if (this.#line === undefined && this.writable) this.#handler?.onWritable();
  }

  #standInLine(full: boolean): void {
    if (this.#line !== undefined) return;
    this.#line = this.#host;
    this.#tellHeld();
    if (full) this.#host.waitForQueue(this);
    else this.#host.waitForTurn(this);
  }

  /** Tells the group how much waits for the queue. What waits for credit is the peer's doing. */
  #tellHeld(): void {
    const held = this.#line === undefined ? 0 : (this.#backlog?.length ?? 0);
    if (held === this.#held) return;
    this.#host.group.hold(this.lane, held - this.#held);
    this.#held = held;
  }

  #spend(bytes: number): void {
    this.#count(bytes, true);
    this.#written += bytes;
    if (this.#turn !== this.#host.queue.turn) {
      this.#turn = this.#host.queue.turn;
      this.#budget = TURN_BUDGET;
    }
    this.#budget -= bytes;
  }

  #wait(bytes: Uint8Array, start: number, end: number): void {
    const backlog = this.#backlog ?? new Backlog();
    this.#backlog = backlog;
    backlog.add(bytes, start, end);
    this.#owing = true;
    if (this.#stream.credit > 0) this.#standInLine(true);
    this.#tellHeld();
    if (backlog.length > MOST_WAITING) this.#fail(RESET.LIMIT, 'too much written without credit');
    else if (this.#held > 0 && this.#host.group.isOverfull(this.lane)) {
      this.#host.group.onFull();
      this.#fail(RESET.LIMIT, 'no room in the tunnel');
    }
  }

  /** Breaks off for a reason of this side's own, and says so to both. */
  #fail(code: ResetCode, reason: string): void {
    const handler = this.#handler;
    this.reset(code, reason);
    handler?.onReset(code, reason);
  }

  /**
   * Over once this side has ended and the peer's end was passed on. That the leg is closed is not enough: the end may
   * have come early by a new leg, while the old one still brings bytes.
   */
  #goneIfDone(): void {
    if (this.#stream.closed && this.#endSeen && this.#arrival === undefined) this.#gone();
  }

  #gone(): void {
    if (!this.#over) this.#host.group.leave(this.lane);
    this.#over = true;
    this.#handler = undefined;
    this.#source.group.budget.give(this.#foreign);
    this.#foreign = 0;
    this.#backlog?.clear();
    this.#backlog = undefined;
    this.#line = undefined;
    this.#tellHeld();
    this.#arrival = undefined;
    this.#host.onStreamGone(this);
    if (this.#source !== this.#host) this.#source.onStreamGone(this);
  }
}
