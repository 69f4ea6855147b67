import { returnRoom, SLAB_SIZE, takeRoom } from './buffers.ts';

/** Bytes in a row, with room for more behind them. */
interface Piece {
  readonly room: Buffer;
  length: number;
}

/** What was written to a stream and could not leave yet: copies, in their order. */
export class Backlog {
  readonly #pieces: Piece[] = [];
  /** How much of the first one has left. */
  #at = 0;
  /** Bytes. */
  length = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    const last = this.#pieces.at(-1);
    const some = last === undefined ? 0 : Math.min(end - start, last.room.length - last.length);
    if (last !== undefined && some > 0) put(last, bytes, start, start + some);
    if (start + some < end) {
      // As much again as there is: a writer of single bytes must not cost an object for each.
      const room = takeRoom(Math.max(end - start - some, Math.min(this.length, SLAB_SIZE)));
      const piece = { room, length: 0 };
      put(piece, bytes, start + some, end);
      this.#pieces.push(piece);
    }
    this.length += end - start;
  }

  /**
   * Offers up to `most` bytes to `send`, which returns where in them it stopped; with less than it was offered it takes
   * no more. Returns how many have left.
   */
  drain(most: number, send: (bytes: Uint8Array, start: number, end: number) => number): number {
    let sent = 0;
    while (sent < most) {
      const [first] = this.#pieces;
      if (first === undefined) break;
      const { length } = first;
      const end = Math.min(length, this.#at + most - sent);
      const stop = send(first.room, this.#at, end);
      sent += stop - this.#at;
      this.#at = stop;
      if (stop < end) break;
      if (stop < length) continue;
      this.#at = 0;
      this.#pieces.shift();
      returnRoom(first.room);
    }
    this.length -= sent;
    return sent;
  }

  /** Drops it all. */
  clear(): void {
    for (const { room } of this.#pieces) returnRoom(room);
    this.#pieces.length = 0;
    this.#at = 0;
    this.length = 0;
  }
}

function put(piece: Piece, bytes: Uint8Array, start: number, end: number): void {
  const { room, length } = piece;
  room.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), length);
  piece.length = length + end - start;
}
