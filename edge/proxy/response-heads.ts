import { findHeadEnd, HeadBuffer } from './head-buffer.ts';
import type { KnownHeads } from './known-heads.ts';
import type { ResponseHead } from './response-head.ts';

/** How every status line begins. */
const PROTOCOL = Buffer.from('HTTP/1.');

/** Finds response heads, interim and final, in bytes that arrive in any pieces. */
export class ResponseHeads {
  readonly #known: KnownHeads<ResponseHead, undefined>;
  #kept: HeadBuffer | undefined;
  /** Where the bytes that are being read are kept, if they are. */
  #reading: HeadBuffer | undefined;
  #searched = 0;
  /** After `add`: the bytes to read, and whether they are a copy rather than the ones added. */
  buffer: Buffer = PROTOCOL;
  at = 0;
  end = 0;
  copied = false;

  constructor(known: KnownHeads<ResponseHead, undefined>) {
    this.#known = known;
  }

  /** Takes in `buffer[start, end)`; call `next` until it yields no head. */
  add(buffer: Buffer, start: number, end: number): void {
    const kept = this.#kept;
    this.#reading = kept;
    this.copied = kept !== undefined;
    if (kept === undefined) {
      [this.buffer, this.at, this.end, this.#searched] = [buffer, start, end, start];
      return;
    }
    this.#kept = undefined;
    const seen = kept.length - kept.start;
    kept.append(buffer, start, end);
    [this.buffer, this.at, this.end, this.#searched] = [kept.bytes, kept.start, kept.length, kept.start + seen];
  }

  /**
   * The next head; `at` is then the index after it. 'more' when it isn't whole yet (it is kept), 'bad' when it is none.
   */
  next(): ResponseHead | 'more' | 'bad' {
    const { buffer, at, end } = this;
    if (at === end) return 'more';
    const stop = findHeadEnd(buffer, at, end, Math.max(at, this.#searched));
    if (stop === 'more' && looksLikeResponse(buffer, at, end)) {
      this.#keep(buffer, at, end);
      this.at = end;
      return 'more';
    }
    if (typeof stop !== 'number') return 'bad';
    this.at = stop;
    return this.#known.read(buffer, at, stop - 2) ?? 'bad';
  }

  /** Keeps what is kept where it is: copied anew for each piece, a head in single bytes would cost its size squared. */
  #keep(buffer: Buffer, at: number, end: number): void {
    const kept = this.#reading ?? new HeadBuffer();
    if (this.#reading === undefined) kept.append(buffer, at, end);
    else kept.start = at;
    this.#kept = kept;
  }
}

/** What isn't HTTP is told at once, not when its end is due: an SSH banner has no empty line. */
function looksLikeResponse(buffer: Buffer, start: number, end: number): boolean {
  const length = Math.min(end - start, PROTOCOL.length);
  return buffer.compare(PROTOCOL, 0, length, start, start + length) === 0;
}
