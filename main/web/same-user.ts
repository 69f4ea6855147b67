import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;

/**
 * The user id that owns the local end `port` of a connection to `serverPort` on loopback, from the text of a table in
 * the form of proc(5), `/proc/net/tcp`; `undefined` when it isn't there.
 */
export function ownerIn(table: string, port: number, serverPort: number): number | undefined {
  const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , uid] = line.trim().split(/\s+/);
    // Both ends are on loopback, and the server listens on one address: the two ports tell the connection.
    if (local?.endsWith(`:${hex(port)}`) === true && remote?.endsWith(`:${hex(serverPort)}`) === true)
      return Number(uid);
  }
  return undefined;
}

/**
 * Whether the program at the other end of a loopback connection is known to run as another user than this one. Only
 * Linux tells; elsewhere nobody is known to.
 */
export function isOtherUser(socket: Pick<Socket, 'localPort' | 'remotePort'>): boolean {
  const { localPort, remotePort } = socket;
  if (process.platform !== 'linux' || localPort === undefined || remotePort === undefined) return false;
  for (const path of TABLES) {
    try {
      const owner = ownerIn(readFileSync(path, 'latin1'), remotePort, localPort);
      if (owner !== undefined) return owner !== process.getuid?.();
    } catch {
      // No IPv6, or no proc: nothing is known from this one.
    }
  }
  return false;
}
