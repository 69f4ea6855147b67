import type { Lease } from './stream.ts';

/** Bytes of an arena (outgoing frames are gathered in one) and of a read buffer. */
export const BUFFER_SIZE = 512 * 1024;
/** How many spare ones the process keeps. What is beyond that goes back to the system. */
const SPARE_ARENAS = 24;
const SPARE_READ_BUFFERS = 8;
/** Read buffers that may be on loan before holding on to more is called scarce. */
const PLENTY = 16;

const arenas: Buffer[] = [];
const readBuffers: ReadBuffer[] = [];
let lent = 0;

/** A buffer for outgoing frames; give it back with `returnArena` once it is written. */
export const takeArena = (): Buffer => arenas.pop() ?? Buffer.allocUnsafeSlow(BUFFER_SIZE);

/**
 * Bytes of an arena for a few small frames. Thousands of idle tunnels ping at nearly the same time, and each holds an
 * arena until its ping is written.
 */
export const SMALL_ARENA = 4 * 1024;
const SPARE_SMALL_ARENAS = 64;
const smallArenas: Buffer[] = [];

/** Like `takeArena`, of `SMALL_ARENA` bytes. */
export const takeSmallArena = (): Buffer => smallArenas.pop() ?? Buffer.allocUnsafeSlow(SMALL_ARENA);

/** Takes an arena back, of either size; its bytes must not be used after. Past the spare ones it is garbage. */
export function returnArena(arena: Buffer): void {
  if (arena.length === SMALL_ARENA) {
    if (smallArenas.length < SPARE_SMALL_ARENAS) smallArenas.push(arena);
  } else if (arenas.length < SPARE_ARENAS) arenas.push(arena);
}

/** Size of the slabs that keep what was read but can't be sent yet: one read of a spliced socket. */
export const SLAB_SIZE = 128 * 1024;
const SPARE_SLABS = 32;
/** Less than this isn't worth a slab. */
const WORTH_A_SLAB = 16 * 1024;
const slabs: Buffer[] = [];

/**
 * Room for `length` bytes or more; give it back with `returnRoom`. Copies come with every full window, and as garbage
 * they would pile up by megabytes.
 */
export function takeRoom(length: number): Buffer {
  if (length < WORTH_A_SLAB || length > SLAB_SIZE) return Buffer.allocUnsafe(length);
  return slabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_SIZE);
}

/** Takes room back; its bytes must not be used after. */
export function returnRoom(room: Buffer): void {
  if (room.length === SLAB_SIZE && slabs.length < SPARE_SLABS) slabs.push(room);
}

/**
 * A read buffer that several may hold: the tunnel that reads into it, and whoever still writes slices of it elsewhere.
 * Once nobody does it is recycled.
 */
export class ReadBuffer implements Lease {
  readonly bytes = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  #holders = 0;

  /** The one who holds it is the only one. */
  get sole(): boolean {
    return this.#holders === 1;
  }

  get scarce(): boolean {
    return lent > PLENTY;
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders > 0) return;
    lent--;
    if (readBuffers.length < SPARE_READ_BUFFERS) readBuffers.push(this);
  }
}

/** A read buffer, held once. */
export function takeReadBuffer(): ReadBuffer {
  const buffer = readBuffers.pop() ?? new ReadBuffer();
  lent++;
  buffer.hold();
  return buffer;
}

/** Read buffers on loan in this process; for tests and metrics. */
export const lentReadBuffers = (): number => lent;
