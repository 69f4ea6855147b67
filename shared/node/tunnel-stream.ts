import type { ResetCode } from '../wire/codes.ts';
import { RESET } from '../wire/codes.ts';
import { FRAME } from '../wire/frame.ts';
import type { Session, SessionStream } from '../wire/session.ts';
import { type BorrowedCopy, borrowCopy, returnCopy } from './buffers.ts';
import type { FrameQueue } from './frame-queue.ts';
import type { Lease, StreamHandler, TunnelStream } from './stream.ts';

/** Bytes that a stream may write in one turn of the event loop; then the others have theirs. */
export const TURN_BUDGET = 256 * 1024;
/** Bytes queued in a tunnel from where its streams are not writable. */
export const QUEUE_LIMIT = 512 * 1024;
/** Bytes that a stream keeps when written to without credit. A writer that heeds `writable` gets nowhere near. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What a stream needs of its tunnel. */
export interface StreamHost {
  readonly session: Session<DrivenStream, Buffer, Lease>;
  readonly queue: FrameQueue;
  /** `onWritable` is due when the queue has room again, or in the next turn. */
  waitForQueue(stream: DrivenStream): void;
  waitForTurn(stream: DrivenStream): void;
  /** A stream is over; the last one may end a drain. */
  onStreamGone(): void;
}

/** A stream as an agent gets it: it also reports the dial. */
export interface AgentStream extends TunnelStream {
  /** Tells the edge that the target is connected, `dialMicros` after the dial began. Before the first write. */
  opened(dialMicros: number): void;
  reset(code: ResetCode, reason?: string): void;
}

/** One stream of a tunnel: credit and queue on the way out, the handler's calls on the way in. */
export class DrivenStream implements AgentStream {
  readonly id: number;
  readonly #host: StreamHost;
  readonly #stream: SessionStream<DrivenStream>;
  #handler: StreamHandler | undefined;
  /** Written without credit: copies, in order. */
  #waiting: BorrowedCopy[] = [];
  /** How much of the first one is sent. */
  #waitingAt = 0;
  #waitingLength = 0;
  /** `end()` came while bytes were waiting for credit. */
  #ending = false;
  /** Said "not writable": an `onWritable` is owed. */
  #owing = false;
  #inLine = false;
  #turn = -1;
  #budget = TURN_BUDGET;

  constructor(host: StreamHost, stream: SessionStream<DrivenStream>) {
    this.id = stream.id;
    this.#host = host;
    this.#stream = stream;
  }

  /** Starts with a wider window where the path is known to need one. */
  widen(): void {
    this.#host.session.widen(this.#stream);
  }

  /** Set once, right after the stream was made. */
  adopt(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /**
   * Reading false registers for `onWritable`. A stream whose budget for this turn is spent, or whose tunnel has a full
   * queue, waits in line; one without credit waits for the peer.
   */
  get writable(): boolean {
    if (this.#stream.closed || this.#ending || this.#stream.ended) return false;
    if (this.#waitingLength > 0 || this.#stream.credit === 0) {
      this.#owing = true;
      return false;
    }
    if (this.#host.queue.queued >= QUEUE_LIMIT) this.#standInLine(true);
    else if (this.#turn === this.#host.queue.turn && this.#budget <= 0) this.#standInLine(false);
    else return true;
    return false;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (end <= start || this.#stream.closed || this.#ending || this.#stream.ended) return;
    this.#spend(end - start);
    let at = start;
    if (this.#waitingLength === 0) {
      while (at < end && this.#stream.credit > 0) {
        at = this.#host.session.send(this.#stream, bytes, at, Math.min(end, at + this.#host.queue.preferredLength()));
      }
    }
    if (at < end) this.#wait(bytes, at, end);
  }

  writeLatin1(text: string): void {
    if (text.length === 0 || this.#stream.closed || this.#ending || this.#stream.ended) return;
    if (this.#waitingLength === 0 && this.#host.session.charge(this.#stream, text.length)) {
      this.#spend(text.length);
      this.#host.queue.latin1(FRAME.DATA, this.id, text);
    } else {
      this.write(Buffer.from(text, 'latin1'));
    }
  }

  end(): void {
    if (this.#stream.closed || this.#ending) return;
    if (this.#waitingLength > 0) {
      this.#ending = true;
      return;
    }
    this.#host.session.end(this.#stream);
    if (this.#stream.closed) this.#gone();
  }

  opened(dialMicros: number): void {
    this.#host.session.opened(this.#stream, dialMicros);
  }

  reset(code: ResetCode, reason = ''): void {
    if (this.#stream.closed) return;
    this.#host.session.reset(this.#stream, code, reason);
    this.#gone();
  }

  consumed(n: number): void {
    if (n > 0) this.#host.session.consumed(this.#stream, n);
  }

  onOpened(dialMicros: number): void {
    this.#handler?.onOpened?.(dialMicros);
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    this.#handler?.onData(buffer, start, end, lease);
  }

  onEnd(): void {
    const handler = this.#handler;
    if (this.#stream.closed) this.#gone();
    handler?.onEnd();
  }

  onReset(code: ResetCode, reason: string): void {
    const handler = this.#handler;
    this.#gone();
    handler?.onReset(code, reason);
  }

  onCredit(): void {
    while (this.#stream.credit > 0) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const start = this.#waitingAt;
      const at = this.#host.session.send(this.#stream, first.bytes, start, first.bytes.length);
      this.#waitingLength -= at - start;
      this.#waitingAt = at;
      if (at < first.bytes.length) break;
      this.#waitingAt = 0;
      this.#waiting.shift();
      returnCopy(first);
    }
    if (this.#waitingLength > 0) return;
    if (this.#ending) {
      this.#ending = false;
      this.end();
    } else if (this.#owing && this.#stream.credit > 0) {
      this.#owing = false;
      this.#tryAgain();
    }
  }

  /** Its place in the line has come up. */
  onLine(): void {
    this.#inLine = false;
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (!this.#inLine && this.writable) this.#handler?.onWritable();
  }

  #standInLine(full: boolean): void {
    if (this.#inLine) return;
    this.#inLine = true;
    if (full) this.#host.waitForQueue(this);
    else this.#host.waitForTurn(this);
  }

  #spend(bytes: number): void {
    if (this.#turn !== this.#host.queue.turn) {
      this.#turn = this.#host.queue.turn;
      this.#budget = TURN_BUDGET;
    }
    this.#budget -= bytes;
  }

  #wait(bytes: Uint8Array, start: number, end: number): void {
    if (this.#waitingLength + end - start > MOST_WAITING) {
      const handler = this.#handler;
      this.reset(RESET.LIMIT, 'too much written without credit');
      handler?.onReset(RESET.LIMIT, 'too much written without credit');
      return;
    }
    this.#owing = true;
    this.#waiting.push(borrowCopy(bytes, start, end));
    this.#waitingLength += end - start;
  }

  #gone(): void {
    this.#handler = undefined;
    for (const copy of this.#waiting) returnCopy(copy);
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#host.onStreamGone();
  }
}
