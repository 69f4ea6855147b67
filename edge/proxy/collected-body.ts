import { BodyReader, FRAMING } from './framing.ts';
import type { RequestBody } from './request-body.ts';

/** A request body that a stage of ours has asked for: kept up to a bound, passed on to nobody. */
export class CollectedBody extends BodyReader implements Pick<RequestBody, 'pass' | 'finish'> {
  withheld: ReadonlySet<string> | undefined;
  readonly #limit: number;
  readonly #pieces: Buffer[];

  /** In place of `body`, of which nothing was read yet. */
  constructor(body: BodyReader, limit: number) {
    const pieces: Buffer[] = [];
    const keep = (buffer: Buffer, start: number, end: number): void => {
      pieces.push(Buffer.from(buffer.subarray(start, end)));
    };
    super(body.framing, body.remaining ?? 0, keep);
    this.#limit = limit;
    this.#pieces = pieces;
  }

  /** More has come, or was announced, than is taken. */
  get tooLarge(): boolean {
    return this.dataBytes + (this.remaining ?? 0) > this.#limit;
  }

  override scan(buffer: Buffer, start: number, end: number): number {
    const stop = super.scan(buffer, start, end);
    if (this.framing !== FRAMING.CHUNKED && stop > start) this.#pieces.push(Buffer.from(buffer.subarray(start, stop)));
    // What can't be used any more is not kept either.
    if (this.tooLarge) this.#pieces.length = 0;
    return stop;
  }

  /** All of it. */
  take(): Buffer {
    return Buffer.concat(this.#pieces.splice(0));
  }

  pass(): void {}

  finish(): void {}
}
