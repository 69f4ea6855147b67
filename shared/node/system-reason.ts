import { type Because, because, type Reason } from '../domain/reason.ts';

/** What codes of failed system calls mean to people. */
const WORDS: Readonly<Record<string, Because>> = {
  EACCES: because('denied'),
  EPERM: because('denied'),
  EROFS: because('read_only'),
  ENOENT: because('not_there'),
  ENOTDIR: because('path_part'),
  EEXIST: because('in_its_place'),
  EISDIR: because('folder_in_its_place'),
  ENOSPC: because('disk_full'),
  EDQUOT: because('disk_full'),
  EMFILE: because('files_open'),
  ENFILE: because('files_open'),
};

/** The code of a failed system call, such as `EACCES`; '' of any other error. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Why a system call failed: half a sentence. The code where there are no words, any other error's message. */
export function systemReason(error: unknown): Reason {
  const code = systemCode(error);
  const known = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  return known ?? (code || (error instanceof Error ? error.message : String(error)));
}
