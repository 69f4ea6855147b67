import { INITIAL_WINDOW } from './frame.ts';

/** Bounds of `WindowBudget.slack`. */
export const LEAST_SLACK = 2;
export const MOST_SLACK = 8;

/** What all receive windows of a tunnel have in common. */
export class WindowBudget {
  readonly #limit: number;
  #used = 0;
  /**
   * Shortest recent round trip, ms; 0 while unknown. The shortest, because a long one may be the queue that our own
   * window made: sizing by that would grow the queue for ever.
   */
  roundTrip = 0;
  /** How many times what the path delivers in a round trip a window is: 2 unless the path is known to stand more. */
  slack = LEAST_SLACK;
  /** The size that a window was last found to need; a guess until then. Bytes. */
  typical = 256 * 1024;

  /** `limit`: bytes by which all windows together may exceed their initial size. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * What a window that holds `own` bytes of the budget may still take: it ends at a quarter of what the others leave.
   * However many windows of streams that stand still are kept open, the next stream finds something.
   */
  share(own: number): number {
    return Math.max(0, Math.floor((this.#limit - this.#used + own) / 4) - own);
  }

  /** Takes up to `bytes` out of the budget; returns how many it got. */
  take(bytes: number): number {
    const got = Math.max(0, Math.min(bytes, this.#limit - this.#used));
    this.#used += got;
    return got;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** Bounds of one receive window, bytes. */
export const MIN_WINDOW = INITIAL_WINDOW;
export const MAX_WINDOW = 16 * 1024 * 1024;
/**
 * Round trips shorter than this count as this long, ms: on such paths it is the event loops at both ends, not the
 * path, that decide how much is under way at once.
 */
const SHORTEST_ROUND_TRIP = 1;

/**
 * On a path of this round trip or less, ms, a window grows past `PROBATION` bytes only once `PROOF` bytes have got
 * through: so much goes into the buffers of the sockets even if nobody at their end reads. Growing by that would let
 * each visitor who reads nothing hold megabytes here; on such a path the proof takes a few milliseconds.
 */
const SHORT_PATH = 4;
const PROOF = 4 * 1024 * 1024;
const PROBATION = 128 * 1024;
/**
 * Up to so many bytes a window on a short path holds what comes in `SHORT_PATH` ms. Event loops pass bytes on in gusts,
 * once a turn, and a turn with many streams takes longer than the path does: a window of two round trips would have each
 * of them move little at a time.
 */
const GUST = 512 * 1024;

/**
 * The receive window of one stream: how much the peer may have under way. It follows the path: about twice what the
 * path delivered within one round trip, so that neither a fast long path starves nor a slow one builds a queue. Where
 * packets are lost and no queue stands, that holds a stream down to what it made of its losses; then `slack` is more.
 *
 * Always: credit that the peer holds + bytes not yet consumed + bytes consumed but not yet granted anew = size.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  #size = INITIAL_WINDOW;
  /** Bytes that the peer may still send. */
  #credit = INITIAL_WINDOW;
  /** Consumed, not yet granted anew. */
  #owed = 0;
  /** Handed out, not yet consumed. */
  #unread = 0;
  /** Consumed since `#since`, when this measurement began. */
  #delivered = 0;
  /** Consumed since the stream began, as far as it matters. */
  #proof = 0;
  #since: number;
  /** The budget's slack when this window was last sized by it. */
  #slack: number;
  /** Slack has fallen, and the window is still as large as it was before. */
  #loose = false;

  constructor(budget: WindowBudget, now: number) {
    this.#budget = budget;
    this.#slack = budget.slack;
    this.#since = now;
  }

  get size(): number {
    return this.#size;
  }

  get credit(): number {
    return this.#credit;
  }

  get #share(): number {
    return this.#budget.share(this.#size - INITIAL_WINDOW);
  }

  /** Counts `n` bytes in; false when the peer had no credit for them. */
  receive(n: number): boolean {
    if (n > this.#credit) return false;
    this.#credit -= n;
    this.#unread += n;
    return true;
  }

  /** Counts `n` bytes as consumed. True when it is time to `grant`. More than was handed out counts for nothing. */
  consume(n: number): boolean {
    const consumed = Math.min(n, this.#unread);
    this.#unread -= consumed;
    this.#owed += consumed;
    this.#delivered += consumed;
    if (this.#proof < PROOF) this.#proof += consumed;
    return this.#owed * 4 >= this.#size;
  }

  /** Resizes the window and returns the credit to send to the peer; 0 for none. `now` in ms, monotonic. */
  grant(now: number): number {
    const roundTrip = Math.max(this.#budget.roundTrip, SHORTEST_ROUND_TRIP);
    const elapsed = now - this.#since;
    // Less than a round trip shows bursts (a slow reader takes its bytes in gulps), not what the path delivers.
    if (this.#budget.roundTrip > 0 && elapsed >= roundTrip) {
      const proven = this.#proof >= PROOF || this.#budget.roundTrip > SHORT_PATH;
      const rate = (this.#budget.slack * this.#delivered) / elapsed;
      const wanted = Math.max(rate * roundTrip, Math.min(rate * SHORT_PATH, GUST));
      this.#resize(wanted, proven ? MAX_WINDOW : PROBATION);
      if (proven) this.#budget.typical = this.#size;
      this.#delivered = 0;
      this.#since = now;
    }
    const credit = this.#owed;
    this.#owed = 0;
    this.#credit += credit;
    return credit;
  }

  /** Grows the window ahead of any measurement; returns the credit to send to the peer. */
  widen(size: number): number {
    if (size <= this.#size) return 0;
    const got = this.#budget.take(Math.min(Math.min(size, MAX_WINDOW) - this.#size, this.#share));
    this.#size += got;
    this.#credit += got;
    return got;
  }

  /** Hands the window's share of the budget back. The window is not used afterwards. */
  close(): void {
    this.#budget.give(this.#size - INITIAL_WINDOW);
    this.#size = INITIAL_WINDOW;
  }

  /**
   * At most doubles or halves: one odd measurement doesn't throw the window about. One that is up to twice too large
   * stays as it is, unless that came of more slack than there is now.
   */
  #resize(target: number, most: number): void {
    const { slack } = this.#budget;
    this.#loose = slack < this.#slack || (this.#loose && slack === this.#slack && target < this.#size);
    this.#slack = slack;
    if (target > this.#size) {
      const wanted = Math.min(Math.floor(target), most, this.#size * 2) - this.#size;
      const got = this.#budget.take(Math.min(wanted, this.#share));
      this.#size += got;
      this.#owed += got;
    } else if (target * (this.#loose ? 1 : 2) < this.#size && this.#size > MIN_WINDOW) {
      // Credit can't be taken back, only not be renewed.
      const less = Math.floor(Math.min(this.#size - Math.max(target, MIN_WINDOW), this.#size / 2, this.#owed));
      this.#size -= less;
      this.#owed -= less;
      this.#budget.give(less);
    }
  }
}
