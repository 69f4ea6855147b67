import { DATAGRAM_HEAD, frameDatagram, MAX_DATAGRAM } from '../wire/datagram.ts';
import type { TunnelStream } from './stream.ts';

/** Datagrams, and bytes of them, that wait for a stream which takes no more, unless told otherwise. */
const MOST_DATAGRAMS = 256;
const MOST_BYTES = 512 * 1024;

/** What there is too much of, so that a datagram was dropped. */
export type Excess = 'datagrams' | 'bytes';

/** Where datagrams of the whole process are framed: the stream copies them out during the call. */
const scratch = Buffer.allocUnsafeSlow(DATAGRAM_HEAD + MAX_DATAGRAM);

/**
 * Sends datagrams through a stream. While the stream is not writable they wait, bounded; then the oldest are dropped,
 * as a network would: what is late is worth less than what is new.
 */
export class DatagramQueue {
  readonly #stream: TunnelStream;
  readonly #most: number;
  readonly #mostBytes: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  /** Datagrams dropped since the start. */
  dropped = 0;

  constructor(stream: TunnelStream, most: number = MOST_DATAGRAMS, mostBytes: number = MOST_BYTES) {
    this.#stream = stream;
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** Sends `datagram`, or keeps it (not a copy of it) for later; says why where older ones had to be dropped for that. */
  send(datagram: Uint8Array): Excess | undefined {
    if (this.#waiting.length === 0 && this.#stream.writable) {
      this.#write(datagram);
      return undefined;
    }
    this.#waiting.push(datagram);
    this.#bytes += datagram.length;
    let excess: Excess | undefined;
    while (this.#waiting.length > this.#most || this.#bytes > this.#mostBytes) {
      excess ??= this.#waiting.length > this.#most ? 'datagrams' : 'bytes';
      this.#bytes -= this.#waiting.shift()?.length ?? 0;
      this.dropped++;
    }
    return excess;
  }

  /** The stream is writable again. */
  flush(): void {
    while (this.#waiting.length > 0 && this.#stream.writable) {
      const datagram = this.#waiting.shift();
      if (datagram === undefined) return;
      this.#bytes -= datagram.length;
      this.#write(datagram);
    }
  }

  #write(datagram: Uint8Array): void {
    this.#stream.write(scratch, 0, frameDatagram(datagram, scratch));
  }
}
