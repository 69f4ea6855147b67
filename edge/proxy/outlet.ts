import type { Socket } from 'node:net';
import { type Consumer, createSocketSink, type SocketSink } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';

/** Pieces below this many bytes are copied together with the text around them, so that all leaves in one write. */
const WORTH_LENDING = 8 * 1024;

const nobody: Consumer = { consumed() {} };

/** The writing side of a visitor's socket: text of ours around bytes of an origin. */
export class Outlet {
  readonly #socket: Socket;
  readonly #sink: SocketSink;

  /** `onDrained` comes when nothing is left to write, if something had been. */
  constructor(socket: Socket, onDrained: () => void) {
    this.#socket = socket;
    this.#sink = createSocketSink(socket, onDrained);
  }

  /** Bytes that the system has not taken yet. */
  get pending(): number {
    return this.#sink.pending;
  }

  /** Writes `text` as Latin-1. */
  text(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#sink.writeWhole(bytes, 0, nobody);
  }

  /**
   * Writes `head` as Latin-1, `buffer[start, end)`, and `tail` as Latin-1. `owner` is told once the system has taken
   * the bytes. Without `lease` they must not change any more.
   */
  piece(
    head: string,
    buffer: Buffer,
    start: number,
    end: number,
    tail: string,
    lease: Lease | undefined,
    owner: Consumer | undefined,
  ): void {
    const length = end - start;
    if (length < WORTH_LENDING) {
      const all = Buffer.allocUnsafe(head.length + length + tail.length);
      if (head !== '') all.write(head, 0, 'latin1');
      if (length > 0) buffer.copy(all, head.length, start, end);
      if (tail !== '') all.write(tail, head.length + length, 'latin1');
      this.#sink.writeWhole(all, length, owner ?? nobody);
      return;
    }
    this.#socket.cork();
    if (head !== '') this.text(head);
    this.#sink.write(buffer, start, end, lease, owner ?? nobody);
    if (tail !== '') this.text(tail);
    this.#socket.uncork();
  }
}
