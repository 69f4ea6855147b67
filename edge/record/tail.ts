import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { TailBatch } from './access-log.ts';

/** Records in one batch of a tail. */
export const TAIL_RECORDS = 200;
/** Milliseconds between two batches. */
export const TAIL_INTERVAL = 250;

/** One listener to new records: at most 200 of them every quarter of a second; what is beyond that is counted. */
export class Tail {
  readonly #wants: (record: AccessRecord) => boolean;
  readonly #listener: (batch: TailBatch) => void;
  readonly #clock: Clock;
  #records: AccessRecord[] = [];
  #dropped = 0;
  #cancel: CancelTimer | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(wants: (record: AccessRecord) => boolean, listener: (batch: TailBatch) => void, clock: Clock) {
    this.#wants = wants;
    this.#listener = listener;
    this.#clock = clock;
  }

  offer(records: readonly AccessRecord[]): void {
    for (const record of records) {
      if (!this.#wants(record)) continue;
      if (this.#records.length < TAIL_RECORDS) this.#records.push(record);
      else this.#dropped++;
    }
    if (this.#records.length === 0 || this.#cancel !== undefined) return;
    const wait = Math.max(0, this.#last + TAIL_INTERVAL - this.#clock.monotonic());
    this.#cancel = this.#clock.setTimeout(() => this.#deliver(), wait);
  }

  stop(): void {
    this.#cancel?.();
    this.#records = [];
  }

  #deliver(): void {
    const batch = { records: this.#records, dropped: this.#dropped };
    this.#cancel = undefined;
    this.#records = [];
    this.#dropped = 0;
    this.#last = this.#clock.monotonic();
    this.#listener(batch);
  }
}
