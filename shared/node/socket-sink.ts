import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Lease } from './stream.ts';

/** Slices below this are copied when the socket is busy: not worth keeping 512 KiB on loan for. */
const WORTH_HOLDING = 4 * 1024;
/** Slices from here up are gathered for the rest of the turn, so that one system call takes them all. */
const WORTH_CORKING = 8 * 1024;

/** Whoever is told that bytes are out of the way; a `TunnelStream` fits. */
export interface Consumer {
  consumed(n: number): void;
}

/**
 * Writes bytes on loan to a socket without copying them where that pays, and tells their owner once the system has
 * taken them. Memory stays bounded by the owner's credit: nothing is `consumed` before it is out.
 */
export interface SocketSink {
  /**
   * Writes `buffer[start, end)`. `owner.consumed(end - start)` follows exactly once: during the call, later, or when
   * the socket dies. Without `lease` the bytes must stay unchanged until then. After `end` or death: consumed at once.
   */
  write(buffer: Buffer, start: number, end: number, lease: Lease | undefined, owner: Consumer): void;
  /** Writes all of `bytes`, which nobody changes any more. `owner.consumed(credit)` follows as in `write`. */
  writeWhole(bytes: Buffer, credit: number, owner: Consumer): void;
  /** Half-closes after what was written. */
  end(): void;
  /** Bytes that the system hasn't taken yet. */
  readonly pending: number;
}

interface Debt {
  readonly owner: Consumer;
  readonly bytes: number;
  readonly lease: Lease | undefined;
}

/** A sink for `socket`, which may still be connecting. `onDrained` is called when `pending` falls back to 0. */
export const createSocketSink = (socket: Socket, onDrained?: () => void): SocketSink => new Sink(socket, onDrained);

/** The debts of whoever has none. Never written to. */
const NONE: Debt[] = [];

class Sink implements SocketSink {
  readonly #socket: Socket;
  readonly #onDrained: (() => void) | undefined;
  /** A TLS write completes later, always; a TCP write most often at once. */
  readonly #async: boolean;
  /** Made when first needed: most connections never have a write that completes later. */
  #settled: (() => void) | undefined;
  #uncork: (() => void) | undefined;
  /** In the order of the writes, which is the order in which they complete. */
  #debts: Debt[] = NONE;
  #next = 0;
  #corked = false;

  constructor(socket: Socket, onDrained: (() => void) | undefined) {
    this.#socket = socket;
    this.#onDrained = onDrained;
    this.#async = socket instanceof TLSSocket;
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  write(buffer: Buffer, start: number, end: number, lease: Lease | undefined, owner: Consumer): void {
    const socket = this.#socket;
    const length = end - start;
    if (!socket.writable || length <= 0) {
      owner.consumed(length);
      return;
    }
    const busy = socket.writableLength > 0;
    if (length >= WORTH_CORKING) this.#cork();
    if (this.#async || busy || this.#corked) {
      const copy = lease !== undefined && (socket.connecting || lease.scarce || (busy && length < WORTH_HOLDING));
      const bytes = copy ? Buffer.from(buffer.subarray(start, end)) : buffer.subarray(start, end);
      this.#owe({ owner, bytes: length, lease: copy ? undefined : lease });
      socket.write(bytes, this.#onSettled());
      return;
    }
    this.#writeNow(buffer.subarray(start, end), length, lease, owner);
  }

  writeWhole(bytes: Buffer, credit: number, owner: Consumer): void {
    const socket = this.#socket;
    if (!socket.writable) {
      owner.consumed(credit);
    } else if (this.#async || this.#corked || socket.writableLength > 0) {
      this.#owe({ owner, bytes: credit, lease: undefined });
      socket.write(bytes, this.#onSettled());
    } else {
      this.#writeNow(bytes, credit, undefined, owner);
    }
  }

  /** Most often the system takes all of it at once, and there is nothing to remember. */
  #writeNow(bytes: Buffer, credit: number, lease: Lease | undefined, owner: Consumer): void {
    const socket = this.#socket;
    socket.write(bytes);
    if (socket.writableLength === 0) {
      owner.consumed(credit);
      return;
    }
    this.#owe({ owner, bytes: credit, lease });
    socket.write('', this.#onSettled());
  }

  end(): void {
    this.#socket.end();
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    this.#uncork ??= () => this.#endTurn();
    process.nextTick(this.#uncork);
  }

  #endTurn(): void {
    this.#corked = false;
    this.#socket.uncork();
  }

  #onSettled(): () => void {
    if (this.#settled === undefined) {
      this.#settled = () => this.#settle();
      this.#socket.once('close', () => this.#settleAll());
    }
    return this.#settled;
  }

  #owe(debt: Debt): void {
    debt.lease?.hold();
    if (this.#debts === NONE) this.#debts = [debt];
    else this.#debts.push(debt);
  }

  #settle(): void {
    const debt = this.#debts[this.#next];
    if (debt === undefined) return;
    this.#next++;
    if (this.#next === this.#debts.length) {
      this.#debts = NONE;
      this.#next = 0;
    } else if (this.#next > 1024) {
      this.#debts = this.#debts.slice(this.#next);
      this.#next = 0;
    }
    debt.lease?.release();
    debt.owner.consumed(debt.bytes);
    if (this.#debts.length === 0) this.#onDrained?.();
  }

  /** The socket is gone: whatever it still held is nobody's business any more. */
  #settleAll(): void {
    while (this.#debts.length > 0) this.#settle();
  }
}
