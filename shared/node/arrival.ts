import type { ResetCode } from '../wire/codes.ts';
import type { SessionStream } from '../wire/session.ts';
import type { Lease } from './stream.ts';
import type { Leg, StreamHost } from './tunnel-stream.ts';

/** Pieces below this are gathered, so many bytes at a time. */
const SMALL = 4 * 1024;
const GATHERED = 16 * 1024;

/** Whose new leg it is. */
export interface Mover {
  /** The new leg has ended before the stream stood on it. */
  onArrivalReset(code: ResetCode, reason: string): void;
  /** Agent: CONTINUE is done with. */
  onContinued(arrival: Arrival): void;
  onCredit(): void;
}

/** What is kept is a copy, so nobody has to hurry. */
const ownCopy: Lease = { scarce: false, hold() {}, release() {} };

/**
 * The new leg of a stream that moves to another carrier, until the old one has brought its last byte. What comes early
 * waits here: no more than the window that this side has granted, and none of it is counted as consumed.
 */
export class Arrival implements Leg {
  readonly host: StreamHost;
  readonly stream: SessionStream<Leg>;
  readonly #mover: Mover;
  #held: Buffer[] = [];
  /** Small pieces are put together: a peer that sends single bytes must not cost an object for each. */
  #small: Buffer | undefined;
  #smallLength = 0;
  ended = false;

  constructor(mover: Mover, host: StreamHost, stream: SessionStream<Leg>) {
    this.#mover = mover;
    this.host = host;
    this.stream = stream;
  }

  onOpened(): void {}

  onMove(): void {}

  onContinued(): void {
    this.#mover.onContinued(this);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length >= SMALL) {
      this.#keepSmall();
      this.#held.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    if (this.#smallLength + length > GATHERED) this.#keepSmall();
    this.#small ??= Buffer.allocUnsafe(GATHERED);
    bytes.copy(this.#small, this.#smallLength, start, end);
    this.#smallLength += length;
  }

  onEnd(): void {
    this.ended = true;
  }

  onReset(code: ResetCode, reason: string): void {
    this.drop();
    this.#mover.onArrivalReset(code, reason);
  }

  onCredit(): void {
    this.#mover.onCredit();
  }

  /** Hands on what has waited, in order, for as long as `wanted`. */
  deliver(to: (bytes: Buffer, start: number, end: number, lease: Lease) => void, wanted: () => boolean): void {
    this.#keepSmall();
    const held = this.#held;
    this.drop();
    for (const bytes of held) if (wanted()) to(bytes, 0, bytes.length, ownCopy);
  }

  drop(): void {
    this.#held = [];
    this.#small = undefined;
    this.#smallLength = 0;
  }

  #keepSmall(): void {
    if (this.#small === undefined || this.#smallLength === 0) return;
    this.#held.push(Buffer.from(this.#small.subarray(0, this.#smallLength)));
    this.#smallLength = 0;
  }
}
