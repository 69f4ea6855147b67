/** Bytes that a capture begins with. */
const FIRST = 1024;

/** Room for bodies that all captures share. */
export interface CaptureBudget {
  /** Bytes of one body. */
  readonly perBody: number;
  /** Takes `bytes` out of what is left; false when they are not to be had. A negative number gives back. */
  take(bytes: number): boolean;
}

/** The beginning of a body, copied as it passes; counts all of it. */
export class Capture {
  readonly #budget: CaptureBudget;
  #buffer: Buffer | undefined;
  #kept = 0;
  #closed = false;
  /** Bytes that passed. */
  size = 0;
  /** Some of them are not kept. */
  cut = false;

  constructor(budget: CaptureBudget) {
    this.#budget = budget;
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.size += end - start;
    if (this.cut || this.#closed) {
      this.cut = true;
      return;
    }
    const length = Math.min(end - start, this.#budget.perBody - this.#kept);
    if (length < end - start) this.cut = true;
    if (length === 0 || !this.#grow(this.#kept + length)) return;
    buffer.copy(this.#buffer ?? Buffer.alloc(0), this.#kept, start, start + length);
    this.#kept += length;
  }

  #grow(needed: number): boolean {
    const room = this.#buffer?.length ?? 0;
    if (needed <= room) return true;
    const next = Math.min(this.#budget.perBody, Math.max(FIRST, room * 2, needed));
    const taken = this.#budget.take(next - room);
    // Making room may have cost this very one its place.
    if (taken && this.#closed) this.#budget.take(room - next);
    if (!taken || this.#closed) {
      this.cut = true;
      return false;
    }
    // Not from the pool: a kept slice would keep its whole slab, and show what lay there before.
    const grown = Buffer.allocUnsafeSlow(next);
    this.#buffer?.copy(grown, 0, 0, this.#kept);
    this.#buffer = grown;
    return true;
  }

  /** What is kept. */
  bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#kept) ?? Buffer.alloc(0);
  }

  /** Lets go of what is kept; what passes from now on is only counted. */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#budget.take(-(this.#buffer?.length ?? 0));
    this.#buffer = undefined;
    this.#kept = 0;
  }
}
