import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';
import { BodyReader, FRAMING, type Framing } from './framing.ts';
import { toFields } from './h2-fields.ts';
import type { H2Outlet } from './h2-outlet.ts';
import type { Relay } from './reply.ts';
import type { ResponseHead } from './response-head.ts';
import { framingOf } from './response-relay.ts';

/** Carries one response to a visitor of HTTP/2: whatever framed its body, DATA frames do now. */
export class H2Relay implements Relay {
  readonly close = false;
  readonly framed = true;
  readonly #stream: ServerHttp2Stream;
  readonly #outlet: H2Outlet;
  readonly #origin: Consumer;
  readonly #head: ResponseHead;
  readonly #fields: OutgoingHttpHeaders;
  readonly #framing: Framing;
  readonly #body: BodyReader;
  /** Where the data of chunks lies in what is being read, start and end in turn. */
  readonly #pieces: number[] = [];
  started = false;

  constructor(
    stream: ServerHttp2Stream,
    outlet: H2Outlet,
    origin: Consumer,
    head: ResponseHead,
    fields: OutgoingHttpHeaders,
    method: string,
  ) {
    this.#stream = stream;
    this.#outlet = outlet;
    this.#origin = origin;
    this.#head = head;
    this.#fields = fields;
    this.#framing = framingOf(head, method);
    this.#body = new BodyReader(this.#framing, head.length, (_buffer, start, end) => this.#pieces.push(start, end));
  }

  get done(): boolean {
    return this.#body.done;
  }

  get failed(): boolean {
    return this.#body.failed;
  }

  get bytesDown(): number {
    return this.#body.dataBytes;
  }

  get reusable(): boolean {
    return !this.#head.close && this.#framing !== FRAMING.CLOSE;
  }

  get keepAlive(): number {
    return this.#head.keepAlive;
  }

  deliver(buffer: Buffer, start: number, end: number, lease: Lease | undefined): number {
    this.#pieces.length = 0;
    const before = this.#body.dataBytes;
    const stop = this.#body.scan(buffer, start, end);
    if (this.#body.failed) return stop;
    const written = this.#body.dataBytes - before;
    const last = this.done;
    this.#begin(written);
    if (lease !== undefined && end - start > written) this.#origin.consumed(end - start - written);
    const owner = lease === undefined ? undefined : this.#origin;
    if (this.#framing !== FRAMING.CHUNKED) this.#outlet.write(buffer, start, start + written, lease, owner, last);
    else if (this.#pieces.length === 2)
      this.#outlet.write(buffer, this.#pieces[0] ?? 0, this.#pieces[1] ?? 0, lease, owner, last);
    else this.#outlet.write(this.#gather(buffer, written), 0, written, undefined, owner, last);
    return stop;
  }

  /** The data of several chunks in one piece of memory, and so in one frame. */
  #gather(buffer: Buffer, length: number): Buffer {
    const all = Buffer.allocUnsafe(length);
    let at = 0;
    for (let i = 0; i < this.#pieces.length; i += 2) at += buffer.copy(all, at, this.#pieces[i], this.#pieces[i + 1]);
    return all;
  }

  /** Sends the head, with the end of the stream where no body and no trailers can follow. */
  #begin(length: number): void {
    if (this.started) return;
    this.started = true;
    const { chunks } = this.#body;
    const trailers = chunks !== undefined && !(chunks.done && chunks.trailers === '');
    if (trailers) this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(toFields(chunks.trailers)));
    const endStream = this.done && length === 0 && !trailers;
    this.#outlet.respond(this.#fields, { endStream, waitForTrailers: trailers });
  }

  originEnd(): boolean {
    if (!this.#body.close()) return false;
    this.#outlet.end();
    return true;
  }
}
