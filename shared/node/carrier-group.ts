import { WindowBudget } from '../wire/window.ts';
import { createPathDelay } from './round-trip.ts';
import type { DrivenStream, StreamHost } from './tunnel-stream.ts';

/** Bytes by which the windows of a link may exceed their first 64 KiB each, unless set otherwise. */
export const DEFAULT_LINK_MEMORY = 64 * 1024 * 1024;
/** Milliseconds that a link counts as loaded after one of its carriers was seen to be. */
const LOADED_FOR = 6_000;

export interface CarrierGroupOptions {
  /** Bytes for windows beyond their first 64 KiB; half of it may stand in queues. */
  readonly memory?: number;
  /** A stream moves much: see `DrivenStream.bulkAt`. Called again and again while it does. */
  readonly onBulk?: () => void;
}

/**
 * The carriers of one link between the same two ends. They share what is the path's (its round trip, whether it is
 * loaded) and what is the link's (memory), so that eight carriers are granted no more than one would be, and streams
 * move between them.
 */
export class CarrierGroup {
  readonly budget: WindowBudget;
  readonly path = createPathDelay();
  readonly #carriers = new Map<number, StreamHost>();
  readonly #onBulk: () => void;
  readonly #mostQueued: number;
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CarrierGroupOptions = {}) {
    const memory = options.memory ?? DEFAULT_LINK_MEMORY;
    this.budget = new WindowBudget(memory);
    this.#mostQueued = memory / 2;
    this.#onBulk = options.onBulk ?? (() => {});
  }

  /** Takes a carrier in; its number is nobody else's for as long as it is there. */
  add(number: number, carrier: StreamHost): void {
    this.#carriers.set(number, carrier);
  }

  remove(number: number, carrier: StreamHost): void {
    if (this.#carriers.get(number) === carrier) this.#carriers.delete(number);
  }

  find(number: number): StreamHost | undefined {
    return this.#carriers.get(number);
  }

  /** More waits to be sent than is worth waiting for: the peer doesn't read, and control frames pile up. */
  get clogged(): boolean {
    let queued = 0;
    for (const carrier of this.#carriers.values()) queued += carrier.queue.queued;
    return queued > this.#mostQueued;
  }

  /** `now`: milliseconds, monotonic. */
  isLoaded(now: number): boolean {
    return now - this.#loadedAt < LOADED_FOR;
  }

  noteLoad(now: number): void {
    this.#loadedAt = now;
  }

  noteBulk(stream: DrivenStream): void {
    this.#loadedAt = Math.max(this.#loadedAt, stream.bulkAt);
    this.#onBulk();
  }
}
