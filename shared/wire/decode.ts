import { readWord } from './encode.ts';
import { FRAME, type FrameType, HEADER, isFrameType, isLengthAllowed, MAX_CONTROL, type Violation } from './frame.ts';

/**
 * Who is told of frames. `B` are the bytes as they were fed (a `Buffer` in Node), `L` a token for their lifetime that
 * the decoder passes on unseen. Whatever returns a violation stops the decoder for good.
 */
export interface FrameSink<B extends Uint8Array, L> {
  /** A header is complete and within its caps; nothing of the payload has been kept yet. */
  onHeader(type: FrameType, stream: number, length: number): Violation | undefined;
  /** A piece of the DATA frame whose header came last. Pieces follow how the bytes were fed, not the frame. */
  onData(bytes: B, start: number, end: number, lease: L): void;
  /** A whole frame that isn't DATA. `payload` is valid during the call only. */
  onControl(type: FrameType, stream: number, payload: Uint8Array): Violation | undefined;
}

const EMPTY = new Uint8Array(0);

/**
 * Turns bytes, split anywhere, into frames. DATA is handed on piece by piece without being copied or gathered; other
 * payloads are gathered, at most 4 KiB of them, and only when a frame arrives in more than one piece.
 */
export class FrameDecoder<B extends Uint8Array, L> {
  readonly #sink: FrameSink<B, L>;
  readonly #header = new Uint8Array(HEADER);
  #headerLength = 0;
  #type: FrameType = FRAME.DATA;
  #stream = 0;
  /** Bytes of the payload still to come; -1 while a header is being read. */
  #left = -1;
  #gathered = EMPTY;
  #gatheredLength = 0;
  #violation: Violation | undefined;

  constructor(sink: FrameSink<B, L>) {
    this.#sink = sink;
  }

  /** Feeds `bytes[start, end)`. Returns what the peer did wrong, then and on every later call. */
  push(bytes: B, start: number, end: number, lease: L): Violation | undefined {
    let at = start;
    while (at < end && this.#violation === undefined) {
      at = this.#left < 0 ? this.#pushHeader(bytes, at, end) : this.#pushPayload(bytes, at, end, lease);
    }
    return this.#violation;
  }

  #pushHeader(bytes: B, at: number, end: number): number {
    let next = at + HEADER;
    if (this.#headerLength === 0 && next <= end) {
      this.#begin(bytes, at);
    } else {
      const length = Math.min(HEADER - this.#headerLength, end - at);
      for (let i = 0; i < length; i++) this.#header[this.#headerLength + i] = bytes[at + i] ?? 0;
      this.#headerLength += length;
      next = at + length;
      if (this.#headerLength < HEADER) return next;
      this.#headerLength = 0;
      this.#begin(this.#header, 0);
    }
    if (this.#left === 0 && this.#violation === undefined) this.#control(EMPTY);
    return next;
  }

  #begin(header: Uint8Array, at: number): void {
    const word = readWord(header, at);
    const type = word >>> 24;
    const length = word & 0xffffff;
    if (!isFrameType(type)) {
      this.#violation = { code: 2, reason: `unknown frame type ${type}` };
    } else if (!isLengthAllowed(type, length)) {
      this.#violation = { code: 2, reason: `frame type ${type} of ${length} bytes` };
    } else {
      this.#type = type;
      this.#stream = readWord(header, at + 4);
      this.#left = length;
      this.#violation = this.#sink.onHeader(type, this.#stream, length);
    }
  }

  #pushPayload(bytes: B, at: number, end: number, lease: L): number {
    const length = Math.min(this.#left, end - at);
    const next = at + length;
    this.#left -= length;
    if (this.#type === FRAME.DATA) {
      if (this.#left === 0) this.#left = -1;
      this.#sink.onData(bytes, at, next, lease);
      return next;
    }
    if (this.#gatheredLength === 0 && this.#left === 0) {
      this.#control(bytes.subarray(at, next));
      return next;
    }
    if (this.#gathered.length === 0) this.#gathered = new Uint8Array(MAX_CONTROL);
    this.#gathered.set(bytes.subarray(at, next), this.#gatheredLength);
    this.#gatheredLength += length;
    if (this.#left === 0) {
      const payload = this.#gathered.subarray(0, this.#gatheredLength);
      // Rare (a frame that straddles two reads), so the room isn't kept: thousands of idle tunnels don't each own 4 KiB.
      this.#gathered = EMPTY;
      this.#gatheredLength = 0;
      this.#control(payload);
    }
    return next;
  }

  #control(payload: Uint8Array): void {
    this.#left = -1;
    this.#violation = this.#sink.onControl(this.#type, this.#stream, payload);
  }
}
