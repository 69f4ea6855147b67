/** Reads the frames of HTTP/2 (RFC 9113) off a copy of what passes, for showing only. Pure: bytes in, events out. */
import { type Field, HpackDecoder } from './hpack.ts';

/** Bytes of a packed field section, and pieces that it may come in; past these the reading ends. */
const SECTION_LIMIT = 64 * 1024;
const MOST_PIECES = 128;
const HEAD = 9;

const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, push: 5, continuation: 9 } as const;
const FLAG = { endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export interface FrameEvents {
  /** A field section is complete: a head, or a trailer. `last`: the side has nothing more to send on this stream. */
  onFields(stream: number, fields: readonly Field[], last: boolean): void;
  onData(stream: number, buffer: Buffer, start: number, end: number): void;
  /** The side has nothing more to send on this stream: it said so with its last data. */
  onLast(stream: number): void;
  onReset(stream: number): void;
}

/** A frame whose payload is passing. */
interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Bytes of the payload that are yet to come. */
  left: number;
}

/**
 * One direction of one connection, from its first frame on; a client's preface comes before that. What it can't read
 * ends the reading: `failed` is true then, and further bytes are ignored. It keeps at most one packed field section, and
 * copies no body.
 */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #hpack = new HpackDecoder();
  readonly #head = Buffer.alloc(HEAD);
  #headBytes = 0;
  #frame: Frame | undefined;
  #begun = false;
  /** Padding at the end of the payload of DATA; undefined until the byte that says so has come. */
  #padding: number | undefined;
  /** The payload of a frame with fields, as far as it has come. */
  #payload: Buffer = Buffer.alloc(0);
  #payloadBytes = 0;
  /** A field section that goes on in the next frame. */
  #section: { readonly stream: number; readonly last: boolean; readonly pieces: Buffer[]; size: number } | undefined;
  failed = false;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  push(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.failed) {
      if (this.#frame === undefined) at = this.#readHead(buffer, at, end);
      else at = this.#readPayload(this.#frame, buffer, at, end);
    }
  }

  #readHead(buffer: Buffer, at: number, end: number): number {
    const to = Math.min(end, at + HEAD - this.#headBytes);
    this.#headBytes += buffer.copy(this.#head, this.#headBytes, at, to);
    if (this.#headBytes < HEAD) return to;
    this.#headBytes = 0;
    this.#begin({
      left: this.#head.readUIntBE(0, 3),
      type: this.#head[3] ?? 0,
      flags: this.#head[4] ?? 0,
      stream: this.#head.readUInt32BE(5) & 0x7fff_ffff,
    });
    return to;
  }

  #begin(frame: Frame): void {
    const { type, flags, stream, left } = frame;
    if (!this.#fits(frame)) {
      this.#fail();
      return;
    }
    this.#begun = true;
    if (type === TYPE.headers || type === TYPE.continuation) {
      this.#payload = Buffer.allocUnsafe(left);
      this.#payloadBytes = 0;
    }
    if (type === TYPE.data) this.#padding = (flags & FLAG.padded) === 0 ? 0 : undefined;
    if (type === TYPE.reset) this.#events.onReset(stream);
    this.#frame = frame;
    if (left === 0) this.#end(frame);
  }

  /** Whether a frame may come now, and is one that can be read along. */
  #fits({ type, stream, left }: Frame): boolean {
    // The first frame of each side is SETTINGS (RFC 9113 section 3.4): otherwise this is something else.
    if (!this.#begun) return type === TYPE.settings && stream === 0;
    const section = this.#section;
    // Nothing may come between the pieces of a field section (RFC 9113 section 6.10).
    if ((type === TYPE.continuation) !== (section !== undefined)) return false;
    if (section !== undefined) return section.stream === stream && section.size + left <= SECTION_LIMIT;
    // The edge takes no pushed responses.
    return type !== TYPE.push && (type !== TYPE.headers || (stream !== 0 && left <= SECTION_LIMIT));
  }

  #readPayload(frame: Frame, buffer: Buffer, at: number, end: number): number {
    const to = Math.min(end, at + frame.left);
    if (frame.type === TYPE.data) this.#readData(frame, buffer, at, to);
    else if (frame.type === TYPE.headers || frame.type === TYPE.continuation)
      this.#payloadBytes += buffer.copy(this.#payload, this.#payloadBytes, at, to);
    frame.left -= to - at;
    if (frame.left === 0 && !this.failed) this.#end(frame);
    return to;
  }

  #readData({ stream, left }: Frame, buffer: Buffer, at: number, to: number): void {
    let start = at;
    let rest = left;
    if (this.#padding === undefined) {
      this.#padding = buffer[start++] ?? 0;
      rest--;
      if (this.#padding > rest) {
        this.#fail();
        return;
      }
    }
    const end = Math.min(to, start + rest - this.#padding);
    if (end > start) this.#events.onData(stream, buffer, start, end);
  }

  #end({ type, flags, stream }: Frame): void {
    this.#frame = undefined;
    if (type === TYPE.data && (flags & FLAG.endStream) !== 0) this.#events.onLast(stream);
    if (type !== TYPE.headers && type !== TYPE.continuation) return;
    const piece = type === TYPE.headers ? fieldsOf(this.#payload, flags) : this.#payload;
    this.#payload = Buffer.alloc(0);
    this.#section ??= { stream, last: (flags & FLAG.endStream) !== 0, pieces: [], size: 0 };
    const { pieces } = this.#section;
    if (piece === undefined || pieces.push(piece) > MOST_PIECES) {
      this.#fail();
      return;
    }
    this.#section.size += piece.length;
    if ((flags & FLAG.endHeaders) !== 0) this.#endSection();
  }

  #endSection(): void {
    const section = this.#section;
    if (section === undefined) return;
    this.#section = undefined;
    const [first] = section.pieces;
    const whole = section.pieces.length === 1 && first !== undefined ? first : Buffer.concat(section.pieces);
    const fields = this.#hpack.decode(whole);
    if (fields === undefined) this.#fail();
    else this.#events.onFields(section.stream, fields, section.last);
  }

  #fail(): void {
    this.failed = true;
    this.#payload = Buffer.alloc(0);
    this.#section = undefined;
  }
}

/** The piece of a field section in the payload of HEADERS: what is left without padding and priority. */
function fieldsOf(payload: Buffer, flags: number): Buffer | undefined {
  const padded = (flags & FLAG.padded) !== 0;
  const padding = padded ? (payload[0] ?? 0) : 0;
  const from = (padded ? 1 : 0) + ((flags & FLAG.priority) === 0 ? 0 : 5);
  const to = payload.length - padding;
  return from <= to ? payload.subarray(from, to) : undefined;
}
