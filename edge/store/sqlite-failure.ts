import { type Failure, failure } from '../../shared/domain/failure.ts';
import { systemCode, systemReason } from '../../shared/node/system-reason.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
const PRIMARY = 0xff;

/** SQLite's primary result code of an error that `node:sqlite` threw. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || systemCode(error) !== 'ERR_SQLITE_ERROR') return undefined;
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & PRIMARY : undefined;
}

/** Whether `error` says that another connection holds the lock. */
export const isBusy = (error: unknown): boolean => sqliteCode(error) === BUSY || sqliteCode(error) === LOCKED;

/** Whether `error` says that the file is not, or no longer, a database. */
export const isDamage = (error: unknown): boolean => sqliteCode(error) === CORRUPT || sqliteCode(error) === NOTADB;

/** The failure that an error of SQLite or of the file system stands for; `undefined` for a bug. */
export function mediumFailure(error: unknown, path: string): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  if (isDamage(error)) return failure('data_damaged', { path, reason: error.message });
  if (isBusy(error)) return failure('data_busy', { path });
  switch (sqliteCode(error)) {
    case FULL:
      return failure('data_full', { path });
    case READONLY:
    case IOERR:
    case CANTOPEN:
      return failure('data_unwritable', { path, reason: error.message });
  }
  const errno = systemCode(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return failure('data_full', { path });
  return /^E[A-Z0-9]+$/.test(errno) ? failure('data_unwritable', { path, reason: systemReason(error) }) : undefined;
}
