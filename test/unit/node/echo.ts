import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import type { AgentStream } from '../../../shared/node/tunnel-stream.ts';

/** Sends back what comes, half-close included. */
export function echo(stream: AgentStream): StreamHandler {
  stream.opened(1);
  const waiting: { readonly bytes: Buffer; at: number }[] = [];
  let ended = false;
  const pump = (): void => {
    for (let first = waiting[0]; first !== undefined && stream.writable; first = waiting[0]) {
      const end = Math.min(first.bytes.length, first.at + 32_768);
      stream.write(first.bytes, first.at, end);
      stream.consumed(end - first.at);
      first.at = end;
      if (end === first.bytes.length) waiting.shift();
    }
    if (ended && waiting.length === 0) stream.end();
  };
  return {
    onData(buffer, start, end) {
      waiting.push({ bytes: Buffer.from(buffer.subarray(start, end)), at: 0 });
      pump();
    },
    onEnd() {
      ended = true;
      pump();
    },
    onReset() {
      waiting.length = 0;
    },
    onWritable: pump,
  };
}

/** The edge's side of one stream, for tests: gathers, and lets the test wait. */
export class Client implements StreamHandler {
  stream: TunnelStream | undefined;
  dialMicros: number | undefined;
  received = 0;
  ended = false;
  reset: { readonly code: number; readonly reason: string } | undefined;
  /** False: takes bytes without returning their credit. */
  consuming = true;
  readonly #chunks: Buffer[] = [];
  #owed = 0;
  #changed = Promise.withResolvers<void>();
  #source: { readonly bytes: Buffer; at: number; readonly piece: () => number } | undefined;

  /** Sends `bytes` in pieces as the stream takes them, then half-closes. */
  send(bytes: Buffer, piece: () => number = () => 65_536): void {
    this.#source = { bytes, at: 0, piece };
    this.onWritable();
  }

  /** Gives back the credit that was kept. */
  catchUp(): void {
    this.consuming = true;
    this.stream?.consumed(this.#owed);
    this.#owed = 0;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }

  onOpened(dialMicros: number): void {
    this.dialMicros = dialMicros;
    this.#tell();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#chunks.push(Buffer.from(buffer.subarray(start, end)));
    this.received += end - start;
    if (this.consuming) this.stream?.consumed(end - start);
    else this.#owed += end - start;
    this.#tell();
  }

  onEnd(): void {
    this.ended = true;
    this.#tell();
  }

  onReset(code: number, reason: string): void {
    this.reset = { code, reason };
    this.#tell();
  }

  onWritable(): void {
    const { stream } = this;
    const source = this.#source;
    if (stream === undefined || source === undefined) return;
    while (source.at < source.bytes.length && stream.writable) {
      const end = Math.min(source.bytes.length, source.at + source.piece());
      stream.write(source.bytes, source.at, end);
      source.at = end;
    }
    if (source.at < source.bytes.length) return;
    this.#source = undefined;
    stream.end();
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}
