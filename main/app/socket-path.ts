import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, the final zero included. */
const LONGEST = 103;

/**
 * Where the app of `home` listens for the command line. Normally `agent.sock` in it; a home whose path is too long
 * for a Unix socket gets `porthole-UID-HASH/agent.sock` in the folder for temporary files; Windows has named pipes.
 */
export function socketPath(home: string, platform: NodeJS.Platform = process.platform): string {
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16);
  if (platform === 'win32') return `\\\\.\\pipe\\porthole-${hash}`;
  const path = join(home, 'agent.sock');
  if (Buffer.byteLength(path) <= LONGEST) return path;
  return join(tmpdir(), `porthole-${userInfo().uid}-${hash}`, 'agent.sock');
}
