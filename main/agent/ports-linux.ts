import { open, readdir, readFile, readlink } from 'node:fs/promises';
import type { ListeningSocket, SocketScan } from './listening-socket.ts';
import { isEdge, nameProcess } from './process-name.ts';

/** A row of `/proc/net/tcp` or `tcp6` in state LISTEN. */
export interface ProcSocket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** The kernel lists listening sockets first: this much holds thousands of them, however many connections there are. */
const TABLE_BYTES = 1024 * 1024;
/** A socket whose process was not found is looked for again after this many milliseconds, and so many times in all. */
const LOOK_AGAIN = 30_000;
const LOOKS = 3;
const LISTEN = '0A';
/** Longer than a row of either table. */
const ROW_BYTES = 256;

/**
 * Reads the listening rows of `/proc/net/tcp` or `tcp6` (proc(5)). Addresses are 32-bit words in host order. A busy
 * machine has tens of thousands of other rows: they are passed over without being looked at.
 */
export function parseProcNet(text: string): ProcSocket[] {
  const rows: ProcSocket[] = [];
  for (let at = text.indexOf(` ${LISTEN} `); at >= 0; at = text.indexOf(` ${LISTEN} `, at + 1)) {
    const end = text.indexOf('\n', at);
    const line = text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? text.length : end);
    const fields = line.trim().split(/\s+/);
    const [address, port] = (fields[1] ?? '').split(':');
    const inode = fields[9];
    if (fields[3] !== LISTEN || address === undefined || port === undefined || inode === undefined) continue;
    const readable = address.length === 8 ? ipv4(address) : address.length === 32 ? ipv6(address) : undefined;
    if (readable !== undefined) rows.push({ address: readable, port: Number.parseInt(port, 16), inode });
  }
  return rows;
}

/** The bytes of one little-endian word of hex, in network order. */
const wordBytes = (hex: string): number[] => [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

const ipv4 = (hex: string): string => wordBytes(hex).join('.');

function ipv6(hex: string): string {
  const bytes = [0, 8, 16, 24].flatMap((at) => wordBytes(hex.slice(at, at + 8)));
  if (bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255)
    return `::ffff:${bytes.slice(12).join('.')}`;
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  // The URL parser knows the canonical spelling (RFC 5952).
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

type Owner = Pick<ListeningSocket, 'process' | 'edge'> & { readonly pid: number };

/** Its process belongs to another user, most likely, which won't change; or it was just being started. */
interface Missing {
  readonly looks: number;
  readonly lookedAt: number;
}

/**
 * A scan over `/proc`. Which process holds a socket is looked up once a socket (the costly part: every descriptor of
 * every process that this user may look into); processes of other users stay unknown.
 */
export function createLinuxScan(now: () => number = Date.now, root = '/proc'): SocketScan {
  let owners = new Map<string, Owner | Missing>();

  async function lookUp(wanted: Set<string>, signal: AbortSignal): Promise<void> {
    // Newest processes first: a socket that is new belongs to one of them.
    const processes = (await readdir(root))
      .filter((entry) => /^\d+$/.test(entry))
      .sort((a, b) => Number(b) - Number(a));
    for (const entry of processes) {
      if (wanted.size === 0 || signal.aborted) return;
      const held = await socketsOf(`${root}/${entry}`, wanted);
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
    const tables = await Promise.all([readTable(`${root}/net/tcp`), readTable(`${root}/net/tcp6`)]);
    const rows = tables.flatMap((text) => parseProcNet(text ?? ''));
    if (tables[0] === undefined && tables[1] === undefined) throw new Error('/proc/net cannot be read');
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

/** The head of a table; `undefined` when it isn't there (a system without IPv6 has no `tcp6`). */
async function readTable(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(TABLE_BYTES);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      // What listens comes first: once a whole row says something else, the rest is connections.
      const last = buffer.toString('latin1', Math.max(0, length - 2 * ROW_BYTES), length);
      if (bytesRead === 0 || (length > 2 * ROW_BYTES && !last.includes(` ${LISTEN} `))) break;
    }
    return buffer.toString('latin1', 0, length);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/** Which of the `wanted` socket inodes the process holds. A process that ended or is another user's holds none. */
async function socketsOf(process: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const descriptors = await readdir(`${process}/fd`).catch(() => []);
  const found = [];
  for (const descriptor of descriptors) {
    const link = await readlink(`${process}/fd/${descriptor}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    if (inode !== undefined && wanted.has(inode)) found.push(inode);
  }
  return found;
}

async function describe(process: string): Promise<Pick<ListeningSocket, 'process' | 'edge'>> {
  const [command, line] = await Promise.all(
    ['comm', 'cmdline'].map((file) => readFile(`${process}/${file}`, 'utf8').catch(() => '')),
  );
  const args = (line ?? '').split('\0');
  while (args.at(-1) === '') args.pop();
  const name = nameProcess(command, args);
  return { ...(name === undefined ? {} : { process: name }), ...(isEdge(args) ? { edge: true } : {}) };
}
