import { Duplex } from 'node:stream';
import type { TunnelStream } from '../../shared/node/stream.ts';
import { RESET } from '../../shared/wire/codes.ts';

/** A stream of a tunnel as a Duplex, for protocol code that wants one. Bytes are copied, once each way. */
export class TunnelDuplex extends Duplex {
  readonly #stream: TunnelStream;
  #blocked: (() => void) | undefined;
  /** Bytes that came and whose credit was not returned: nobody reads just now. */
  #owed = 0;
  #held: Buffer[] = [];
  #holding = false;
  #ended = false;

  constructor(stream: TunnelStream) {
    super({ allowHalfOpen: true, highWaterMark: 64 * 1024 });
    this.#stream = stream;
  }

  /** Takes in `buffer[start, end)`, which came from the tunnel. */
  feed(buffer: Buffer, start: number, end: number): void {
    const copy = Buffer.from(buffer.subarray(start, end));
    if (this.#holding) this.#held.push(copy);
    else this.#take(copy);
  }

  #take(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#owed += bytes.length;
    if (this.push(bytes)) this.#pay();
  }

  /** Keeps what comes from its reader, whose sender then runs out of credit; or hands it on again. */
  hold(holding: boolean): void {
    this.#holding = holding;
    while (!this.#holding) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#take(bytes);
    }
    if (!this.#holding && this.#ended) this.push(null);
  }

  /** The other side sends no more. */
  feedEnd(): void {
    this.#ended = true;
    if (!this.#holding) this.push(null);
  }

  /** The tunnel takes bytes again. */
  drain(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.();
  }

  #pay(): void {
    const owed = this.#owed;
    this.#owed = 0;
    if (owed > 0) this.#stream.consumed(owed);
  }

  override _read(): void {
    this.#pay();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#stream.write(bytes);
    if (this.#stream.writable) done();
    else this.#blocked = done;
  }

  override _final(done: () => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#held = [];
    this.#stream.reset(RESET.CANCELLED);
    done(error);
  }
}
