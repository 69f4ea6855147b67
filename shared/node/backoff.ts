const FIRST = 500;
const FACTOR = 1.7;
const MOST = 10_000;

/** Delays between attempts to connect. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number;
  /** An attempt worked: starts over. */
  reset(): void;
}

/**
 * Delays that grow from 0.5 s by 1.7 up to 10 s, with full jitter: each is drawn from zero to the current bound, so
 * that a thousand agents which lost the same edge don't come back at the same moment. `random()` yields [0, 1).
 */
export function createBackoff(random: () => number = Math.random): Backoff {
  let bound = FIRST;
  return {
    next() {
      const delay = random() * bound;
      bound = Math.min(MOST, bound * FACTOR);
      return delay;
    },
    reset() {
      bound = FIRST;
    },
  };
}
