import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { RESET, type ResetCode } from '../wire/codes.ts';
import { type OwnedRead, type ReadTarget, readOwned } from './owned-read.ts';
import { type Consumer, createSocketSink, type SocketSink } from './socket-sink.ts';
import type { Lease, StreamHandler, TunnelStream } from './stream.ts';

/**
 * Where all spliced sockets of the process read into: what is read is copied into the tunnel's queue during the call,
 * so one buffer serves them all.
 */
const scratch = Buffer.allocUnsafeSlow(128 * 1024);

/** How a splice ended. */
export interface SpliceEnd {
  /** Bytes from the stream to the socket, and back. */
  readonly toSocket: number;
  readonly toStream: number;
  /** Both sides ended in order; otherwise who broke off. */
  readonly by: 'both' | 'stream' | 'socket' | 'local';
  /** With `by: 'stream'`: the peer's code. */
  readonly code?: ResetCode;
  /** For the log; empty when nothing is to be said. */
  readonly reason: string;
}

/**
 * A stream joined to a socket, both ways: half-close travels on, so does back-pressure, and a break on one side breaks
 * the other. It is the stream's handler from the start; the socket may come later, when its dial has worked.
 */
export interface Splice extends StreamHandler {
  /** Starts, with a connected socket that has `allowHalfOpen` and that nobody else reads. Once. */
  join(socket: Socket): void;
  /** Breaks both sides off. */
  abort(code: ResetCode): void;
  readonly toSocket: number;
  readonly toStream: number;
}

export interface SpliceListener {
  /** Comes exactly once, also when the stream is reset before `join`. */
  onSpliceEnd(end: SpliceEnd): void;
}

/** A splice for `stream`. Give it as the stream's handler. */
export const createSplice = (stream: TunnelStream, listener?: SpliceListener): Splice =>
  new StreamSplice(stream, listener);

/** The early bytes of a splice that has none. Never written to. */
const NONE: Buffer[] = [];

/** What the socket of a splice tells. */
class SocketSide implements ReadTarget {
  readonly steady = true;
  readonly #splice: StreamSplice;

  constructor(splice: StreamSplice) {
    this.#splice = splice;
  }

  buffer(): Buffer {
    return scratch;
  }

  onRead(buffer: Buffer, length: number): boolean {
    return this.#splice.onRead(buffer, length);
  }

  onEnd(): void {
    this.#splice.onSocketEnd();
  }

  onError(error: Error): void {
    this.#splice.breakOff(error.message);
  }

  onClose(): void {
    this.#splice.onSocketClose();
  }
}

class StreamSplice implements Splice, Consumer {
  readonly #stream: TunnelStream;
  readonly #listener: SpliceListener | undefined;
  #socket: Socket | undefined;
  #sink: SocketSink | undefined;
  #read: OwnedRead | undefined;
  /** Came before the socket; bounded by the stream's window. */
  #early: Buffer[] = NONE;
  #streamEnded = false;
  #socketEnded = false;
  #ended = false;
  #paused = false;
  toSocket = 0;
  toStream = 0;

  constructor(stream: TunnelStream, listener: SpliceListener | undefined) {
    this.#stream = stream;
    this.#listener = listener;
  }

  join(socket: Socket): void {
    if (this.#ended) {
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const sink = createSocketSink(socket);
    this.#sink = sink;
    for (const bytes of this.#early) sink.write(bytes, 0, bytes.length, undefined, this);
    this.#early = NONE;
    if (this.#streamEnded) sink.end();
    this.#read = readOwned(socket, new SocketSide(this));
    if (!this.#stream.writable) this.#pause();
  }

  abort(code: ResetCode): void {
    if (this.#ended) return;
    this.#stream.reset(code);
    this.#finish({ by: 'local', reason: '' });
  }

  consumed(n: number): void {
    if (!this.#ended) this.#stream.consumed(n);
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    if (this.#ended) return;
    this.toSocket += end - start;
    if (this.#sink === undefined) this.#keep(buffer, start, end);
    else this.#sink.write(buffer, start, end, lease, this);
  }

  onEnd(): void {
    this.#streamEnded = true;
    const socket = this.#socket;
    // Both directions are over and nothing waits: closing says so by itself, a half-close before it would be for nothing.
    if (this.#socketEnded && socket?.writableLength === 0 && !(socket instanceof TLSSocket)) socket.destroy();
    else this.#sink?.end();
  }

  onReset(code: ResetCode, reason: string): void {
    this.#finish({ by: 'stream', code, reason });
  }

  onWritable(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#read?.resume();
  }

  onFull(): void {
    if (!this.#paused && this.#read !== undefined && !this.#socketEnded) this.#pause();
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const bytes = Buffer.allocUnsafe(end - start);
    buffer.copy(bytes, 0, start, end);
    if (this.#early === NONE) this.#early = [bytes];
    else this.#early.push(bytes);
  }

  onSocketEnd(): void {
    this.#socketEnded = true;
    this.#stream.end();
  }

  onRead(buffer: Buffer, length: number): boolean {
    if (this.#ended) return false;
    this.toStream += length;
    this.#stream.write(buffer, 0, length);
    if (this.#stream.writable) return true;
    this.#paused = true;
    return false;
  }

  #pause(): void {
    this.#paused = true;
    this.#read?.pause();
  }

  onSocketClose(): void {
    if (this.#socketEnded && this.#streamEnded) this.#finish({ by: 'both', reason: '' });
    else this.breakOff('the connection closed');
  }

  breakOff(reason: string): void {
    if (this.#ended) return;
    this.#stream.reset(RESET.BROKEN);
    this.#finish({ by: 'socket', reason });
  }

  #finish(end: { readonly by: SpliceEnd['by']; readonly code?: ResetCode; readonly reason: string }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#early = NONE;
    if (end.by !== 'both') this.#breakSocket();
    this.#listener?.onSpliceEnd({ ...end, toSocket: this.toSocket, toStream: this.toStream });
  }

  /** A plain close would look like a proper end, and half an upload like a whole one. TLS has its own way to tell. */
  #breakSocket(): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    // A Unix socket knows no reset.
    if (socket instanceof TLSSocket || socket.remotePort === undefined) socket.destroy();
    else socket.resetAndDestroy();
  }
}
