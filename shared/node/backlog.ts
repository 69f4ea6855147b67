import { type BorrowedCopy, borrowCopy, returnCopy } from './buffers.ts';

/** What was written to a stream and could not leave yet: copies, in their order. */
export class Backlog {
  readonly #copies: BorrowedCopy[] = [];
  /** How much of the first one has left. */
  #at = 0;
  /** Bytes. */
  length = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    this.#copies.push(borrowCopy(bytes, start, end));
    this.length += end - start;
  }

  /**
   * Offers up to `most` bytes to `send`, which returns where in them it stopped; with less than it was offered it takes
   * no more. Returns how many have left.
   */
  drain(most: number, send: (bytes: Uint8Array, start: number, end: number) => number): number {
    let sent = 0;
    while (sent < most) {
      const [first] = this.#copies;
      if (first === undefined) break;
      const { length } = first.bytes;
      const end = Math.min(length, this.#at + most - sent);
      const stop = send(first.bytes, this.#at, end);
      sent += stop - this.#at;
      this.#at = stop;
      if (stop < end) break;
      if (stop < length) continue;
      this.#at = 0;
      this.#copies.shift();
      returnCopy(first);
    }
    this.length -= sent;
    return sent;
  }

  /** Drops it all. */
  clear(): void {
    for (const copy of this.#copies) returnCopy(copy);
    this.#copies.length = 0;
    this.#at = 0;
    this.length = 0;
  }
}
