import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { RecordHead, TailBatch } from './access-log.ts';

/** Records in one batch of a tail. */
export const TAIL_RECORDS = 200;
/** Milliseconds between two batches. */
export const TAIL_INTERVAL = 250;

/** One listener to new records: at most 200 of them every quarter of a second; what is beyond that is counted. */
export class Tail {
  readonly #wants: (record: RecordHead) => boolean;
  readonly #listener: (batch: TailBatch) => void;
  readonly #clock: Clock;
  #records: AccessRecord[] = [];
  #dropped = 0;
  #cancel: CancelTimer | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(wants: (record: RecordHead) => boolean, listener: (batch: TailBatch) => void, clock: Clock) {
    this.#wants = wants;
    this.#listener = listener;
    this.#clock = clock;
  }

  /** New records; `whole` yields all of one. It is asked only for what can be shown: that may have to be unpacked. */
  offer<T extends RecordHead>(heads: readonly T[], whole: (head: T) => AccessRecord): void {
    for (const head of heads) {
      if (!this.#wants(head)) continue;
      if (this.#records.length < TAIL_RECORDS) this.#records.push(whole(head));
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
