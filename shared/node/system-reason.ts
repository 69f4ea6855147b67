/** What codes of failed system calls mean to people. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'something else is in its place',
  EISDIR: 'a folder is in its place',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** The code of a failed system call, such as `EACCES`; '' of any other error. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Why a system call failed, in words: half a sentence. The code where there are none, any other error's message. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  return WORDS[code] ?? (code || (error instanceof Error ? error.message : String(error)));
}
