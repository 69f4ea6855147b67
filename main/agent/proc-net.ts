/** The kernel's tables of TCP sockets under `/proc/net` (proc(5)). */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** A row of `/proc/net/tcp` or `tcp6` in state LISTEN. */
export interface ProcSocket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** The kernel lists listening sockets first: this much holds thousands of them, however many connections there are. */
const TABLE_BYTES = 1024 * 1024;
/** What most machines need of it. */
const USUAL_BYTES = 16 * 1024;
/** A read that isn't the last one yields about this much: the kernel fills a page with whole rows. */
const PAGE_BYTES = 4096;
/** Longer than a row of either table. */
const ROW_BYTES = 256;
const LISTEN = '0A';
/** Milliseconds after which a table is read even if it has as many sockets as before. */
const BELIEVED = 10_000;

/**
 * Reads the listening rows of `/proc/net/tcp` or `tcp6`. Addresses are 32-bit words in host order. A busy machine has
 * tens of thousands of other rows: they are passed over without being looked at.
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

/**
 * One of the two tables, read only when it may say something new. To list it the kernel looks through the hash table
 * of all connections, which is as large as the machine's memory deserves (0.7 ms here, with 20 sockets in it); how
 * many sockets there are it simply knows. So while that number stays the table is believed, for ten seconds.
 */
export class SocketTable {
  readonly #table: string;
  readonly #summary: string;
  readonly #count: RegExp;
  #known:
    | { readonly rows: readonly ProcSocket[]; readonly count: number | undefined; readonly readAt: number }
    | undefined;

  /** `root` is where proc(5) is mounted. */
  constructor(root: string, family: 'tcp' | 'tcp6') {
    this.#table = `${root}/net/${family}`;
    this.#summary = `${root}/net/${family === 'tcp' ? 'sockstat' : 'sockstat6'}`;
    this.#count = family === 'tcp' ? /^TCP: inuse (\d+)/m : /^TCP6: inuse (\d+)/m;
  }

  /** What listens. `now` in monotonic ms; `undefined` without such a table (a system without IPv6 has no `tcp6`). */
  async listening(now: number): Promise<readonly ProcSocket[] | undefined> {
    const count = this.#inUse();
    const known = this.#known;
    if (known !== undefined && count !== undefined && count === known.count && now - known.readAt < BELIEVED)
      return known.rows;
    // Taken before the table is read: what comes in between shows as another number the next time.
    const text = count === 0 ? '' : await readTable(this.#table);
    this.#known = text === undefined ? undefined : { rows: parseProcNet(text), count, readAt: now };
    return this.#known?.rows;
  }

  /** The number of sockets, connected ones too; `undefined` when the kernel won't say. */
  #inUse(): number | undefined {
    try {
      // At once: the kernel has it in memory, and the way through the thread pool would cost more than the look.
      const digits = this.#count.exec(readFileSync(this.#summary, 'latin1'))?.[1];
      return digits === undefined ? undefined : Number(digits);
    } catch {
      return undefined;
    }
  }
}

/** The head of a table; `undefined` when it isn't there. */
async function readTable(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    let buffer = Buffer.allocUnsafe(USUAL_BYTES);
    let length = 0;
    while (length < TABLE_BYTES) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, TABLE_BYTES));
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      // What listens comes first: once a whole row says something else, the rest is connections. To be told that
      // there is no more would cost another look through all of them.
      const last = buffer.toString('latin1', Math.max(0, length - 2 * ROW_BYTES), length);
      const connections = length > 2 * ROW_BYTES && !last.includes(` ${LISTEN} `);
      if (connections || (bytesRead < PAGE_BYTES - ROW_BYTES && length < buffer.length)) break;
    }
    return buffer.toString('latin1', 0, length);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
