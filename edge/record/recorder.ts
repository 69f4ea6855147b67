import { Worker } from 'node:worker_threads';
import type { LogPage, LogStats } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, type Result } from '../../shared/domain/result.ts';
import { type CancelTimer, type Clock, systemClock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type {
  LogFilter,
  LogScope,
  PackedRecords,
  RecordCounts,
  Recorder,
  RecordHead,
  StatsQuery,
  TailBatch,
} from './access-log.ts';
import { readHeads, unpackRecord } from './packed-table.ts';
import { type FromWriter, type ToWriter, WRITER_ROLE, type WriterData } from './protocol.ts';
import { RecordQueue } from './record-queue.ts';
import { Tail } from './tail.ts';

export interface RecorderOptions {
  /** The log's own database file, such as `DATA/access.db`. */
  readonly file: string;
  /**
   * The file that the writer's thread starts with. It must call `runWriter()` when `isWriterThread()`, before it
   * does anything else. From source that is `record/worker.ts`; a bundle names its own entry, so that one suffices.
   */
  readonly entry: URL;
  readonly log: Logger;
  /** Milliseconds that records are kept; 7 days unless told. */
  readonly retention?: number;
  /** Bytes that the log may take; 1 GiB unless told. */
  readonly maxBytes?: number;
  readonly clock?: Clock;
}

const DAY = 24 * 3600_000;
/** Milliseconds that a record waits for company. */
const GATHER = 100;
/** Records that wait at most; beyond that they are dropped, because the writer can't keep up. */
const QUEUE = 20_000;
/** Queries under way at most. */
const QUERIES = 32;
/** Counts under way at most: each may look at much. */
const COUNTS = 4;
/** Milliseconds until a writer that died is started again. */
export const RESTART = 2_000;
/** Milliseconds that closing waits for the last batches. */
const CLOSE_LIMIT = 5_000;

/** Starts the access log: a thread writes the file, this one only gathers. */
export function createRecorder(options: RecorderOptions): Recorder {
  return new ThreadedRecorder(options);
}

class ThreadedRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #clock: Clock;
  readonly #tails = new Set<Tail>();
  readonly #queries = new Map<number, (page: Result<LogPage, Failure>) => void>();
  readonly #counting = new Map<number, (stats: Result<LogStats, Failure>) => void>();
  #worker: Worker | undefined;
  readonly #pending = new RecordQueue();
  /** From other processes, each of which waits for one of them at a time. */
  readonly #packed: { readonly records: PackedRecords; readonly done: () => void }[] = [];
  #inFlight = 0;
  /** Told when the batch in flight is done with. */
  #onSettled = (): void => {};
  #written = 0;
  #dropped = 0;
  #failing = false;
  #queryId = 0;
  #cancel: CancelTimer | undefined;
  #closing: Promise<void> | undefined;
  #onIdle = (): void => {};

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#worker = this.#start();
  }

  record(record: AccessRecord): void {
    if (this.#pending.length >= QUEUE || this.#closing !== undefined) {
      this.#dropped++;
      return;
    }
    this.#pending.push(record);
    if (this.#tails.size > 0) this.#offer([record], (whole) => whole);
    if (this.#pending.hasFull) this.#flush();
    else if (this.#cancel === undefined) this.#schedule();
  }

  recordPacked(packed: PackedRecords, done: () => void): void {
    if (this.#closing !== undefined) {
      this.#dropped += packed.count;
      done();
      return;
    }
    this.#packed.push({ records: packed, done });
    this.#flush();
  }

  query(scope: LogScope, filter: LogFilter): Promise<Result<LogPage, Failure>> {
    if (filter.cursor !== undefined && !/^\d{1,15}$/.test(filter.cursor))
      return Promise.resolve(err(failure('input_invalid', { reason: 'The cursor is not one of ours.' }, 'cursor')));
    const worker = this.#worker;
    if (worker === undefined || this.#queries.size >= QUERIES) return Promise.resolve(err(failure('busy')));
    // What was noted so far is found, as far as the writer keeps up.
    this.#flush();
    const id = ++this.#queryId;
    return new Promise((resolve) => {
      this.#queries.set(id, resolve);
      this.#post(worker, { type: 'query', id, scope, filter });
    });
  }

  stats(scope: LogScope, query: StatsQuery): Promise<Result<LogStats, Failure>> {
    const worker = this.#worker;
    if (worker === undefined || this.#counting.size >= COUNTS) return Promise.resolve(err(failure('busy')));
    this.#flush();
    const id = ++this.#queryId;
    return new Promise((resolve) => {
      this.#counting.set(id, resolve);
      this.#post(worker, { type: 'stats', id, scope, query, now: this.#clock.now() });
    });
  }

  tail(wants: (record: RecordHead) => boolean, listener: (batch: TailBatch) => void): () => void {
    const tail = new Tail(wants, listener, this.#clock);
    this.#tails.add(tail);
    return () => {
      this.#tails.delete(tail);
      tail.stop();
    };
  }

  counts(): RecordCounts {
    const packed = this.#packed.reduce((sum, { records }) => sum + records.count, 0);
    return { written: this.#written, dropped: this.#dropped, queued: this.#pending.length + packed + this.#inFlight };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #schedule(): void {
    this.#cancel = this.#clock.setTimeout(() => this.#flush(), GATHER);
  }

  /** Sends the next batch, unless one is still being written: its end calls this again. */
  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const worker = this.#worker;
    if (worker === undefined || this.#inFlight > 0) return;
    const packed = this.#packed.shift();
    if (packed !== undefined) {
      if (this.#tails.size > 0) this.#offer(readHeads(packed.records), unpackRecord);
      this.#append(worker, packed.records, packed.done);
    } else if (this.#pending.length > 0) {
      this.#append(worker, this.#pending.take());
    }
  }

  #append(worker: Worker, packed: PackedRecords, done = (): void => {}): void {
    this.#inFlight = packed.count;
    this.#onSettled = done;
    this.#post(worker, { type: 'append', packed });
  }

  #offer<T extends RecordHead>(heads: readonly T[], whole: (head: T) => AccessRecord): void {
    for (const tail of this.#tails) tail.offer(heads, whole);
  }

  /** Records or batches wait for the writer. */
  get #waiting(): boolean {
    return this.#pending.length > 0 || this.#packed.length > 0;
  }

  #start(): Worker {
    const { file, retention = 7 * DAY, maxBytes = 2 ** 30 } = this.#options;
    const workerData: WriterData = { role: WRITER_ROLE, file, retention, maxBytes };
    const worker = new Worker(this.#options.entry, {
      workerData,
      name: WRITER_ROLE,
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    });
    worker.on('message', (message: FromWriter) => this.#receive(message));
    worker.on('error', (error) => this.#options.log.error('The access log writer failed.', { error }));
    worker.on('exit', () => this.#exited(worker));
    return worker;
  }

  #post(worker: Worker, message: ToWriter): void {
    worker.postMessage(message);
  }

  #receive(message: FromWriter): void {
    switch (message.type) {
      case 'appended':
        this.#settle(message.failure);
        if (this.#pending.hasFull || this.#packed.length > 0 || this.#closing !== undefined) this.#flush();
        else if (this.#pending.length > 0 && this.#cancel === undefined) this.#schedule();
        if (this.#inFlight === 0 && !this.#waiting) this.#onIdle();
        break;
      case 'page':
        this.#queries.get(message.id)?.(message.page);
        this.#queries.delete(message.id);
        break;
      case 'stats':
        this.#counting.get(message.id)?.(message.stats);
        this.#counting.delete(message.id);
        break;
      case 'closed':
        break;
    }
  }

  #tellSettled(): void {
    const settled = this.#onSettled;
    this.#onSettled = () => {};
    settled();
  }

  /** The batch in flight is done with. Trouble is told when it begins and when it ends, not for every batch. */
  #settle(reason: Failure | undefined): void {
    if (reason === undefined) this.#written += this.#inFlight;
    else this.#dropped += this.#inFlight;
    this.#inFlight = 0;
    this.#tellSettled();
    if (reason !== undefined && !this.#failing)
      this.#options.log.error('The access log cannot be written; records are dropped.', { reason });
    if (reason === undefined && this.#failing)
      this.#options.log.info('The access log is written again.', { dropped: this.#dropped });
    this.#failing = reason !== undefined;
  }

  #exited(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#dropped += this.#inFlight;
    this.#inFlight = 0;
    this.#tellSettled();
    for (const resolve of this.#queries.values()) resolve(err(failure('busy')));
    this.#queries.clear();
    for (const resolve of this.#counting.values()) resolve(err(failure('busy')));
    this.#counting.clear();
    this.#onIdle();
    if (this.#closing !== undefined) return;
    this.#clock.setTimeout(() => {
      if (this.#closing !== undefined) return;
      this.#worker = this.#start();
      this.#flush();
    }, RESTART);
  }

  async #end(): Promise<void> {
    for (const tail of this.#tails) tail.stop();
    this.#tails.clear();
    const worker = this.#worker;
    if (worker === undefined) {
      this.#giveUp();
      return;
    }
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const cancel = this.#clock.setTimeout(() => void worker.terminate(), CLOSE_LIMIT);
    if (this.#inFlight > 0 || this.#waiting) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      this.#flush();
      await idle;
    }
    this.#post(worker, { type: 'close' });
    await exited;
    cancel();
    this.#giveUp();
  }

  /** What the writer never got. */
  #giveUp(): void {
    this.#dropped += this.#pending.length;
    this.#pending.clear();
    for (const { records, done } of this.#packed.splice(0)) {
      this.#dropped += records.count;
      done();
    }
  }
}
