import { chmodSync, closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isDamage } from '../store/sqlite-failure.ts';
import type { LogFilter, LogScope } from './access-log.ts';
import { COLUMNS } from './columns.ts';
import { whereOf } from './log-filter.ts';

/** Version of the table below. A file of another version is set aside: the log is not worth a migration. */
const VERSION = 4;
const PAGE = 4096;
/** Records that one statement inserts: a third less work than one by one. */
const ROWS = 8;
/** Rows that one step of pruning removes, or one step of a search looks at: a few milliseconds. */
const PRUNE_STEP = 2_000;
const SEARCH_STEP = 10_000;
/** Lines that one step of counting takes apart, about 10 ms: a record waits no longer than that to be written. */
const SCAN_STEP = 2_000;
/** Part of the size bound that is filled before the oldest records give way. */
const HIGH_WATER = 0.9;
/** Records are noted when they end, at most this many milliseconds out of order. */
const DISORDER = 60_000;

export interface AccessFileOptions {
  readonly file: string;
  /** Milliseconds that records are kept. */
  readonly retention: number;
  /** Bytes that the file may take. */
  readonly maxBytes: number;
}

export interface Found {
  readonly rows: Record<string, unknown>[];
  /** Where to go on; undefined at the end of the log. */
  readonly before: number | undefined;
}

/**
 * The file of the access log. Synchronous, so it belongs on a thread of its own; every call is short, long work is
 * done in steps. Records have a sequence number, and all reading goes backwards by it: no index, and what a record says
 * is only taken apart by those who look (`records` is a view), so that writing stays cheap. Throws what SQLite throws.
 */
export class AccessFile {
  readonly #options: AccessFileOptions;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #insertRows: StatementSync;
  readonly #searches = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync, options: AccessFileOptions) {
    this.#options = options;
    this.#database = database;
    const insert = 'insert into lines (line) values ';
    this.#insert = database.prepare(`${insert} (?)`);
    this.#insertRows = database.prepare(insert + new Array(ROWS).fill('(?)').join(', '));
  }

  /** Opens the log, or starts a new one (0600). A damaged or foreign file is kept beside it under `.old`. */
  static open(options: AccessFileOptions): AccessFile {
    try {
      return new AccessFile(openDatabase(options), options);
    } catch (error) {
      if (!isDamage(error) && !(error instanceof ForeignFile)) throw error;
      setAside(options.file);
      return new AccessFile(openDatabase(options), options);
    }
  }

  /** Appends records, one a line (`packRecords`), all or none. */
  append(text: string): void {
    const lines = text.split('\n');
    this.#database.exec('begin immediate');
    try {
      let at = 0;
      for (; at + ROWS <= lines.length; at += ROWS) this.#insertRows.run(...lines.slice(at, at + ROWS));
      for (; at < lines.length; at++) this.#insert.run(lines[at] ?? '');
      this.#database.exec('commit');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback');
      throw error;
    }
  }

  /**
   * Looks at up to 10,000 records before sequence number `before` (newest without it), newest first, for at most
   * `limit` that fit. Go on at `Found.before` for more.
   */
  search(scope: LogScope, filter: LogFilter, before: number | undefined, limit: number): Found {
    const top = before ?? this.#edge('max') + 1;
    const bottom = this.#edge('min');
    const from = Math.max(bottom, top - SEARCH_STEP);
    const { sql, parameters } = whereOf(scope, filter);
    const rows = this.#statement(
      `select seq, ${COLUMNS.join(', ')} from records where seq >= ? and seq < ? and ${sql} order by seq desc limit ?`,
    ).all(from, top, ...parameters, limit);
    const last = rows.at(-1);
    if (rows.length === limit && last !== undefined) return { rows, before: Number(last.seq) };
    return { rows, before: from <= bottom || this.#isOlder(from, filter.since) ? undefined : from };
  }

  /**
   * Hands up to 2,000 lines before sequence number `before` (newest without it) to `each`, newest first. Yields where
   * to go on; undefined at the end of the log, or where all that is left ended before `since`.
   */
  scan(before: number | undefined, since: number, each: (line: string) => void): number | undefined {
    const top = before ?? this.#edge('max') + 1;
    const bottom = this.#edge('min');
    const from = Math.max(bottom, top - SCAN_STEP);
    const rows = this.#statement('select line from lines where seq >= ? and seq < ? order by seq desc').all(from, top);
    for (const { line } of rows) each(String(line));
    return from <= bottom || this.#isOlder(from, since) ? undefined : from;
  }

  /** When the record at sequence number `seq`, or the next one, began. */
  timeAt(seq: number): number | undefined {
    const row = this.#statement('select time from records where seq >= ? order by seq limit 1').get(seq);
    return row === undefined ? undefined : Number(row.time);
  }

  /** One step of forgetting what is too old or too much. True when there is more to do. */
  prune(now: number): boolean {
    const oldest = 'select seq, time from records order by seq limit ?';
    const aged = this.#statement(`delete from lines where seq in (select seq from (${oldest}) where time < ?)`);
    const removed = Number(aged.run(PRUNE_STEP, now - this.#options.retention).changes);
    const crowded = this.#bytes() > this.#options.maxBytes * HIGH_WATER;
    if (crowded)
      this.#statement('delete from lines where seq in (select seq from lines order by seq limit ?)').run(PRUNE_STEP);
    if (removed > 0 || crowded) this.#database.exec('pragma incremental_vacuum(1000)');
    return removed === PRUNE_STEP || (crowded && this.#edge('max') > 0);
  }

  close(): void {
    this.#searches.clear();
    this.#database.close();
  }

  /** Whether everything before `seq` ended before `since`. */
  #isOlder(seq: number, since: number | undefined): boolean {
    if (since === undefined) return false;
    const row = this.#statement(
      'select time + duration / 1000 as ended from records where seq >= ? order by seq limit 1',
    ).get(seq);
    return row !== undefined && Number(row.ended) < since - DISORDER;
  }

  #edge(which: 'min' | 'max'): number {
    return Number(this.#statement(`select ${which}(seq) as seq from lines`).get()?.seq ?? 0);
  }

  #bytes(): number {
    const count = (name: string): number => Number(this.#database.prepare(`pragma ${name}`).get()?.[name] ?? 0);
    return (count('page_count') - count('freelist_count')) * PAGE;
  }

  /** The texts are a fixed set: one for each combination of filters. */
  #statement(sql: string): StatementSync {
    const known = this.#searches.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#searches.set(sql, statement);
    return statement;
  }
}

class ForeignFile extends Error {}

function openDatabase({ file, maxBytes }: AccessFileOptions): DatabaseSync {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    database.exec(`
      pragma page_size = ${PAGE};
      pragma auto_vacuum = incremental;
      pragma journal_mode = wal;
      pragma synchronous = normal;
      pragma journal_size_limit = 8388608;
      pragma max_page_count = ${Math.max(16, Math.floor(maxBytes / PAGE))};
    `);
    const found = Number(database.prepare('pragma user_version').get()?.user_version ?? 0);
    if (found !== 0 && found !== VERSION) throw new ForeignFile(`version ${found}`);
    const columns = COLUMNS.map((name, i) => `line ->> ${i} as ${name}`).join(', ');
    database.exec(`
      begin immediate;
      create table if not exists lines (seq integer primary key autoincrement, line text not null) strict;
      drop view if exists records;
      create view records as select seq, line, ${columns} from lines;
      pragma user_version = ${VERSION};
      commit;
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function setAside(file: string): void {
  for (const side of ['-wal', '-shm']) rmSync(file + side, { force: true });
  renameSync(file, `${file}.old`);
}
