import type { ServerResponse } from 'node:http';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';

/** Milliseconds of silence after which a ping is sent. */
const PING_AFTER = 10_000;
/** Milliseconds that a reader may leave bytes unread. */
const STALL_LIMIT = 30_000;
/** Bytes that wait for one reader at most, beyond what the last line took. */
const BUFFER_LIMIT = 1024 * 1024;

/**
 * A response of JSON lines that lasts as long as its connection. Memory for a reader is bounded: one that doesn't
 * keep up loses intermediate states (`latest`), one that doesn't read at all is cut.
 */
export class LineStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #onClose: () => void;
  #cancelPing: CancelTimer = () => {};
  #cancelStall: CancelTimer | undefined;
  #waiting: string | undefined;
  #closed = false;

  /** Sends the head at once; `onClose` is called exactly once, whoever ends the stream. */
  constructor(response: ServerResponse, clock: Clock, onClose: () => void) {
    this.#response = response;
    this.#clock = clock;
    this.#onClose = onClose;
    // Whoever left while we looked up who they are has sent their 'close' already.
    if (response.closed) queueMicrotask(() => this.#ended());
    response.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.flushHeaders();
    response.on('close', () => this.#ended());
    response.on('error', () => this.#ended());
    response.on('drain', () => this.#drained());
    this.#ping();
  }

  /** False while the reader is behind. */
  get writable(): boolean {
    return !this.#closed && !this.#response.writableNeedDrain;
  }

  /** Sends a line (without its end). A reader that is too far behind is cut. */
  send(line: string): void {
    if (this.#closed) return;
    if (this.#response.writableLength > BUFFER_LIMIT) {
      this.destroy();
      return;
    }
    this.#cancelPing();
    if (!this.#response.write(`${line}\n`)) this.#stall();
    this.#ping();
  }

  /** Sends a line that makes every earlier one of its kind obsolete: only the last waits for a slow reader. */
  latest(line: string): void {
    if (this.writable) this.send(line);
    else if (!this.#closed) this.#waiting = line;
  }

  /** Ends the stream in good order. */
  end(): void {
    if (this.#closed) return;
    this.#response.end();
    this.#ended();
  }

  destroy(): void {
    this.#response.destroy();
    this.#ended();
  }

  #drained(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    const line = this.#waiting;
    this.#waiting = undefined;
    if (line !== undefined) this.send(line);
  }

  #stall(): void {
    this.#cancelStall ??= this.#clock.setTimeout(() => this.destroy(), STALL_LIMIT);
  }

  #ping(): void {
    this.#cancelPing = this.#clock.setTimeout(() => this.send('{"type":"ping"}'), PING_AFTER);
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    this.#cancelPing();
    this.#cancelStall?.();
    this.#onClose();
  }
}
