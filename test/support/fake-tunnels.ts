/** Tunnels in memory: a test plays the origins. Keeps to the contract of `shared/node/stream.ts`, and checks ours. */
import type { Lease, StreamHandler, StreamOpener, TunnelStream } from '../../shared/node/stream.ts';
import type { ResetCode } from '../../shared/wire/codes.ts';

/** Bytes a stream takes before it is no longer writable, and an origin may send without credit. */
const WINDOW = 64 * 1024;

/** One stream, seen from the origin's side. */
export class FakeStream implements TunnelStream {
  readonly id: number;
  readonly #handler: StreamHandler;
  #changed: () => void = () => {};
  /** What the edge wrote, as Latin-1. */
  received = '';
  ended = false;
  resetWith: ResetCode | undefined;
  /** Bytes sent to the edge for which no credit came back. */
  unpaid = 0;
  /** Loans of read buffers that were not given back. */
  loans = 0;
  /** Bytes that the origin has not read yet. */
  unread = 0;
  /** The origin reads whatever comes. */
  reads = true;
  #refused = false;

  constructor(id: number, handler: StreamHandler) {
    this.id = id;
    this.#handler = handler;
  }

  get writable(): boolean {
    if (this.resetWith !== undefined || this.ended) return false;
    this.#refused = this.unread >= WINDOW;
    return !this.#refused;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.ended) throw new Error('written after its end');
    this.received += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    if (!this.reads) this.unread += end - start;
    this.#changed();
  }

  writeLatin1(text: string): void {
    this.write(Buffer.from(text, 'latin1'));
  }

  end(): void {
    this.ended = true;
    this.#changed();
  }

  reset(code: ResetCode): void {
    this.resetWith ??= code;
    this.#changed();
  }

  consumed(n: number): void {
    if (n > this.unpaid) throw new Error(`credit for ${n} bytes, but ${this.unpaid} were sent`);
    this.unpaid -= n;
    this.#changed();
  }

  /** The origin reads what waits. */
  drain(): void {
    this.reads = true;
    this.unread = 0;
    if (this.#refused) this.#handler.onWritable();
  }

  opened(): void {
    this.#handler.onOpened?.(100);
  }

  /** The origin sends `text` as one read. The buffer changes once nobody holds it, as a real one would. */
  send(text: string | Buffer): void {
    if (this.resetWith !== undefined) return;
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    const buffer = Buffer.concat([Buffer.from('junk'), bytes, Buffer.from('junk')]);
    let holds = 1;
    const release = (): void => {
      if (--holds === 0) buffer.fill(0x2a);
      if (holds < 0) throw new Error('released more often than held');
    };
    const lease: Lease = {
      scarce: false,
      hold: () => {
        holds++;
        this.loans++;
      },
      release: () => {
        this.loans--;
        release();
        this.#changed();
      },
    };
    this.unpaid += bytes.length;
    this.#handler.onData(buffer, 4, 4 + bytes.length, lease);
    release();
  }

  /** The origin half-closes. */
  finish(): void {
    if (this.resetWith === undefined) this.#handler.onEnd();
  }

  /** The agent breaks the stream off. */
  break(code: ResetCode): void {
    if (this.resetWith !== undefined) return;
    this.resetWith = code;
    this.#handler.onReset(code, 'a test says so');
  }

  /** Resolves once `wanted` holds; looked at after every call of the edge. */
  until(wanted: (stream: this) => boolean): Promise<this> {
    return new Promise((resolve) => {
      const before = this.#changed;
      this.#changed = () => {
        before();
        if (wanted(this)) resolve(this);
      };
      this.#changed();
    });
  }

  untilReceived(part: string): Promise<this> {
    return this.until((stream) => stream.received.includes(part));
  }
}

export class FakeTunnels implements StreamOpener {
  readonly streams: FakeStream[] = [];
  /** What the next opens come to; a stream when empty. */
  readonly refusals: ('agent_offline' | 'busy')[] = [];
  readonly #waiting: { readonly count: number; readonly found: (stream: FakeStream) => void }[] = [];
  rtt = 0;
  /** As long as `rtt` unless set. */
  shortest: number | undefined;

  open(_agentId: string, _open: Uint8Array, handler: StreamHandler): TunnelStream | 'agent_offline' | 'busy' {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    const stream = new FakeStream(this.streams.length + 1, handler);
    this.streams.push(stream);
    for (const waiter of this.#waiting) if (waiter.count === this.streams.length) waiter.found(stream);
    return stream;
  }

  roundTrip(): number {
    return this.rtt;
  }

  shortestRoundTrip(): number {
    return this.shortest ?? this.rtt;
  }

  /** The stream that was opened as number `count`, from 1. */
  stream(count: number): Promise<FakeStream> {
    const known = this.streams[count - 1];
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((found) => this.#waiting.push({ count, found }));
  }
}
