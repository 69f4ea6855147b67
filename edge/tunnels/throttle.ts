/** How many failures a source may have at once, and how fast they are forgiven. */
export interface ThrottleLimits {
  readonly burst: number;
  /** Milliseconds after which one failure is forgiven. */
  readonly forgiveAfter: number;
  /** Sources remembered; the one that failed longest ago is forgotten first. */
  readonly sources: number;
}

export const DEFAULT_THROTTLE: ThrottleLimits = { burst: 10, forgiveAfter: 3_000, sources: 10_000 };

interface Debt {
  failures: number;
  at: number;
}

/** Holds off sources whose attempts failed too often: a leaky bucket each, bounded in number. */
export class FailureThrottle {
  readonly #limits: ThrottleLimits;
  readonly #now: () => number;
  readonly #debts = new Map<string, Debt>();

  /** `now` yields milliseconds that never go back. */
  constructor(now: () => number, limits: ThrottleLimits = DEFAULT_THROTTLE) {
    this.#now = now;
    this.#limits = limits;
  }

  /** Whether `source` may try. */
  allows(source: string): boolean {
    return this.#owed(source) <= this.#limits.burst - 1;
  }

  /** Notes a failed attempt of `source`. */
  failed(source: string): void {
    const failures = this.#owed(source) + 1;
    this.#debts.delete(source);
    this.#debts.set(source, { failures, at: this.#now() });
    if (this.#debts.size <= this.#limits.sources) return;
    const [oldest] = this.#debts.keys();
    if (oldest !== undefined) this.#debts.delete(oldest);
  }

  #owed(source: string): number {
    const debt = this.#debts.get(source);
    if (debt === undefined) return 0;
    return Math.max(0, debt.failures - (this.#now() - debt.at) / this.#limits.forgiveAfter);
  }
}
