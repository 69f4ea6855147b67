import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { err, ok, type Result } from '../../shared/domain/result.ts';

/** Where a pair lies: the certificate with its chain, and the key. May be one file. Absolute. */
export interface PairPaths {
  readonly cert: string;
  readonly key: string;
}

/** What a pair's files held when they were read. */
export interface PairTexts {
  readonly cert: string;
  readonly key: string;
  /** Others than owner and group may read the key. Never on Windows, which has no such modes. */
  readonly keyIsOpen: boolean;
}

/** Which version of a pair's files lies there, without reading them. */
export interface PairStamp {
  /** Differs from that of any other version. */
  readonly text: string;
  /**
   * Written so recently that another write could still leave the same stamp (file systems keep times as coarsely as
   * the kernel ticks): look again in a moment.
   */
  readonly young: boolean;
}

/** Far above any chain with key; what is larger is no certificate. Bytes. */
export const LARGEST_FILE = 1024 * 1024;
/** Milliseconds; kernels tick every 1 to 16. */
const YOUNG = 50;
/** Opening a pipe must not wait for its other end. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The stamp of a pair. The error says in words what is in the way. */
export async function stampOf({ cert, key }: PairPaths): Promise<Result<PairStamp, string>> {
  const seen = [];
  let youngest = 0;
  for (const [path, what] of [
    [cert, 'it'],
    [key, 'its key'],
  ] as const) {
    try {
      const found = await stat(path, { bigint: true });
      seen.push(found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs);
      youngest = Math.max(youngest, Number(found.ctimeMs), Number(found.mtimeMs));
    } catch (error) {
      return err(accessReason(error, what));
    }
  }
  return ok({ text: seen.join(' '), young: Math.abs(Date.now() - youngest) < YOUNG });
}

/** Reads a pair. The error says in words, to follow "cannot be used:", what is in the way. */
export async function readPair({ cert, key }: PairPaths): Promise<Result<PairTexts, string>> {
  const certFile = await readSmall(cert, 'it');
  if (!certFile.ok) return certFile;
  const keyFile = await readSmall(key, 'its key');
  if (!keyFile.ok) return keyFile;
  const keyIsOpen = process.platform !== 'win32' && (keyFile.value.mode & 0o004) !== 0;
  return ok({ cert: certFile.value.text, key: keyFile.value.text, keyIsOpen });
}

async function readSmall(path: string, what: string): Promise<Result<{ text: string; mode: number }, string>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, OPEN_FLAGS);
    const found = await file.stat();
    if (!found.isFile()) return err(`${what} is not a file`);
    if (found.size > LARGEST_FILE) return err(`${what} is larger than 1 MiB`);
    // One byte more than it should hold, for a file that grows meanwhile.
    const buffer = Buffer.alloc(found.size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0) break;
      if (length === buffer.length) return err(`${what} is being written`);
    }
    return ok({ text: buffer.toString('latin1', 0, length), mode: found.mode });
  } catch (error) {
    return err(accessReason(error, what));
  } finally {
    await file?.close();
  }
}

/** Why a file or folder cannot be used, in words that begin with `what`. */
export function accessReason(error: unknown, what: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return `${what} is missing`;
  if (code === 'EACCES' || code === 'EPERM') return `${what} may not be read`;
  return `${what} cannot be read (${code === '' ? String(error) : code})`;
}
