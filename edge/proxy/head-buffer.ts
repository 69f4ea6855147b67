import { HEAD_LIMIT } from './limits.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Where a head ends: the index after its empty line, or that it goes on, is too large, or can't be one. */
export type HeadEnd = number | 'more' | 'too_large' | 'malformed';

/**
 * Looks for the end of a head in `buffer[start, end)`, of which the bytes before `from` were searched already; it may
 * have `limit` bytes.
 */
export function findHeadEnd(buffer: Buffer, start: number, end: number, from: number, limit = HEAD_LIMIT): HeadEnd {
  const stop = endOfEmptyLine(buffer, Math.max(start, from - 3), Math.min(end, start + limit));
  if (stop >= 0) return stop;
  if (end - start > limit) return 'too_large';
  return hasBareLf(buffer, start, end, from) ? 'malformed' : 'more';
}

/**
 * The index after the first CR LF CR LF in `buffer[start, end)`; -1 without. Horspool's way: the last byte of a window
 * tells how far the next one may be off, so most bytes are never looked at. Half the cost of crossing into C++ for it.
 */
function endOfEmptyLine(buffer: Buffer, start: number, end: number): number {
  for (let at = start + 3; at < end; ) {
    const last = buffer[at];
    if (last === LF) {
      if (buffer[at - 2] === LF && buffer[at - 1] === CR && buffer[at - 3] === CR) return at + 1;
      at += 2;
    } else at += last === CR ? 1 : 4;
  }
  return -1;
}

/** A head that will never end: found at once, not when its time is up. */
function hasBareLf(buffer: Buffer, start: number, end: number, from: number): boolean {
  for (let at = buffer.indexOf(LF, from); at >= 0 && at < end; at = buffer.indexOf(LF, at + 1))
    if (at === start || buffer[at - 1] !== CR) return true;
  return false;
}

/**
 * Bytes that came before they could be used: a head in more than one piece, requests before their turn. Grows by
 * doubling; whoever appends keeps it bounded.
 */
export class HeadBuffer {
  #bytes = Buffer.allocUnsafe(2048);
  /** The bytes before this index are done with. Without copying the rest each time: there may be a thousand requests. */
  start = 0;
  /** The index after the last byte. */
  length = 0;

  get bytes(): Buffer {
    return this.#bytes;
  }

  append(buffer: Buffer, start: number, end: number): void {
    const more = end - start;
    if (this.length + more > this.#bytes.length) {
      const need = this.length - this.start + more;
      const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, this.start, this.length);
      this.#bytes = grown;
      this.length -= this.start;
      this.start = 0;
    }
    buffer.copy(this.#bytes, this.length, start, end);
    this.length += more;
  }
}
