import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { migrate } from './migrations.ts';
import { mediumFailure } from './sqlite-failure.ts';
import { SqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** The edge's data folder; one that serves makes it (0700) when missing. `:memory:` keeps everything in memory. */
  readonly dataDir: string;
  /** True for the edge that serves from the folder: it claims it. False for commands beside it. */
  readonly serve: boolean;
  readonly now?: () => number;
  /** Milliseconds between looks for what other processes wrote; 500 unless told. */
  readonly pollInterval?: number;
  /** Revisions that the change feed keeps; 10,000 unless told. */
  readonly feedLength?: number;
  /** Bytes that the database may take; 1 GiB unless told. Past that, writes fail with `data_full`. */
  readonly maxBytes?: number;
  /** Told of stored services that don't parse; they are left out. */
  readonly onDamaged?: (serviceId: string, fault: string) => void;
}

const MEMORY = ':memory:';
const PAGE = 4096;
/** Milliseconds that the thread may stand still for another process: while opening, and afterwards. */
const OPEN_TIMEOUT = 5000;
const BUSY_TIMEOUT = 20;

/**
 * Opens the store in `dataDir/edge.db`, migrated as needed. Only the edge that serves makes one: what a command wrote
 * into a mistyped folder would never be read.
 *
 * Fails with `data_missing`, `data_in_use`, `data_newer`, `data_unwritable`, `data_full`, `data_busy`, `data_damaged`; then it has
 * left nothing open.
 */
export function createStore(options: StoreOptions): Result<Store, Failure> {
  const { dataDir, serve } = options;
  if (dataDir !== MEMORY && !serve && !existsSync(join(dataDir, 'edge.db')))
    return err(failure('data_missing', { path: dataDir }));
  let lock: FolderLock | undefined;
  let database: DatabaseSync | undefined;
  const undo = (reason: Failure): Result<Store, Failure> => {
    database?.close();
    lock?.release();
    return err(reason);
  };
  try {
    if (dataDir !== MEMORY) prepareFolder(dataDir);
    if (dataDir !== MEMORY && serve) {
      const locked = lockFolder(dataDir);
      if (!locked.ok) return locked;
      lock = locked.value;
    }
    database = openDatabase(dataDir, options.maxBytes ?? 2 ** 30);
    const migrated = migrate(database, dataDir);
    if (!migrated.ok) return undo(migrated.error);
    database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT}`);
  } catch (error) {
    const reason = mediumFailure(error, dataDir);
    if (reason !== undefined) return undo(reason);
    database?.close();
    lock?.release();
    throw error;
  }
  const held = lock;
  return ok(
    new SqliteStore(database, {
      path: dataDir,
      now: options.now ?? Date.now,
      pollInterval: options.pollInterval ?? 500,
      feedLength: options.feedLength ?? 10_000,
      onDamaged: options.onDamaged ?? (() => {}),
      onClosed: () => held?.release(),
    }),
  );
}

/** The folder (0700) and its files (0600): SQLite gives its side files the mode of the database. */
function prepareFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (const name of ['edge.db', 'edge.lock']) {
    const file = join(dataDir, name);
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  }
}

/** WAL so that readers never wait; FULL so that a confirmed write survives a power cut, not just the process. */
function openDatabase(dataDir: string, maxBytes: number): DatabaseSync {
  const file = dataDir === MEMORY ? MEMORY : join(dataDir, 'edge.db');
  const database = new DatabaseSync(file, { timeout: OPEN_TIMEOUT, enableForeignKeyConstraints: true });
  try {
    database.exec(`
      pragma page_size = ${PAGE};
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma journal_size_limit = 4194304;
      pragma max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE))};
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
