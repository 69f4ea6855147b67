import { chmodSync, closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { isDamage } from '../store/sqlite-failure.ts';
import type { LogFilter, LogScope, PackedRecords } from './access-log.ts';
import { type BlockHead, decodeBlock, encodeBlock } from './block.ts';
import { COLUMN, numberAt, type RecordTable, toRecord } from './columns.ts';
import { matcherOf } from './log-filter.ts';
import { tableOf } from './packed-table.ts';
import { BATCH, RecordPacker } from './record-packer.ts';

/** Version of the table below. A file of another version is set aside: the log is not worth a migration. */
const VERSION = 5;
const PAGE = 4096;
/** Blocks that one step of pruning gives up: a few milliseconds. */
const PRUNE_STEP = 4;
/** Records that one step of a search or a count looks at, and bytes that it unpacks: some 10 ms. Nothing is written then. */
const STEP_RECORDS = 10_000;
const STEP_BYTES = 2 * 1024 * 1024;
/** Bytes, unpacked, of the largest block that others are joined to. */
const LARGE = 256 * 1024;
/** Blocks that become one at a time, at least and at most. */
const LEAST_JOINED = 8;
const MOST_JOINED = 24;
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
  readonly records: AccessRecord[];
  /** Where to go on; undefined at the end of the log. */
  readonly before: number | undefined;
}

/** A time, milliseconds since the epoch, both ends included. */
interface Span {
  readonly start: number;
  readonly until: number;
}

/** A block in the file. */
interface KeptBlock extends BlockHead {
  /** Sequence number of its last record; those before it have the numbers before that. */
  readonly last: number;
}

/**
 * The file of the access log. Synchronous, so it belongs on a thread of its own; every call is short, long work is
 * done in steps. Records have a sequence number, which they keep, and stand in compressed blocks: a fifth of the space
 * and of the writing that a row for each takes. All reading goes backwards, a block at a time. Small blocks become one as
 * more come, so that there are never many. A block that is damaged is passed over. Throws what SQLite throws.
 */
export class AccessFile {
  readonly #options: AccessFileOptions;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync, options: AccessFileOptions) {
    this.#options = options;
    this.#database = database;
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

  /** Appends records, all or none. */
  append(packed: PackedRecords): void {
    if (packed.count === 0) return;
    this.#atOnce(() => {
      const last = Number(this.#statement("select seq from sqlite_sequence where name = 'blocks'").get()?.seq ?? 0);
      this.#insert(last + packed.count, this.#joined(packed, last));
    });
  }

  /**
   * Looks at some 10,000 records before sequence number `before` (newest without it), newest first, for at most
   * `limit` that fit. Go on at `Found.before` for more.
   */
  search(scope: LogScope, filter: LogFilter, before: number | undefined, limit: number): Found {
    const matcher = matcherOf(scope, filter);
    const { since = 0, until = Number.MAX_SAFE_INTEGER } = filter;
    const records: AccessRecord[] = [];
    const next = this.#walk(before, { start: since, until }, (table, first, rows) => {
      const wanted = matcher(table);
      if (wanted === undefined) return undefined;
      for (let row = rows - 1; row >= 0; row--) {
        if (!wanted(row)) continue;
        records.push(toRecord(table, row));
        if (records.length === limit) return first + row;
      }
      return undefined;
    });
    return { records, before: next };
  }

  /**
   * Hands some 10,000 records before sequence number `before` (newest without it) to `each`, newest first, but for those
   * of other times. Yields where to go on; undefined at the end of the log, or where all that is left is older.
   */
  scan(before: number | undefined, span: Span, each: (table: RecordTable, row: number) => void): number | undefined {
    return this.#walk(before, span, (table, _, rows) => {
      for (let row = rows - 1; row >= 0; row--) each(table, row);
      return undefined;
    });
  }

  /** When the record at sequence number `seq`, or the next one, began. */
  timeAt(seq: number): number | undefined {
    const head = this.#headAt(seq);
    const table = head === undefined ? undefined : this.#load(head);
    if (head === undefined || table === undefined) return undefined;
    for (let row = Math.max(0, seq - (head.last - head.count + 1)); row < head.count; row++) {
      const time = numberAt(table, COLUMN.time, row);
      if (time >= 0) return time;
    }
    return undefined;
  }

  /** One step of forgetting what is too old or too much. True when there is more to do. */
  prune(now: number): boolean {
    const limit = now - this.#options.retention;
    forgetAside(this.#options.file, limit);
    const aged = this.#statement(`select ${HEAD} from blocks where oldest < ? order by oldest limit ?`)
      .all(limit, PRUNE_STEP)
      .map(toHead);
    for (const head of aged) if (head.newest < limit) this.#delete(head);
    const mixed = aged.find(({ newest }) => newest >= limit);
    if (mixed !== undefined) this.#shorten(mixed, limit);
    const crowded = this.#bytes() > this.#options.maxBytes * HIGH_WATER;
    if (crowded)
      this.#statement('delete from blocks where last in (select last from blocks order by last limit ?)').run(
        PRUNE_STEP,
      );
    if (aged.length > 0 || crowded) this.#database.exec('pragma incremental_vacuum(1000)');
    return aged.length > 0 || (crowded && this.#headBelow(Number.MAX_SAFE_INTEGER) !== undefined);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /**
   * Shows `look` block after block that has something of `span`: its records, its first sequence number, and how many of
   * its rows are before `before`. Ends where `look` says so, after one step's work, or where all that is left is older.
   */
  #walk(
    before: number | undefined,
    { start, until }: Span,
    look: (table: RecordTable, first: number, rows: number) => number | undefined,
  ): number | undefined {
    let head = before === undefined ? this.#headBelow(Number.MAX_SAFE_INTEGER) : this.#headAt(before - 1);
    let looked = 0;
    let unpacked = 0;
    while (head !== undefined) {
      if (head.ended < start - DISORDER) return undefined;
      const first = head.last - head.count + 1;
      const rows = before === undefined ? head.count : Math.min(head.count, before - first);
      // Without rows it is the next block after numbers that nobody has any more, and was seen.
      if (rows > 0 && head.newest >= start && head.oldest <= until) {
        looked += head.count;
        unpacked += head.size;
        const table = this.#load(head);
        const stop = table === undefined ? undefined : look(table, first, rows);
        if (stop !== undefined) return stop;
      }
      head = this.#headBelow(first);
      if (head !== undefined && (looked >= STEP_RECORDS || unpacked >= STEP_BYTES)) return first;
    }
    return undefined;
  }

  /** The block with sequence number `seq`, or the next one after it; the newest where there is none. */
  #headAt(seq: number): KeptBlock | undefined {
    const row = this.#statement(`select ${HEAD} from blocks where last >= ? order by last limit 1`).get(seq);
    return row === undefined ? this.#headBelow(Number.MAX_SAFE_INTEGER) : toHead(row);
  }

  #headBelow(seq: number): KeptBlock | undefined {
    const row = this.#statement(`select ${HEAD} from blocks where last < ? order by last desc limit 1`).get(seq);
    return row === undefined ? undefined : toHead(row);
  }

  #load(head: KeptBlock): RecordTable | undefined {
    const data = this.#statement('select data from blocks where last = ?').get(head.last)?.data;
    return data instanceof Uint8Array ? decodeBlock(head, data) : undefined;
  }

  /**
   * `packed` behind the newest blocks, which it takes out, if there are some that are no larger than all that comes after
   * them: a record is packed anew for each doubling of its block.
   */
  #joined(packed: PackedRecords, last: number): PackedRecords {
    const heads = this.#statement(`select ${HEAD} from blocks order by last desc limit ?`).all(MOST_JOINED).map(toHead);
    let { count } = packed;
    let size = packed.texts.length + packed.rows.length;
    const run: KeptBlock[] = [];
    for (const head of heads) {
      const fits = head.count <= count && head.count + count <= BATCH && head.size + size <= LARGE;
      if (!fits || head.last !== last - (count - packed.count)) break;
      run.push(head);
      count += head.count;
      size += head.size;
    }
    if (run.length + 1 < LEAST_JOINED) return packed;
    const tables: RecordTable[] = [];
    for (const head of run) {
      const table = this.#load(head);
      if (table === undefined) break;
      tables.unshift(table);
      this.#delete(head);
    }
    if (tables.length === 0) return packed;
    const packer = new RecordPacker();
    for (const table of [...tables, tableOf(packed)])
      for (let row = 0; row < table.count; row++) packer.copy(table, row);
    return packer.take();
  }

  #insert(last: number, packed: PackedRecords): void {
    const { count, oldest, newest, ended } = packed;
    const { size, data } = encodeBlock(packed);
    this.#statement(
      'insert into blocks (last, count, oldest, newest, ended, size, data) values (?, ?, ?, ?, ?, ?, ?)',
    ).run(last, count, oldest, newest, ended, size, data);
  }

  #delete({ last }: KeptBlock): void {
    this.#statement('delete from blocks where last = ?').run(last);
  }

  /** Leaves out the records of a block that began before `limit`, with all that was only said in them. */
  #shorten(head: KeptBlock, limit: number): void {
    const table = this.#load(head);
    const packer = new RecordPacker();
    for (let row = 0; table !== undefined && row < table.count; row++) {
      if (numberAt(table, COLUMN.time, row) >= limit) packer.copy(table, row);
      else if (packer.count > 0) packer.blank();
    }
    this.#atOnce(() => {
      this.#delete(head);
      if (packer.count > 0) this.#insert(head.last, packer.take());
    });
  }

  /** Does all of `change`, or nothing. */
  #atOnce(change: () => void): void {
    this.#database.exec('begin immediate');
    try {
      change();
      this.#database.exec('commit');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback');
      throw error;
    }
  }

  #bytes(): number {
    const count = (name: string): number => Number(this.#database.prepare(`pragma ${name}`).get()?.[name] ?? 0);
    return (count('page_count') - count('freelist_count')) * PAGE;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** What `toHead` reads. The data is the last column: as long as it isn't asked for, its pages aren't read. */
const HEAD = 'last, count, oldest, newest, ended, size';

const toHead = (row: Record<string, unknown>): KeptBlock => ({
  last: Number(row.last),
  count: Number(row.count),
  oldest: Number(row.oldest),
  newest: Number(row.newest),
  ended: Number(row.ended),
  size: Number(row.size),
});

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
    if (found === VERSION) return database;
    if (found !== 0) throw new ForeignFile(`version ${found}`);
    database.exec(`
      begin immediate;
      create table blocks (
        last integer primary key autoincrement,
        count integer not null,
        oldest integer not null,
        newest integer not null,
        ended integer not null,
        size integer not null,
        data blob not null
      ) strict;
      create index blocks_by_age on blocks (oldest);
      pragma user_version = ${VERSION};
      commit;
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const ASIDE = '.old';

function setAside(file: string): void {
  for (const side of ['-wal', '-shm']) rmSync(file + side, { force: true });
  renameSync(file, file + ASIDE);
}

/** Removes what was set aside once nothing in it can be younger than `limit`. */
function forgetAside(file: string, limit: number): void {
  const found = statSync(file + ASIDE, { throwIfNoEntry: false });
  if (found !== undefined && found.mtimeMs < limit) rmSync(file + ASIDE, { force: true });
}
