import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { PackedRecords } from './access-log.ts';
import { packLines, packRecord } from './columns.ts';

/**
 * Records that are packed at a time. Whole batches are too many: records that outlive a collection, as they did while
 * they waited for a batch, are allocated among the old objects from then on, and each is a piece of fresh memory that
 * only a collection of everything gives back.
 */
const PACKED_AT_ONCE = 64;

/** Records on their way to where they are written, oldest first: the newest few as they came, the others as lines. */
export class LineQueue {
  readonly #onPack: (records: readonly AccessRecord[]) => void;
  readonly #fresh: AccessRecord[] = [];
  #lines: string[] = [];

  /** `onPack` is shown records just before they become lines; the array is used again. */
  constructor(onPack: (records: readonly AccessRecord[]) => void = () => {}) {
    this.#onPack = onPack;
  }

  get length(): number {
    return this.#lines.length + this.#fresh.length;
  }

  push(record: AccessRecord): void {
    if (this.#fresh.push(record) === PACKED_AT_ONCE) this.#pack();
  }

  /** Takes the oldest out, `most` of them or all there are. */
  take(most: number): PackedRecords {
    this.#pack();
    return packLines(this.#lines.splice(0, most));
  }

  /** Gives up what is in it. */
  clear(): void {
    this.#fresh.length = 0;
    this.#lines = [];
  }

  #pack(): void {
    if (this.#fresh.length === 0) return;
    this.#onPack(this.#fresh);
    for (const record of this.#fresh) this.#lines.push(packRecord(record));
    this.#fresh.length = 0;
  }
}
