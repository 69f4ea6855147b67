import type { Socket } from 'node:net';
import type { Lease } from '../../shared/node/stream.ts';

/** Pieces up to this many bytes are copied behind the text before them, so that both leave in one write. */
const COPY_LIMIT = 16 * 1024;
/** Slices of read buffers on loan to all visitors' sockets together; beyond it, bytes are copied. */
const LOANS = 64;

let loans = 0;

/**
 * The writing side of a visitor's socket. Credit for an origin's bytes is given back (`onFlushed`) when the system has
 * taken them, so a slow visitor holds no more than one stream's window.
 */
export class Outlet {
  readonly #socket: Socket;
  readonly #onFlushed: (owed: number) => void;
  readonly #written: () => void;
  #owed = 0;
  /** Bytes handed to the socket so far. */
  bytes = 0;

  /** `onFlushed` comes when nothing is left to write, with the number of the origin's bytes that went. */
  constructor(socket: Socket, onFlushed: (owed: number) => void) {
    this.#socket = socket;
    this.#onFlushed = onFlushed;
    this.#written = () => {
      if (this.#socket.writableLength === 0) this.#flushed();
    };
  }

  /** Bytes that the system has not taken yet. */
  get pending(): number {
    return this.#socket.writableLength;
  }

  /** Credit owed for bytes that are still on their way; the caller settles it in another way. */
  takeOwed(): number {
    const owed = this.#owed;
    this.#owed = 0;
    return owed;
  }

  /** Writes `text` as Latin-1. */
  text(text: string): void {
    this.bytes += text.length;
    this.#socket.write(text, 'latin1', this.#written);
  }

  /** Writes `head` as Latin-1, `buffer[start, end)`, and `tail` as Latin-1. */
  piece(head: string, buffer: Buffer, start: number, end: number, lease: Lease | undefined, tail: string): void {
    const length = end - start;
    this.bytes += head.length + length + tail.length;
    if (length <= COPY_LIMIT || lease === undefined || loans >= LOANS || this.#socket.writableLength > 0)
      this.#writeCopy(head, buffer, start, end, tail);
    else this.#writeLoan(head, buffer.subarray(start, end), lease, tail);
  }

  /** Notes that credit of `count` bytes is due once all that was written before has gone. */
  owe(count: number): void {
    this.#owed += count;
    if (this.#socket.writableLength === 0) this.#flushed();
  }

  #writeCopy(head: string, buffer: Buffer, start: number, end: number, tail: string): void {
    const length = end - start;
    const all = Buffer.allocUnsafe(head.length + length + tail.length);
    if (head !== '') all.write(head, 0, 'latin1');
    if (length > 0) buffer.copy(all, head.length, start, end);
    if (tail !== '') all.write(tail, head.length + length, 'latin1');
    this.#socket.write(all, this.#written);
  }

  #writeLoan(head: string, bytes: Buffer, lease: Lease, tail: string): void {
    loans++;
    lease.hold();
    const socket = this.#socket;
    socket.cork();
    if (head !== '') socket.write(head, 'latin1');
    socket.write(bytes, () => {
      loans--;
      lease.release();
      this.#written();
    });
    if (tail !== '') socket.write(tail, 'latin1');
    socket.uncork();
  }

  #flushed(): void {
    const owed = this.#owed;
    this.#owed = 0;
    this.#onFlushed(owed);
  }
}
