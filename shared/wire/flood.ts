/** A rate that a peer must stay under: `perSecond` on average, `burst` at once. */
export interface FloodLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Rates of frames that cost us work and the peer next to nothing. Far above what an honest peer reaches. */
export interface FloodLimits {
  readonly ping: FloodLimit;
  readonly reset: FloodLimit;
  /** WINDOW, and frames for streams that are closed already. */
  readonly control: FloodLimit;
  /** DATA of less than `TINY` bytes. */
  readonly tiny: FloodLimit;
}

/** DATA payloads below this many bytes count as tiny. */
export const TINY = 64;

export const DEFAULT_FLOOD_LIMITS: FloodLimits = {
  ping: { perSecond: 20, burst: 60 },
  reset: { perSecond: 10_000, burst: 20_000 },
  control: { perSecond: 100_000, burst: 200_000 },
  tiny: { perSecond: 400_000, burst: 800_000 },
};

/**
 * A token bucket that looks at the clock only when it runs empty, since it is asked for every frame.
 * `monotonic()` yields milliseconds.
 */
export class FloodGate {
  readonly #limit: FloodLimit;
  readonly #monotonic: () => number;
  #tokens: number;
  #since: number;

  constructor(limit: FloodLimit, monotonic: () => number) {
    this.#limit = limit;
    this.#monotonic = monotonic;
    this.#tokens = limit.burst;
    this.#since = monotonic();
  }

  /** Takes one token; false when the rate is exceeded. */
  take(): boolean {
    if (--this.#tokens >= 0) return true;
    const now = this.#monotonic();
    const earned = Math.floor(((now - this.#since) * this.#limit.perSecond) / 1000);
    this.#since = now;
    this.#tokens = Math.min(earned, this.#limit.burst) - 1;
    return this.#tokens >= 0;
  }

  /** Whether there is a token, without taking it. */
  get open(): boolean {
    if (this.#tokens > 0) return true;
    const now = this.#monotonic();
    const earned = Math.floor(((now - this.#since) * this.#limit.perSecond) / 1000);
    if (earned < 1) return false;
    this.#since = now;
    this.#tokens = Math.min(earned, this.#limit.burst);
    return true;
  }
}
