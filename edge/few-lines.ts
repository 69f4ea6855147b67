import type { Clock } from '../shared/node/clock.ts';

/** Milliseconds in which no more than so many lines are written. */
const INTERVAL = 10_000;

/** Holds back lines of the log that strangers can cause: some in each 10 s, and then how many there were beside them. */
export class FewLines {
  readonly #clock: Clock;
  readonly #most: number;
  #since = Number.NEGATIVE_INFINITY;
  #written = 0;
  #held = 0;

  constructor(clock: Clock, most = 10) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Whether one more line may be written, and then how many were held back before it; `undefined` when it may not. */
  next(): number | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#since >= INTERVAL) {
      this.#since = now;
      this.#written = 0;
    }
    if (this.#written >= this.#most) {
      this.#held++;
      return undefined;
    }
    this.#written++;
    const held = this.#held;
    this.#held = 0;
    return held;
  }
}
