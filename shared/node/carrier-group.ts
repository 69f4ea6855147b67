import { LEAST_SLACK, MOST_SLACK, WindowBudget } from '../wire/window.ts';
import { createPathDelay } from './round-trip.ts';
import type { DrivenStream, StreamHost } from './tunnel-stream.ts';
import type { Lane } from './waiting-line.ts';

/** What may have run out for one more stream; `resets`: there were very many just now, and a peer bears only so many. */
export type LinkBound = 'streams' | 'memory' | 'resets';

/** Bytes by which the windows of a link may exceed their first 64 KiB each, unless set otherwise. */
export const DEFAULT_LINK_MEMORY = 64 * 1024 * 1024;
/** Milliseconds that a link counts as loaded after one of its carriers was seen to be. */
const LOADED_FOR = 6_000;

/** Milliseconds between two looks at whether a queue stands on the path, while a stream moves much. */
const LOOK_EVERY = 250;
/** A round trip up to so many times the shortest tells of no queue, one beyond the other of a queue. */
const NO_QUEUE = 1.25;
const QUEUE = 1.5;
/**
 * So many looks decide. A queue that stands delays them all; without one most are short, while a busy process or a lost
 * packet makes one of them long.
 */
const LOOKS = 4;
/** On shorter paths (ms) it is the two ends that take the time, not a queue between them. */
const SHORT_PATH = 4;

export interface CarrierGroupOptions {
  /** Bytes for windows beyond their first 64 KiB; half of it may stand in queues. From 32 MiB, or queues are too short. */
  readonly memory?: number;
  /** A stream moves much: see `DrivenStream.bulkAt`. Called again and again while it does. */
  readonly onBulk?: () => void;
  /** Too much waits to be sent: a stream was broken off for that, or a carrier whose peer doesn't read. */
  readonly onFull?: () => void;
}

/**
 * The carriers of one link between the same two ends. They share what is the path's (its round trip, whether it is
 * loaded) and what is the link's (memory), so that eight carriers are granted no more than one would be, and streams
 * move between them.
 */
export class CarrierGroup {
  readonly budget: WindowBudget;
  readonly path = createPathDelay();
  /** To be called where something is broken off for want of memory. */
  readonly onFull: () => void;
  readonly #carriers = new Map<number, StreamHost>();
  readonly #onBulk: () => void;
  readonly #mostQueued: number;
  readonly #lanes = new Map<number, Lane>();
  /** Streams, and bytes that they hold, of all lanes. */
  #streams = 0;
  #held = 0;
  /** When so much is held, no stream is to read on before its turn. */
  #holdBackAt: number;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Round trips of carriers without bulk, since slack was last changed. */
  #looks: number[] = [];

  constructor(options: CarrierGroupOptions = {}) {
    const memory = options.memory ?? DEFAULT_LINK_MEMORY;
    this.budget = new WindowBudget(memory);
    this.#mostQueued = memory / 2;
    this.#holdBackAt = this.#muchHeld;
    this.#onBulk = options.onBulk ?? (() => {});
    this.onFull = options.onFull ?? (() => {});
  }

  /** Takes a carrier in; its number is nobody else's for as long as it is there. */
  add(number: number, carrier: StreamHost): void {
    this.#carriers.set(number, carrier);
  }

  remove(number: number, carrier: StreamHost): void {
    if (this.#carriers.get(number) === carrier) this.#carriers.delete(number);
  }

  find(number: number): StreamHost | undefined {
    return this.#carriers.get(number);
  }

  /** A stream of lane `key` (see `laneOf`) begins; it `leave`s once. */
  enter(key: number): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, streams: 0, held: 0 };
      this.#lanes.set(key, lane);
    }
    lane.streams++;
    this.#streams++;
    return lane;
  }

  leave(lane: Lane): void {
    this.#streams--;
    if (--lane.streams === 0) this.#lanes.delete(lane.key);
  }

  /** Streams of `lane` hold so many bytes more that the queues have no room for. */
  hold(lane: Lane, bytes: number): void {
    lane.held += bytes;
    this.#held += bytes;
    if (this.#held < this.#holdBackAt) {
      this.#holdBackAt = Math.max(this.#muchHeld, Math.min(this.#holdBackAt, this.#held + this.#muchHeld));
      return;
    }
    // Again when as much has come as one read may bring from some who had their turn and wait for their source.
    this.#holdBackAt = this.#held + this.#muchHeld / 4;
    for (const carrier of this.#carriers.values()) carrier.holdBack();
  }

  /** Beyond this, bytes that were read already take more memory than order is worth. */
  get #muchHeld(): number {
    return this.#mostQueued / 8;
  }

  /**
   * Why no further stream of lane `key` may begin, of at most `most` in the link. However much one lane has, it leaves
   * something for the next: of streams a quarter of what it has, of memory as much as it holds.
   */
  refuses(key: number, most: number): LinkBound | undefined {
    const { streams, held } = this.#lanes.get(key) ?? { streams: 0, held: 0 };
    if (streams > 4 * (most - this.#streams)) return 'streams';
    const room = this.#mostQueued / 2;
    if (this.#queued > room || (held > 0 && held > room - this.#held)) return 'memory';
    return undefined;
  }

  /** Streams hold more than there is memory for, and those of `lane` more than their part. */
  isOverfull(lane: Lane): boolean {
    return this.#held > this.#mostQueued && lane.held * this.#lanes.size >= this.#held;
  }

  /** More waits to be sent than is worth waiting for: the peer doesn't read, and control frames pile up. */
  get clogged(): boolean {
    return this.#queued > this.#mostQueued;
  }

  get #queued(): number {
    let queued = 0;
    for (const carrier of this.#carriers.values()) queued += carrier.queue.queued;
    return queued;
  }

  /** `now`: milliseconds, monotonic. */
  isLoaded(now: number): boolean {
    return now - this.#loadedAt < LOADED_FOR;
  }

  noteLoad(now: number): void {
    this.#loadedAt = now;
  }

  noteBulk(stream: Pick<DrivenStream, 'bulkAt'>): void {
    const now = stream.bulkAt;
    this.#loadedAt = Math.max(this.#loadedAt, now);
    if (now - this.#lookedAt >= LOOK_EVERY && this.#carriers.size > 1) {
      this.#lookedAt = now;
      this.#lookForQueue();
    }
    this.#onBulk();
  }

  /**
   * A carrier without bulk is not held up by the losses and the windows of those with bulk, only by the queue that all
   * of them share. So its round trip tells two paths apart on which streams are equally slow: one where a queue stands,
   * and windows must stay small or everything else waits behind them, and one that loses packets, and where a window of
   * twice what got through keeps the streams at what their losses left of them.
   */
  noteClear(roundTrip: number): void {
    const { budget } = this;
    const { shortest } = this.path;
    this.#looks = [...this.#looks, roundTrip].slice(-LOOKS);
    const [least = 0, , most = 0] = [...this.#looks].sort((x, y) => x - y);
    if (shortest < SHORT_PATH) budget.slack = LEAST_SLACK;
    else if (this.#looks.length === LOOKS && least > QUEUE * shortest) this.#setSlack(budget.slack / 2);
    else if (this.#looks.length === LOOKS && most < NO_QUEUE * shortest) this.#setSlack(budget.slack * 2);
  }

  /** What it comes to is judged by what is seen from now on. */
  #setSlack(slack: number): void {
    this.budget.slack = Math.min(MOST_SLACK, Math.max(LEAST_SLACK, slack));
    this.#looks = [];
  }

  #lookForQueue(): void {
    for (const carrier of this.#carriers.values()) if (carrier.measureClear()) return;
    this.budget.slack = LEAST_SLACK;
  }
}
