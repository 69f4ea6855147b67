import { type Failure, failure } from '../../shared/domain/failure.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;
const PRIMARY = 0xff;

const errnoOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');

/** SQLite's primary result code of an error that `node:sqlite` threw. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || errnoOf(error) !== 'ERR_SQLITE_ERROR') return undefined;
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & PRIMARY : undefined;
}

/** Whether `error` says that a UNIQUE, FOREIGN KEY or CHECK rule was violated. */
export const isConstraint = (error: unknown): boolean => sqliteCode(error) === CONSTRAINT;

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
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return failure('data_full', { path });
  return /^E[A-Z0-9]+$/.test(errno) ? failure('data_unwritable', { path, reason: WORDS[errno] ?? errno }) : undefined;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it is not a folder',
  EISDIR: 'a folder is where a file should be',
  ENOENT: 'it cannot be created',
  EMFILE: 'too many files are open',
};
