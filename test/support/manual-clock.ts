import type { CancelTimer, Clock } from '../../shared/node/clock.ts';

interface Timer {
  at: number;
  readonly every: number | undefined;
  readonly callback: () => void;
}

/** A clock that stands still until told otherwise. */
export class ManualClock implements Clock {
  #time = 0;
  #epoch: number;
  readonly #timers = new Set<Timer>();

  /** `epoch`: what `now()` says at the start, ms. */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#epoch + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  setTimeout(callback: () => void, delay: number): CancelTimer {
    return this.#add({ at: this.#time + Math.max(0, delay), every: undefined, callback });
  }

  setInterval(callback: () => void, delay: number): CancelTimer {
    return this.#add({ at: this.#time + delay, every: Math.max(1, delay), callback });
  }

  /** Lets `ms` pass, firing each timer that falls due at its own time, in order. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (let timer = this.#due(end); timer !== undefined; timer = this.#due(end)) {
      this.#time = Math.max(this.#time, timer.at);
      if (timer.every === undefined) this.#timers.delete(timer);
      else timer.at += timer.every;
      timer.callback();
    }
    this.#time = end;
  }

  /** Sets the wall clock forward or back, alone: as a correction does, or sleep where the monotonic clock stands still. */
  step(ms: number): void {
    this.#epoch += ms;
  }

  /** Lets `ms` pass as a blocked event loop would: whatever is due fires afterwards, late, intervals once. */
  stall(ms: number): void {
    this.#time += ms;
    const due = [...this.#timers].filter((timer) => timer.at <= this.#time);
    for (const timer of due) {
      if (!this.#timers.has(timer)) continue;
      if (timer.every === undefined) this.#timers.delete(timer);
      else timer.at = this.#time + timer.every;
      timer.callback();
    }
    this.advance(0);
  }

  #add(timer: Timer): CancelTimer {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  #due(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
