import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { PackedRecords } from './access-log.ts';
import { RecordPacker } from './record-packer.ts';

/**
 * Records on their way to where they are written, oldest first. They are packed as they come: records that waited would
 * outlive a collection, and V8 would allocate them among the old objects from then on.
 */
export class RecordQueue {
  readonly #packer = new RecordPacker();
  #full: PackedRecords[] = [];
  /** Records in `#full`. */
  #before = 0;

  get length(): number {
    return this.#before + this.#packer.count;
  }

  /** Whether there is a batch to which nothing will be added. */
  get hasFull(): boolean {
    return this.#before > 0;
  }

  push(record: AccessRecord): void {
    this.#packer.push(record);
    if (!this.#packer.full) return;
    this.#before += this.#packer.count;
    this.#full.push(this.#packer.take());
  }

  /** Takes the oldest batch out, at most `BATCH` records. */
  take(): PackedRecords {
    const oldest = this.#full.shift();
    if (oldest === undefined) return this.#packer.take();
    this.#before -= oldest.count;
    return oldest;
  }

  /** Gives up what is in it. */
  clear(): void {
    this.#packer.clear();
    this.#full = [];
    this.#before = 0;
  }
}
