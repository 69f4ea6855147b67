import type { OutgoingHttpHeaders, ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2';
import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';

/** Pieces below this many bytes are copied: not worth keeping a read buffer on loan for. */
const WORTH_LENDING = 8 * 1024;

interface Debt {
  readonly owner: Consumer | undefined;
  readonly bytes: number;
  readonly lease: Lease | undefined;
}

/** The writing side of an HTTP/2 stream: bytes on loan leave as the visitor's windows allow, then the credit goes back. */
export class H2Outlet {
  readonly #stream: ServerHttp2Stream;
  readonly #settled = (): void => this.#settle();
  /** In the order of the writes, which is the order in which they complete. */
  readonly #debts: Debt[] = [];
  /** Bytes that have not left yet, and bytes that have. */
  pending = 0;
  left = 0;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.once('close', () => {
      while (this.#debts.length > 0) this.#settle();
    });
  }

  /** Whether a head sent now can reach the visitor. To HEAD, node:http2 has ended the writing side from the start. */
  get reachable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  /** Sends the head of an interim response. */
  inform(fields: OutgoingHttpHeaders): void {
    this.#try(() => this.#stream.additionalHeaders(fields));
  }

  /** Sends the head of the response. */
  respond(fields: OutgoingHttpHeaders, options: ServerStreamResponseOptions = {}): void {
    const all = { ...options, sendDate: false };
    this.#try(() => this.#stream.respond(fields, all));
  }

  /** node:http2 throws at heads that it finds unfit to be sent; which ones those are depends on its version. */
  #try(send: () => void): void {
    if (!this.reachable) return;
    try {
      send();
    } catch (error) {
      this.#stream.destroy(error instanceof Error ? error : undefined);
    }
  }

  /**
   * Writes `buffer[start, end)`, and ends the stream after it with `last`. `owner` is told once the bytes have left, or
   * never will. Without `lease` they must not change any more.
   */
  write(
    buffer: Buffer,
    start: number,
    end: number,
    lease: Lease | undefined,
    owner: Consumer | undefined,
    last = false,
  ): void {
    const bytes = end - start;
    if (bytes === 0 || !this.reachable || this.#stream.writableEnded) {
      if (bytes > 0) owner?.consumed(bytes);
      if (last) this.end();
      return;
    }
    const copy = lease !== undefined && (bytes < WORTH_LENDING || lease.scarce);
    if (!copy) lease?.hold();
    this.#debts.push({ owner, bytes, lease: copy ? undefined : lease });
    this.pending += bytes;
    const piece = copy ? Buffer.from(buffer.subarray(start, end)) : buffer.subarray(start, end);
    this.#stream.write(piece, this.#settled);
    if (last) this.#stream.end();
  }

  /** Ends the stream in order. Idempotent. */
  end(): void {
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  #settle(): void {
    const debt = this.#debts.shift();
    if (debt === undefined) return;
    this.pending -= debt.bytes;
    this.left += debt.bytes;
    debt.lease?.release();
    debt.owner?.consumed(debt.bytes);
  }
}
