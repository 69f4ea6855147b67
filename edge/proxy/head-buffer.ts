import { HEAD_LIMIT } from './limits.ts';

const END = Buffer.from('\r\n\r\n');
const LF = 0x0a;
const CR = 0x0d;

/** Where a head ends: the index after its empty line, or that it goes on, is too large, or can't be one. */
export type HeadEnd = number | 'more' | 'too_large' | 'malformed';

/**
 * Looks for the end of a head in `buffer[start, end)`, of which the bytes before `from` were searched already; it may
 * have `limit` bytes.
 */
export function findHeadEnd(buffer: Buffer, start: number, end: number, from: number, limit = HEAD_LIMIT): HeadEnd {
  const at = buffer.indexOf(END, Math.max(start, from - 3));
  if (at >= 0 && at + 4 <= end) return at + 4 - start > limit ? 'too_large' : at + 4;
  if (end - start > limit) return 'too_large';
  return hasBareLf(buffer, start, end, from) ? 'malformed' : 'more';
}

/** A head that will never end: found at once, not when its time is up. */
function hasBareLf(buffer: Buffer, start: number, end: number, from: number): boolean {
  for (let at = buffer.indexOf(LF, from); at >= 0 && at < end; at = buffer.indexOf(LF, at + 1))
    if (at === start || buffer[at - 1] !== CR) return true;
  return false;
}

/** Bytes of a head that came in more than one piece. Grows by doubling, up to the limit of a head and one read. */
export class HeadBuffer {
  #bytes = Buffer.allocUnsafe(2048);
  length = 0;

  get bytes(): Buffer {
    return this.#bytes;
  }

  append(buffer: Buffer, start: number, end: number): void {
    const need = this.length + end - start;
    if (need > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    buffer.copy(this.#bytes, this.length, start, end);
    this.length = need;
  }
}
