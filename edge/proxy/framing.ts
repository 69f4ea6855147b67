import { ChunkScanner, type DataSink } from './chunked.ts';

/** How the end of a body is known (RFC 9112 section 6.3). */
export const FRAMING = { NONE: 0, LENGTH: 1, CHUNKED: 2, CLOSE: 3 } as const;
export type Framing = (typeof FRAMING)[keyof typeof FRAMING];

/** Finds the end of one message body in bytes that arrive in any pieces. */
export class BodyReader {
  readonly framing: Framing;
  readonly chunks: ChunkScanner | undefined;
  #remaining: number;
  #seen = 0;
  #closed = false;

  /** `length` counts for LENGTH only; `sink` takes the data of CHUNKED bodies whose chunks are not passed on. */
  constructor(framing: Framing, length: number, sink?: DataSink) {
    this.framing = framing;
    this.#remaining = framing === FRAMING.LENGTH ? length : 0;
    this.chunks = framing === FRAMING.CHUNKED ? new ChunkScanner(sink) : undefined;
  }

  get done(): boolean {
    if (this.chunks !== undefined) return this.chunks.done;
    return this.framing === FRAMING.CLOSE ? this.#closed : this.#remaining === 0;
  }

  get failed(): boolean {
    return this.chunks?.failed === true;
  }

  /** Bytes of the body seen, framing excluded. */
  get dataBytes(): number {
    return this.chunks === undefined ? this.#seen : this.chunks.dataBytes;
  }

  /** Bytes of data still to come, where that is known. */
  get remaining(): number | undefined {
    return this.framing <= FRAMING.LENGTH ? this.#remaining : undefined;
  }

  /** Reads `buffer[start, end)`; returns the index after the last byte that belongs to the body. */
  scan(buffer: Buffer, start: number, end: number): number {
    if (this.chunks !== undefined) return this.chunks.scan(buffer, start, end);
    const stop = this.framing === FRAMING.CLOSE ? end : Math.min(end, start + this.#remaining);
    this.#seen += stop - start;
    if (this.framing === FRAMING.LENGTH) this.#remaining -= stop - start;
    return stop;
  }

  /** The sender closed: the end of a CLOSE body, a broken one in any other framing. Returns whether it is whole. */
  close(): boolean {
    this.#closed = true;
    return this.done;
  }
}
