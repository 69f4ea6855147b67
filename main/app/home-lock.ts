import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type Clock, pause } from '../../shared/node/clock.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import { readIfPresent, writePrivate } from './private-file.ts';

/** Those that are held: a connection that nobody refers to is collected as garbage, and its lock with it. */
const locks = new Set<DatabaseSync>();

export interface HomeLock {
  /** Idempotent. The lock also ends with the process, however it ends. */
  release(): void;
}

/**
 * Makes this process the only Porthole of `home`, or says which one is (`home_in_use`).
 *
 * The lock is an exclusive transaction on an empty SQLite file: the one kernel-held lock that Node offers. A lock
 * that the kernel holds is never stale after a kill -9, and two that start together can't both win; files with a
 * process id can do neither. The id beside it only names the holder.
 */
export function lockHome(home: string): Result<HomeLock, Failure> {
  const pidPath = join(home, 'porthole.pid');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(home, 'porthole.lock'));
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    writePrivate(pidPath, `${process.pid}\n`);
  } catch (error) {
    database?.close();
    if (isBusy(error)) return err(failure('home_in_use', { path: home, pid: holder(pidPath) }));
    return err(failure('home_unwritable', { path: home, reason: systemReason(error) }));
  }
  const held = database;
  locks.add(held);
  return ok({
    release() {
      if (!locks.delete(held)) return;
      rmSync(pidPath, { force: true });
      held.close();
    },
  });
}

/** Milliseconds between tries for a lock that another holds. */
const RETRY = 100;

/** `lockHome`, tried again for up to `patience` milliseconds: a short command may be holding the folder just now. */
export async function lockHomeSoon(home: string, patience: number, clock: Clock): Promise<Result<HomeLock, Failure>> {
  const deadline = clock.monotonic() + patience;
  for (;;) {
    const lock = lockHome(home);
    if (lock.ok || lock.error.code !== 'home_in_use' || clock.monotonic() >= deadline) return lock;
    await pause(clock, RETRY);
  }
}

/** SQLITE_BUSY, result code 5. */
const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === 5;

function holder(pidPath: string): string {
  try {
    return readIfPresent(pidPath)?.trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
