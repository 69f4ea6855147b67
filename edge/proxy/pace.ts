import type { BoundName } from '../bounds.ts';
import type { Limits } from '../limits.ts';
import { WRITE_RATE } from './limits.ts';

/** Watches how fast a request body comes. Times are the context's coarse ones. */
export class BodyPace {
  readonly #limits: Limits;
  #deadline: number;
  #movedAt: number;

  constructor(now: number, limits: Limits) {
    this.#limits = limits;
    this.#deadline = now + limits.bodyIdleTime;
    this.#movedAt = now;
  }

  moved(now: number, bytes: number): void {
    const { bodyIdleTime, bodyRate } = this.#limits;
    this.#deadline = Math.min(now + bodyIdleTime, this.#deadline + (bytes * 1000) / bodyRate);
    this.#movedAt = now;
  }

  /** Nothing can be expected of the sender just now. */
  rest(now: number): void {
    this.#deadline = now + this.#limits.bodyIdleTime;
    this.#movedAt = now;
  }

  /** The bound that it has reached: nothing came, or too little. */
  late(now: number): BoundName | undefined {
    if (now < this.#deadline) return undefined;
    return now - this.#movedAt >= this.#limits.bodyIdleTime ? 'bodyIdleTime' : 'bodyRate';
  }
}

/** Watches whether a visitor takes what was written for it. Times are the context's coarse ones. */
export class WritePace {
  readonly #limits: Limits;
  #left = 0;
  #since: number;

  constructor(now: number, limits: Limits) {
    this.#limits = limits;
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
    return now - this.#since >= this.#limits.readIdleTime + (pending * 1000) / WRITE_RATE;
  }
}
