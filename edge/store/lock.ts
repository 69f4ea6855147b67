import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { isBusy, isDamage } from './sqlite-failure.ts';

/** Those that are held: a connection that nobody refers to is collected as garbage, and its lock with it. */
const held = new Set<DatabaseSync>();

export interface FolderLock {
  release(): void;
}

/**
 * Claims `folder` for the one edge that serves from it. The claim is an operating-system lock that SQLite holds on
 * a small file of its own, so it ends with the process however that dies, on every platform, and never goes stale.
 * The data itself stays open to others, such as a `token create` beside a running edge. Fails with `data_in_use`.
 */
export function lockFolder(folder: string): Result<FolderLock, Failure> {
  const file = join(folder, 'edge.lock');
  let database: DatabaseSync;
  try {
    database = claim(file);
  } catch (error) {
    if (isBusy(error)) return err(failure('data_in_use', { path: folder }));
    if (!isDamage(error)) throw error;
    // The file holds nothing, so nothing is lost. It is emptied, not replaced: of two edges that find it damaged at
    // once, the second would replace the file that the first has locked by then.
    truncateSync(file);
    return lockFolder(folder);
  }
  held.add(database);
  return ok({
    release: () => {
      held.delete(database);
      if (database.isOpen) database.close();
    },
  });
}

function claim(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('pragma journal_mode = memory; begin exclusive');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
