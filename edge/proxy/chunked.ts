import { type ExtensionPart, endsExtension, NAME_START, nextPart } from './chunk-extension.ts';
import { cleanTrailers } from './fields.ts';
import { CHUNK_DIGITS, CHUNK_LIMIT, EXTENSION_LIMIT, EXTENSIONS_LIMIT, TRAILER_LIMIT } from './limits.ts';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

/** Where in a chunked body the scanner stands. */
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const LAST = 6;
const LAST_LF = 7;
const TRAILER = 8;
const DONE = 9;
const FAILED = 10;

/** Takes the data of chunks, without their framing. */
export type DataSink = (buffer: Buffer, start: number, end: number) => void;

/**
 * Finds the end of a chunked body (RFC 9112 section 7.1) in bytes that arrive in any pieces. Sizes, extensions and
 * trailers are bounded; every line ends in CRLF; nothing but a digit, `;` or CRLF follows a size, and nothing but what the
 * grammar has, without blanks, a `;`: parsers of origins and visitors that know only the grammar refuse the rest.
 */
export class ChunkScanner {
  #state = SIZE;
  #size = 0;
  #digits = 0;
  #extension = 0;
  #part: ExtensionPart = NAME_START;
  #extensions = 0;
  #trailer = '';
  readonly #sink: DataSink | undefined;

  /** Bytes of data seen, framing excluded. */
  dataBytes = 0;
  /** After `scan`: the end of what may be passed on as it came. A trailer section is not; see `trailers`. */
  passEnd = 0;
  /** Once done: the trailer section to pass on in place of the one that came, each line with its CRLF. */
  trailers = '';
  /** Once done: a trailer section was held back, so the closing CRLF is still to be written after `trailers`. */
  heldTrailers = false;

  /** `sink` is handed the data when the chunks themselves are not passed on. */
  constructor(sink?: DataSink) {
    this.#sink = sink;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  get failed(): boolean {
    return this.#state === FAILED;
  }

  /** Reads `buffer[start, end)`; returns the index after the last byte that belongs to the body. */
  scan(buffer: Buffer, start: number, end: number): number {
    let at = start;
    this.passEnd = start;
    while (at < end && this.#state < DONE) {
      if (this.#state === DATA) {
        const stop = Math.min(end, at + this.#size);
        this.#sink?.(buffer, at, stop);
        this.dataBytes += stop - at;
        this.#size -= stop - at;
        at = stop;
        if (this.#size === 0) this.#state = DATA_CR;
      } else {
        this.#byte(buffer[at++] ?? 0);
      }
      if (!this.heldTrailers) this.passEnd = at;
    }
    return at;
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case SIZE:
        this.#sizeByte(byte);
        break;
      case EXTENSION:
        this.#extensionByte(byte);
        break;
      case SIZE_LF:
        this.#state = byte !== LF ? FAILED : this.#size === 0 ? LAST : DATA;
        break;
      case DATA_CR:
        this.#state = byte === CR ? DATA_LF : FAILED;
        break;
      case DATA_LF:
        this.#state = byte === LF ? SIZE : FAILED;
        this.#digits = 0;
        break;
      case LAST:
        if (byte === CR) this.#state = LAST_LF;
        else {
          this.#state = TRAILER;
          this.heldTrailers = true;
          this.#trailerByte(byte);
        }
        break;
      case LAST_LF:
        this.#state = byte === LF ? DONE : FAILED;
        break;
      default:
        this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#size = this.#digits === 0 ? digit : this.#size * 16 + digit;
      if (++this.#digits > CHUNK_DIGITS || this.#size > CHUNK_LIMIT) this.#state = FAILED;
    } else if (this.#digits === 0) this.#state = FAILED;
    else if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) {
      this.#state = EXTENSION;
      this.#part = NAME_START;
      this.#extension = 0;
    } else this.#state = FAILED;
  }

  #extensionByte(byte: number): void {
    if (byte === CR && endsExtension(this.#part)) {
      this.#state = SIZE_LF;
      return;
    }
    const next = nextPart(this.#part, byte);
    if (next === undefined || ++this.#extension > EXTENSION_LIMIT || ++this.#extensions > EXTENSIONS_LIMIT)
      this.#state = FAILED;
    else this.#part = next;
  }

  #trailerByte(byte: number): void {
    this.#trailer += String.fromCharCode(byte);
    if (this.#trailer.length > TRAILER_LIMIT) this.#state = FAILED;
    else if (byte === LF && this.#trailer.endsWith('\r\n\r\n')) this.#finishTrailers();
  }

  #finishTrailers(): void {
    const clean = cleanTrailers(this.#trailer.slice(0, -2));
    this.#state = clean === undefined ? FAILED : DONE;
    this.trailers = clean ?? '';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
