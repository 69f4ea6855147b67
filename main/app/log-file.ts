import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of one file, and how many older ones are kept. */
const LARGEST = 2 * 1024 * 1024;
const KEPT = 4;
/** Bytes of the newest lines that diagnostics hold. */
const TAIL = 64 * 1024;

/** Where a log goes that stays within bounds on disk. */
export interface LogFile {
  /** Takes one line, its end included. What can't be written is lost: a log must not stop what it is about. */
  write(line: string): void;
  /** The newest lines. */
  tail(): string;
}

/** The log file `porthole.log` in the folder `logs` of `home`, readable by its owner only, with `porthole.1.log` … older. */
export function openLogFile(home: string): LogFile {
  const folder = join(home, 'logs');
  const path = (n: number): string => join(folder, n === 0 ? 'porthole.log' : `porthole.${n}.log`);
  let size = 0;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    size = existsSync(path(0)) ? statSync(path(0)).size : 0;
  } catch {
    // The next line tries again.
  }
  const rotate = (): void => {
    rmSync(path(KEPT), { force: true });
    for (let n = KEPT - 1; n >= 0; n--) if (existsSync(path(n))) renameSync(path(n), path(n + 1));
    size = 0;
  };
  return {
    write(line) {
      try {
        if (size + line.length > LARGEST) rotate();
        appendFileSync(path(0), line, { mode: 0o600 });
        size += Buffer.byteLength(line);
      } catch {
        // A full disk costs the log its lines and nobody anything else.
      }
    },
    tail() {
      try {
        const text = readFileSync(path(0), 'utf8');
        const newest = text.slice(-TAIL);
        // What a cut has left of a line is none.
        return newest.length === text.length ? text : newest.slice(newest.indexOf('\n') + 1);
      } catch {
        return '';
      }
    },
  };
}
