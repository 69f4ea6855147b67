import type { Lease, StreamHandler } from '../../../shared/node/stream.ts';
import type { AgentStream } from '../../../shared/node/tunnel-stream.ts';
import type { ResetCode } from '../../../shared/wire/codes.ts';
import { choseHttp2 } from '../../../shared/wire/open.ts';
import type { StreamTap } from './stream-tap.ts';

/** `stream`, with what is written to it shown to `tap` as well. Everything else is passed through. */
export class TappedStream implements AgentStream {
  readonly #stream: AgentStream;
  readonly #tap: StreamTap;

  constructor(stream: AgentStream, tap: StreamTap) {
    this.#stream = stream;
    this.#tap = tap;
  }

  get id(): number {
    return this.#stream.id;
  }

  get writable(): boolean {
    return this.#stream.writable;
  }

  opened(word: number): void {
    this.#stream.opened(word);
    this.#tap.opened(word & 0x7fff_ffff, choseHttp2(word));
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#stream.write(bytes, start, end);
    this.#tap.fromOrigin(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), start, end);
  }

  writeLatin1(text: string): void {
    this.#stream.writeLatin1(text);
    this.#tap.fromOrigin(Buffer.from(text, 'latin1'), 0, text.length);
  }

  end(): void {
    this.#stream.end();
    this.#tap.originEnded();
  }

  reset(code: ResetCode, reason?: string): void {
    this.#stream.reset(code, reason);
    this.#tap.stop();
  }

  consumed(n: number): void {
    this.#stream.consumed(n);
  }
}

/** `handler`, with what arrives for it shown to `tap` as well. */
export class TappedHandler implements StreamHandler {
  readonly #handler: StreamHandler;
  readonly #tap: StreamTap;

  constructor(handler: StreamHandler, tap: StreamTap) {
    this.#handler = handler;
    this.#tap = tap;
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    // First: the handler may give the bytes away. And in time: what they bring about comes after them.
    this.#tap.fromVisitor(buffer, start, end);
    this.#handler.onData(buffer, start, end, lease);
  }

  onEnd(): void {
    this.#handler.onEnd();
  }

  onReset(code: ResetCode, reason: string): void {
    this.#tap.stop();
    this.#handler.onReset(code, reason);
  }

  onWritable(): void {
    this.#handler.onWritable();
  }

  onFull(): void {
    this.#handler.onFull?.();
  }
}
