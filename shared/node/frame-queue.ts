import type { Socket } from 'node:net';
import { writeHeader, writeWord } from '../wire/encode.ts';
import { FRAME, type FrameType, HEADER, MAX_DATA } from '../wire/frame.ts';
import type { FrameOutput } from '../wire/session.ts';
import { BUFFER_SIZE, returnArena, SMALL_ARENA, takeArena, takeSmallArena } from './buffers.ts';

/** A payload may be cut to fill an arena when at least this much of it fits; less goes into the next arena whole. */
const WORTH_SPLITTING = 16 * 1024;
/**
 * Turns of the event loop that frames which open or end a stream wait for company, as long as some comes. A listener
 * hands over one connection a turn, and a write for each is a good part of what it costs.
 */
export const GATHER_TURNS = 8;
/** Bytes that are worth a write of their own. */
export const WORTH_WRITING = 16 * 1024;

const opensOrEnds = (type: FrameType): boolean =>
  type === FRAME.OPEN || type === FRAME.OPENED || type === FRAME.FIN || type === FRAME.RESET;

/**
 * The outgoing side of a tunnel. Frames are copied into recycled arenas; all frames that a turn of the event loop makes
 * leave in one write, and while a write is in flight the next arena fills. Where streams come and go, some turns share a
 * write. So system calls and TLS records grow larger, not more, with load. An idle queue owns no arena.
 */
export class FrameQueue implements FrameOutput {
  readonly #socket: Socket;
  /** A TLS write always completes later; a TCP write most often at once, which is cheaper to ask than to be told. */
  readonly #async: boolean;
  readonly #onFlushed: () => void;
  readonly #flushed = (): void => this.#onWritten();
  readonly #flush = (): void => this.#onTurn();
  #arena: Buffer | undefined;
  #length = 0;
  #full: { readonly arena: Buffer; readonly length: number }[] = [];
  #inFlight: Buffer[] = [];
  #writing = false;
  #scheduled = false;
  #closed = false;
  /** What is queued may wait for company; for how many turns it has, and how much it was the turn before. */
  #gathering = false;
  #waited = 0;
  #before = 0;
  /** Bytes not yet taken by the socket, those in flight included. */
  queued = 0;
  /** Counts turns in which the queue flushed. */
  turn = 0;

  /** `onFlushed` is called at the end of each turn that flushed, and whenever a write has completed. */
  constructor(socket: Socket, encrypted: boolean, onFlushed: () => void) {
    this.#socket = socket;
    this.#async = encrypted;
    this.#onFlushed = onFlushed;
  }

  empty(type: FrameType, stream: number): void {
    this.#frame(type, stream, 0);
  }

  word(type: FrameType, stream: number, value: number): void {
    const at = this.#frame(type, stream, 4);
    if (this.#arena !== undefined) writeWord(this.#arena, at, value);
  }

  bytes(type: FrameType, stream: number, payload: Uint8Array, start: number, end: number): void {
    const at = this.#frame(type, stream, end - start);
    const arena = this.#arena;
    if (arena === undefined) return;
    // Crossing into C++ costs more than copying a few bytes here.
    if (end - start < 128) for (let i = start; i < end; i++) arena[at + i - start] = payload[i] ?? 0;
    else if (payload instanceof Buffer) payload.copy(arena, at, start, end);
    else arena.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), at);
  }

  /** Bytes of payload that the next frame should have at most so that it fills the arena. */
  preferredLength(): number {
    const room = BUFFER_SIZE - this.#length - HEADER;
    return this.#arena === undefined || room < WORTH_SPLITTING ? MAX_DATA : Math.min(room, MAX_DATA);
  }

  /** Like `bytes`, from Latin-1 text. */
  latin1(type: FrameType, stream: number, text: string): void {
    const at = this.#frame(type, stream, text.length);
    this.#arena?.write(text, at, text.length, 'latin1');
  }

  /** Makes the end of the turn come even if no frame does. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  /** Drops everything. Arenas in flight come back when the socket lets go of them. */
  close(): void {
    this.#closed = true;
    for (const { arena } of this.#full) returnArena(arena);
    if (this.#arena !== undefined) returnArena(this.#arena);
    this.#full = [];
    this.#arena = undefined;
    this.#length = 0;
    this.queued = 0;
  }

  /** Writes a header and reserves room for its payload; returns where that starts in the arena. */
  #frame(type: FrameType, stream: number, length: number): number {
    if (this.#closed) return 0;
    if (opensOrEnds(type)) this.#gathering = true;
    const size = HEADER + length;
    const arena = this.#roomFor(size);
    const at = writeHeader(arena, this.#length, type, length, stream);
    this.#length += size;
    this.queued += size;
    this.schedule();
    return at;
  }

  /** The arena with room for `size` bytes behind `#length`. A small one that doesn't do any more becomes a large one. */
  #roomFor(size: number): Buffer {
    let arena = this.#arena;
    if (arena !== undefined && arena.length - this.#length >= size) return arena;
    if (arena === undefined) {
      arena = size <= SMALL_ARENA ? takeSmallArena() : takeArena();
      this.#length = 0;
    } else if (arena.length === SMALL_ARENA && BUFFER_SIZE - this.#length >= size) {
      const large = takeArena();
      arena.copy(large, 0, 0, this.#length);
      returnArena(arena);
      arena = large;
    } else {
      this.#full.push({ arena, length: this.#length });
      arena = takeArena();
      this.#length = 0;
    }
    this.#arena = arena;
    return arena;
  }

  #onTurn(): void {
    if (!this.#writing && this.#mayWait && this.queued > this.#before && this.#waited < GATHER_TURNS) {
      this.#waited++;
      this.#before = this.queued;
      setImmediate(this.#flush);
      return;
    }
    this.#scheduled = false;
    this.turn++;
    if (this.#closed) return;
    if (!this.#writing && this.queued > 0) this.#write();
    this.#onFlushed();
  }

  get #mayWait(): boolean {
    return this.#gathering && this.queued < WORTH_WRITING && !this.#closed;
  }

  #write(): void {
    this.#gathering = false;
    this.#waited = 0;
    this.#before = 0;
    const socket = this.#socket;
    const pieces = this.#full;
    this.#full = [];
    if (this.#arena !== undefined) pieces.push({ arena: this.#arena, length: this.#length });
    this.#arena = undefined;
    this.#writing = true;
    for (const { arena } of pieces) this.#inFlight.push(arena);
    // Several at once are one system call for TCP; for TLS, Node would copy them into one piece first.
    const together = !this.#async && pieces.length > 1;
    if (together) socket.cork();
    pieces.forEach(({ arena, length }, index) => {
      const bytes = length === arena.length ? arena : arena.subarray(0, length);
      if (this.#async && index === pieces.length - 1) socket.write(bytes, this.#flushed);
      else socket.write(bytes);
    });
    if (together) socket.uncork();
    if (this.#async) return;
    if (socket.writableLength === 0) this.#settle();
    else socket.write('', this.#flushed);
  }

  #onWritten(): void {
    this.#settle();
    if (this.#closed) return;
    if (this.#mayWait) this.schedule();
    else if (this.queued > 0) this.#write();
    this.#onFlushed();
  }

  #settle(): void {
    this.#writing = false;
    for (const arena of this.#inFlight) returnArena(arena);
    this.#inFlight.length = 0;
    this.queued = this.#arena === undefined ? 0 : this.#length;
    for (const { length } of this.#full) this.queued += length;
  }
}
