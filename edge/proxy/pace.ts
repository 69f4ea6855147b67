import { BODY_RATE, BODY_TIMEOUT, WRITE_RATE, WRITE_TIMEOUT } from './limits.ts';

/** Watches how fast a request body comes. Times are the context's coarse ones. */
export class BodyPace {
  #deadline: number;

  constructor(now: number) {
    this.#deadline = now + BODY_TIMEOUT;
  }

  moved(now: number, bytes: number): void {
    this.#deadline = Math.min(now + BODY_TIMEOUT, this.#deadline + (bytes * 1000) / BODY_RATE);
  }

  /** Nothing can be expected of the sender just now. */
  rest(now: number): void {
    this.#deadline = now + BODY_TIMEOUT;
  }

  late(now: number): boolean {
    return now >= this.#deadline;
  }
}

/** Watches whether a visitor takes what was written for it. Times are the context's coarse ones. */
export class WritePace {
  #left = 0;
  #since: number;

  constructor(now: number) {
    this.#since = now;
  }

  /** Whether `pending` bytes wait for a visitor who has not taken any for a long time; `left` have left so far. */
  stalled(now: number, pending: number, left: number): boolean {
    if (pending === 0) {
      this.#since = now;
      return false;
    }
    if (left !== this.#left) {
      this.#left = left;
      this.#since = now;
    }
    // A write counts only once all of it has left, so a large one has longer.
    return now - this.#since >= WRITE_TIMEOUT + (pending * 1000) / WRITE_RATE;
  }
}
