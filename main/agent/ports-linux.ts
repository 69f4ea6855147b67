import { readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../shared/node/clock.ts';
import type { ListeningSocket, SocketScan } from './listening-socket.ts';
import { SocketTable } from './proc-net.ts';
import { isEdge, nameProcess } from './process-name.ts';

/** A socket whose process was not found is looked for again after this many milliseconds, and so many times in all. */
const LOOK_AGAIN = 30_000;
const LOOKS = 3;
/** Milliseconds that a look through the descriptors may keep the event loop to itself. */
const TURN = 4;

type Owner = Pick<ListeningSocket, 'process' | 'edge'> & { readonly pid: number };

/** Its process belongs to another user, most likely, which won't change; or it was just being started. */
interface Missing {
  readonly looks: number;
  readonly lookedAt: number;
}

/**
 * A scan over `/proc`. Which process holds a socket is looked up once a socket (the costly part: every descriptor of
 * every process that this user may look into); processes of other users stay unknown. `now` in monotonic ms.
 */
export function createLinuxScan(now: () => number = systemClock.monotonic, root = '/proc'): SocketScan {
  const [tcp, tcp6] = [new SocketTable(root, 'tcp'), new SocketTable(root, 'tcp6')];
  let owners = new Map<string, Owner | Missing>();

  async function lookUp(wanted: Set<string>, signal: AbortSignal): Promise<void> {
    // Newest processes first: a socket that is new belongs to one of them.
    const processes = list(root)
      .filter((entry) => /^\d+$/.test(entry))
      .sort((a, b) => Number(b) - Number(a));
    const turn = createTurn(now);
    for (const entry of processes) {
      await turn();
      if (wanted.size === 0 || signal.aborted) return;
      const held = await socketsOf(`${root}/${entry}`, wanted, turn);
      if (held.length === 0) continue;
      const owner = { pid: Number(entry), ...(await describe(`${root}/${entry}`)) };
      for (const inode of held) {
        owners.set(inode, owner);
        wanted.delete(inode);
      }
    }
    for (const inode of wanted) {
      const known = owners.get(inode);
      const looks = known !== undefined && 'looks' in known ? known.looks + 1 : 1;
      owners.set(inode, { looks, lookedAt: now() });
    }
  }

  return async (signal) => {
    const tables = await Promise.all([tcp.listening(now()), tcp6.listening(now())]);
    if (tables[0] === undefined && tables[1] === undefined) throw new Error('/proc/net cannot be read');
    const rows = tables.flatMap((listening) => listening ?? []);
    const listed = new Set(rows.map((row) => row.inode));
    owners = new Map([...owners].filter(([inode]) => listed.has(inode)));
    const wanted = new Set(
      [...listed].filter((inode) => {
        const known = owners.get(inode);
        if (known === undefined) return true;
        return 'looks' in known && known.looks < LOOKS && now() - known.lookedAt >= LOOK_AGAIN;
      }),
    );
    if (wanted.size > 0) await lookUp(wanted, signal);
    return rows.map((row): ListeningSocket => {
      const owner = owners.get(row.inode);
      if (owner === undefined || 'looks' in owner) return { address: row.address, port: row.port };
      return { address: row.address, port: row.port, ...owner };
    });
  };
}

/** Called between two steps of a long look: gives way when it has lasted for `TURN`. */
type Turn = () => Promise<unknown> | undefined;

function createTurn(now: () => number): Turn {
  let end = now() + TURN;
  return () => {
    if (now() < end) return undefined;
    return nextTurn().then(() => {
      end = now() + TURN;
    });
  };
}

/**
 * Which of the `wanted` socket inodes the process holds. A process that ended or is another user's holds none. Links
 * are read at once: the kernel answers from memory, and through the thread pool each would cost eight times as much.
 */
async function socketsOf(process: string, wanted: ReadonlySet<string>, turn: Turn): Promise<string[]> {
  const found = [];
  for (const descriptor of list(`${process}/fd`)) {
    await turn();
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${process}/fd/${descriptor}`))?.[1];
    if (inode !== undefined && wanted.has(inode)) found.push(inode);
  }
  return found;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Read through the thread pool: a command line lies in the process's own memory, for which the kernel may wait. */
async function describe(process: string): Promise<Pick<ListeningSocket, 'process' | 'edge'>> {
  const [command, line] = await Promise.all(
    ['comm', 'cmdline'].map((file) => readFile(`${process}/${file}`, 'utf8').catch(() => '')),
  );
  const args = (line ?? '').split('\0');
  while (args.at(-1) === '') args.pop();
  const name = nameProcess(command, args);
  return { ...(name === undefined ? {} : { process: name }), ...(isEdge(args) ? { edge: true } : {}) };
}
