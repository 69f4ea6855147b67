import type { CancelTimer, Clock } from '../shared/node/clock.ts';

/** Does something again and again while there is a reason to, so that an idle laptop isn't woken for nothing. */
export class Ticker {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #tick: () => boolean;
  #cancel: CancelTimer | undefined;

  /** `tick` is called every `interval` ms once started, until it answers false: then there is no more reason. */
  constructor(clock: Clock, interval: number, tick: () => boolean) {
    this.#clock = clock;
    this.#interval = interval;
    this.#tick = tick;
  }

  /** There is a reason. True when it was at rest. */
  start(): boolean {
    if (this.#cancel !== undefined) return false;
    this.#cancel = this.#clock.setInterval(() => {
      if (!this.#tick()) this.stop();
    }, this.#interval);
    return true;
  }

  /** Idempotent; it may be started again. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
