import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogPage, LogStats } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { mediumFailure } from '../store/sqlite-failure.ts';
import { AccessFile } from './access-file.ts';
import type { LogFilter, LogScope, PackedRecords, StatsQuery } from './access-log.ts';
import { StatsSum } from './log-stats.ts';
import { type FromWriter, type ToWriter, WRITER_ROLE, type WriterData } from './protocol.ts';

/** Milliseconds that one query may search before it answers with what it has and where to go on. */
const SEARCH_BUDGET = 1_500;
/** Milliseconds between two rounds of pruning, and between two tries to open a file that can't be opened. */
const PRUNE_INTERVAL = 60_000;
const REOPEN_INTERVAL = 2_000;

/** Whether this thread was started to write the access log. */
export function isWriterThread(): boolean {
  return parentPort !== null && isWriterData(workerData);
}

const isWriterData = (data: unknown): data is WriterData =>
  typeof data === 'object' && data !== null && 'role' in data && data.role === WRITER_ROLE;

/** Runs the writer on this thread until it is told to close. Only where `isWriterThread()`. */
export function runWriter(): void {
  const port = parentPort;
  if (port === null || !isWriterData(workerData)) throw new Error('not the thread of the access log');
  const writer = new Writer(workerData);
  const send = (message: FromWriter): void => port.postMessage(message);
  const pruning = setInterval(() => void writer.prune(), PRUNE_INTERVAL);
  void writer.prune();
  port.on('message', (message: ToWriter) => {
    switch (message.type) {
      case 'append': {
        const reason = writer.append(message.packed);
        send(reason === undefined ? { type: 'appended' } : { type: 'appended', failure: reason });
        break;
      }
      case 'query':
        void writer.query(message.scope, message.filter).then((page) => send({ type: 'page', id: message.id, page }));
        break;
      case 'stats':
        void writer
          .stats(message.scope, message.query, message.now)
          .then((stats) => send({ type: 'stats', id: message.id, stats }));
        break;
      case 'close':
        clearInterval(pruning);
        writer.close();
        send({ type: 'closed' });
        port.close();
    }
  });
}

/** Keeps the file open where possible, and turns what goes wrong into failures. */
class Writer {
  readonly #options: WriterData;
  #file: AccessFile | undefined;
  #nextTry = 0;
  #lastFailure: Failure = failure('internal');
  #pruning = false;
  #closed = false;

  constructor(options: WriterData) {
    this.#options = options;
  }

  append(packed: PackedRecords): Failure | undefined {
    const opened = this.#open();
    if (!opened.ok) return opened.error;
    try {
      opened.value.append(packed);
      return undefined;
    } catch (error) {
      const reason = this.#reason(error);
      // Its own size bound shows as a full disk too: making room may help the next batch.
      if (reason.code === 'data_full') void this.prune();
      if (reason.code === 'data_damaged') this.#reopen();
      return reason;
    }
  }

  /** Searches in steps; batches that arrive meanwhile are written in between. */
  async query(scope: LogScope, filter: LogFilter): Promise<Result<LogPage, Failure>> {
    const records: AccessRecord[] = [];
    let before = filter.cursor === undefined ? undefined : Number(filter.cursor);
    const deadline = performance.now() + SEARCH_BUDGET;
    try {
      do {
        const opened = this.#open();
        if (!opened.ok) return opened;
        const found = opened.value.search(scope, filter, before, filter.limit - records.length);
        records.push(...found.records);
        before = found.before;
        if (before === undefined) return ok({ records });
        await turn();
      } while (records.length < filter.limit && performance.now() < deadline);
      return ok({ records, cursor: String(before) });
    } catch (error) {
      return err(this.#reason(error));
    }
  }

  /** Counts in steps, as `query` searches; what the time doesn't suffice for is said in the answer. */
  async stats(scope: LogScope, query: StatsQuery, now: number): Promise<Result<LogStats, Failure>> {
    const sum = new StatsSum(scope, query, now);
    const deadline = performance.now() + SEARCH_BUDGET;
    let before: number | undefined;
    try {
      for (; ; await turn()) {
        const opened = this.#open();
        if (!opened.ok) return opened;
        before = opened.value.scan(before, sum, (table, row) => sum.add(table, row));
        if (before === undefined) return ok(sum.result());
        if (performance.now() >= deadline) return ok(sum.result(opened.value.timeAt(before)));
      }
    } catch (error) {
      return err(this.#reason(error));
    }
  }

  async prune(): Promise<void> {
    if (this.#pruning) return;
    this.#pruning = true;
    try {
      for (let more = true; more; await turn()) {
        const opened = this.#open();
        more = opened.ok && opened.value.prune(Date.now());
      }
    } catch (error) {
      this.#reason(error);
    } finally {
      this.#pruning = false;
    }
  }

  close(): void {
    this.#closed = true;
    this.#reopen();
  }

  #open(): Result<AccessFile, Failure> {
    if (this.#closed) return err(failure('draining'));
    if (this.#file !== undefined) return ok(this.#file);
    if (performance.now() < this.#nextTry) return err(this.#lastFailure);
    this.#nextTry = performance.now() + REOPEN_INTERVAL;
    try {
      this.#file = AccessFile.open(this.#options);
      return ok(this.#file);
    } catch (error) {
      this.#lastFailure = this.#reason(error);
      return err(this.#lastFailure);
    }
  }

  /** Lets go of the file; the next use opens it again. */
  #reopen(): void {
    try {
      this.#file?.close();
    } catch {
      // A damaged file may refuse to be closed; it is given up all the same.
    }
    this.#file = undefined;
  }

  /** The failure that `error` stands for. A bug is thrown on, and ends the thread. */
  #reason(error: unknown): Failure {
    const reason = mediumFailure(error, this.#options.file);
    if (reason === undefined) throw error;
    return reason;
  }
}
