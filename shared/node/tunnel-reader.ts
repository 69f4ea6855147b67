import { BUFFER_SIZE, type ReadBuffer, takeReadBuffer } from './buffers.ts';
import type { ReadTarget } from './owned-read.ts';
import type { Lease } from './stream.ts';

/** Where all idle tunnels of the process read into: each read is copied on, at once, so one will do. */
const doorstep = Buffer.allocUnsafeSlow(64 * 1024);
/** Never promise the socket less room than this. */
const LEAST_ROOM = 64 * 1024;
/** A lone read below this is a ping-pong or a small request: handled at once rather than gathered. */
const SMALL = 4096;

export interface TunnelReaderEvents {
  onBytes(bytes: Buffer, start: number, end: number, lease: Lease): void;
  onEnd(): void;
  onError(error: Error): void;
  onClose(): void;
}

/**
 * The incoming side of a tunnel. Reads go into a large buffer on loan; what stays referenced after parsing keeps its
 * buffer, and reading goes on behind it or in another. TLS hands over records of 16 KiB one by one: those of a turn are
 * gathered and parsed together, so that a stream gets one slice, and its socket one write, instead of a dozen.
 *
 * The socket holds a pointer to where the next read goes, and that can only be moved from within a read. So what is
 * parsed at the end of a turn stays where it is, and the next read moves.
 */
export class TunnelReader implements ReadTarget {
  readonly #events: TunnelReaderEvents;
  readonly #gather: boolean;
  readonly #onTurn = (): void => this.#parseTurn();
  #loan: ReadBuffer | undefined;
  /** The loan from where the socket reads on; the doorstep while there is none. */
  #next = doorstep;
  /** Parsed up to here. */
  #start = 0;
  /** Read up to here. */
  #end = 0;
  #scheduled = false;
  #closed = false;
  /** Set to let go of the buffer at the next opportunity; the owner sets it when no stream is active. */
  quiet = true;

  constructor(encrypted: boolean, events: TunnelReaderEvents) {
    this.#gather = encrypted;
    this.#events = events;
  }

  buffer(): Buffer {
    return this.#next;
  }

  onRead(buffer: Buffer, length: number): boolean {
    if (this.#closed) {
      // Read on and drop: closing a socket with unread bytes resets it, and the peer would lose our last words.
      this.#letGo();
      return true;
    }
    this.#take(buffer, length);
    const lone = length < SMALL && this.#end - this.#start === length;
    if (!this.#gather || lone || BUFFER_SIZE - this.#end < LEAST_ROOM) {
      this.#parse();
      this.#move();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#onTurn);
    }
    if (this.#closed) this.#letGo();
    else this.#aim();
    return true;
  }

  onEnd(): void {
    this.#parse();
    this.#events.onEnd();
  }

  onError(error: Error): void {
    this.#parse();
    this.#events.onError(error);
  }

  onClose(): void {
    this.#parse();
    this.close();
    this.#letGo();
    this.#events.onClose();
  }

  /**
   * Hands out no more bytes. The buffer stays ours until the socket points elsewhere (in its next read) or is gone:
   * given back earlier, it could be another tunnel's when the socket writes into it.
   */
  close(): void {
    this.#closed = true;
  }

  #letGo(): void {
    this.#next = doorstep;
    this.#loan?.release();
    this.#loan = undefined;
  }

  #take(buffer: Buffer, length: number): void {
    let loan = this.#loan;
    if (loan === undefined) {
      loan = takeReadBuffer();
      this.#loan = loan;
      buffer.copy(loan.bytes, 0, 0, length);
      this.#start = 0;
      this.#end = length;
    } else if (this.#start > 0 && this.#start === this.#end && loan.sole) {
      // All before it is free again: cheaper to move one record to the front than to walk through cold memory.
      loan.bytes.copyWithin(0, this.#end, this.#end + length);
      this.#start = 0;
      this.#end = length;
    } else {
      this.#end += length;
    }
  }

  #parseTurn(): void {
    this.#scheduled = false;
    this.#parse();
  }

  #parse(): void {
    const loan = this.#loan;
    if (loan === undefined || this.#end === this.#start || this.#closed) return;
    const start = this.#start;
    this.#start = this.#end;
    this.#events.onBytes(loan.bytes, start, this.#end, loan);
  }

  /** Chooses where to read on after everything has been parsed. */
  #move(): void {
    const loan = this.#loan;
    if (loan === undefined) return;
    if (loan.sole) {
      this.#start = 0;
      this.#end = 0;
      if (!this.quiet) return;
      loan.release();
      this.#loan = undefined;
    } else if (BUFFER_SIZE - this.#end < LEAST_ROOM) {
      loan.release();
      this.#loan = takeReadBuffer();
      this.#start = 0;
      this.#end = 0;
    }
  }

  #aim(): void {
    if (this.#loan === undefined) this.#next = doorstep;
    else this.#next = this.#end === 0 ? this.#loan.bytes : this.#loan.bytes.subarray(this.#end);
  }
}
