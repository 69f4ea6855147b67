import type { Lease } from './stream.ts';

/** Bytes of an arena (outgoing frames are gathered in one) and of a read buffer. */
export const BUFFER_SIZE = 512 * 1024;
/** How many spare ones the process keeps. What is beyond that goes back to the system. */
const SPARE_ARENAS = 16;
const SPARE_READ_BUFFERS = 16;
/** Read buffers that may be on loan before holding on to more is called scarce. */
const PLENTY = 32;

const arenas: Buffer[] = [];
const readBuffers: ReadBuffer[] = [];
let lent = 0;

/** A buffer for outgoing frames; give it back with `returnArena` once it is written. */
export const takeArena = (): Buffer => arenas.pop() ?? Buffer.allocUnsafeSlow(BUFFER_SIZE);

export function returnArena(arena: Buffer): void {
  if (arenas.length < SPARE_ARENAS) arenas.push(arena);
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
