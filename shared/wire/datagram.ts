/**
 * Datagrams inside a stream: each is its length in two bytes, big endian, and then itself. Boundaries survive whatever
 * pieces the stream arrives in.
 */

/** Bytes of the longest datagram: what UDP over IPv4 can carry (RFC 768, less the IP header). */
export const MAX_DATAGRAM = 65_507;
/** Bytes in front of each. */
export const DATAGRAM_HEAD = 2;

/** Writes `datagram` with its length in front to the start of `into`; returns how many bytes that took. */
export function frameDatagram(datagram: Uint8Array, into: Uint8Array): number {
  if (datagram.length > MAX_DATAGRAM) throw new RangeError('datagram too long');
  into[0] = datagram.length >> 8;
  into[1] = datagram.length & 255;
  into.set(datagram, DATAGRAM_HEAD);
  return DATAGRAM_HEAD + datagram.length;
}

/** Cuts a stream into datagrams. Keeps at most one unfinished datagram. */
export class DatagramReader {
  #head = -1;
  #length = -1;
  #parts: Uint8Array | undefined;
  #filled = 0;

  /**
   * Takes `bytes[start, end)` and calls `take` with each datagram that they complete: a copy, the callee's to keep.
   * False when the stream announces a datagram that can't be: nothing after it makes sense.
   */
  push(bytes: Uint8Array, start: number, end: number, take: (datagram: Uint8Array) => void): boolean {
    let at = start;
    for (;;) {
      if (this.#length === -1) {
        const read = this.#readHead(bytes, at, end);
        if (read === undefined) return true;
        at = read;
        if (this.#length > MAX_DATAGRAM) return false;
      }
      const missing = this.#length - this.#filled;
      if (this.#parts === undefined && end - at >= missing) {
        // Not slice(): that of a Buffer yields a view.
        take(new Uint8Array(bytes.subarray(at, at + missing)));
      } else {
        const parts = this.#parts ?? new Uint8Array(this.#length);
        this.#parts = parts;
        const length = Math.min(missing, end - at);
        parts.set(bytes.subarray(at, at + length), this.#filled);
        this.#filled += length;
        if (length < missing) return true;
        take(parts);
      }
      at += missing;
      this.#length = -1;
      this.#filled = 0;
      this.#parts = undefined;
    }
  }

  /** Where the length ends; `undefined` when more has to come. */
  #readHead(bytes: Uint8Array, start: number, end: number): number | undefined {
    let at = start;
    if (this.#head === -1) {
      if (at === end) return undefined;
      this.#head = bytes[at++] ?? 0;
    }
    if (at === end) return undefined;
    this.#length = (this.#head << 8) | (bytes[at++] ?? 0);
    this.#head = -1;
    return at;
  }
}
