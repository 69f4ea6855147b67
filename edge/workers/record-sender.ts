import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { AccessSink, PackedRecords } from '../record/access-log.ts';
import { RecordQueue } from '../record/record-queue.ts';

/** Milliseconds that a record waits for company. */
const GATHER = 100;
/** Records that wait at most; beyond that they are dropped, because the control process can't keep up. */
const QUEUE = 20_000;

export type SendRecords = (packed: PackedRecords) => void;

/** The access log of a worker: gathers, and sends one batch at a time to the control process, which writes. */
export class RecordSender implements AccessSink {
  readonly #send: SendRecords;
  readonly #clock: Clock;
  readonly #pending = new RecordQueue();
  #dropped = 0;
  #inFlight = false;
  #cancel: CancelTimer | undefined;
  #onIdle: (() => void) | undefined;

  constructor(send: SendRecords, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  record(record: AccessRecord): void {
    if (this.#pending.length >= QUEUE) {
      this.#dropped++;
      return;
    }
    this.#pending.push(record);
    if (this.#pending.hasFull) this.flush();
    else if (this.#cancel === undefined && !this.#inFlight) this.#schedule();
  }

  /** Records that could not be sent since the start. */
  counts(): { readonly dropped: number } {
    return { dropped: this.#dropped };
  }

  /** The control process has taken the batch before. */
  taken(): void {
    this.#inFlight = false;
    if (this.#pending.hasFull || this.#onIdle !== undefined) this.flush();
    else if (this.#pending.length > 0) this.#schedule();
    if (!this.#inFlight) this.#onIdle?.();
  }

  /** Sends what is left; resolves when all of it has been taken, after `limit` ms at the latest. */
  async close(limit: number): Promise<void> {
    if (!this.#inFlight && this.#pending.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.setTimeout(resolve, limit);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
      this.flush();
    });
  }

  #schedule(): void {
    this.#cancel = this.#clock.setTimeout(() => this.flush(), GATHER);
  }

  /** Sends what has been gathered, unless a batch is under way. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#inFlight || this.#pending.length === 0) return;
    this.#inFlight = true;
    this.#send(this.#pending.take());
  }
}
