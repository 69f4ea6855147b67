import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';
import { DELIVERY, type Delivery, responseText } from './forward-head.ts';
import { BodyReader, FRAMING, type Framing } from './framing.ts';
import type { Outlet } from './outlet.ts';
import type { Relay } from './reply.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Carries one response to a visitor of HTTP/1. */
export class ResponseRelay implements Relay {
  readonly #outlet: Outlet;
  readonly #origin: Consumer;
  readonly #head: ResponseHead;
  readonly #framing: Framing;
  readonly #delivery: Delivery;
  readonly #body: BodyReader;
  #lease: Lease | undefined;
  readonly close: boolean;
  started = false;

  constructor(outlet: Outlet, origin: Consumer, head: ResponseHead, request: RequestHead, close: boolean) {
    this.#outlet = outlet;
    this.#origin = origin;
    this.#head = head;
    this.#framing = framingOf(head, request.method);
    this.#delivery = deliveryOf(this.#framing, request.minor);
    this.close = close || this.#delivery === DELIVERY.RAW;
    const unwrap = this.#framing === FRAMING.CHUNKED && this.#delivery === DELIVERY.RAW;
    this.#body = new BodyReader(this.#framing, head.length, unwrap ? this.#unwrapped : undefined);
  }

  readonly #unwrapped = (buffer: Buffer, start: number, end: number): void => {
    this.#write('', buffer, start, end, '');
  };

  get done(): boolean {
    return this.#body.done;
  }

  get failed(): boolean {
    return this.#body.failed;
  }

  get bytesDown(): number {
    return this.#body.dataBytes;
  }

  get framed(): boolean {
    return this.#delivery !== DELIVERY.RAW;
  }

  get reusable(): boolean {
    return !this.#head.close && this.#framing !== FRAMING.CLOSE;
  }

  get keepAlive(): number {
    return this.#head.keepAlive;
  }

  deliver(buffer: Buffer, start: number, end: number, lease: Lease | undefined): number {
    this.#lease = lease;
    const text = this.started ? '' : responseText(this.#head, this.#delivery, this.close);
    const unwraps = this.#framing === FRAMING.CHUNKED && this.#delivery === DELIVERY.RAW;
    if (unwraps && text !== '') {
      this.started = true;
      this.#outlet.text(text);
    }
    const before = this.#body.dataBytes;
    const stop = this.#body.scan(buffer, start, end);
    if (this.#body.failed) return stop;
    const written = unwraps ? this.#body.dataBytes - before : this.#pass(text, buffer, start, stop);
    if (lease !== undefined && end - start > written) this.#origin.consumed(end - start - written);
    this.#lease = undefined;
    return stop;
  }

  /** Passes on what the scanner let through; returns how many of the origin's bytes were written. */
  #pass(text: string, buffer: Buffer, start: number, stop: number): number {
    this.started = true;
    const { chunks } = this.#body;
    const pass = chunks === undefined ? stop : chunks.passEnd;
    const length = pass - start;
    let head = text;
    let tail = '';
    if (chunks?.done && chunks.heldTrailers) tail = `${chunks.trailers}\r\n`;
    else if (this.#delivery === DELIVERY.RECHUNK && length > 0) {
      head += `${length.toString(16)}\r\n`;
      tail = '\r\n';
    }
    if (length > 0) this.#write(head, buffer, start, pass, tail);
    else if (head !== '' || tail !== '') this.#outlet.text(head + tail);
    return length;
  }

  #write(head: string, buffer: Buffer, start: number, end: number, tail: string): void {
    const owner = this.#lease === undefined ? undefined : this.#origin;
    this.#outlet.piece(head, buffer, start, end, tail, this.#lease, owner);
  }

  originEnd(): boolean {
    if (!this.#body.close()) return false;
    if (this.#delivery === DELIVERY.RECHUNK) this.#outlet.text('0\r\n\r\n');
    return true;
  }
}

/** RFC 9112 section 6.3. */
export function framingOf(head: ResponseHead, method: string): Framing {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return FRAMING.NONE;
  if (head.chunked) return FRAMING.CHUNKED;
  return head.length >= 0 ? FRAMING.LENGTH : FRAMING.CLOSE;
}

function deliveryOf(framing: Framing, minor: 0 | 1): Delivery {
  switch (framing) {
    case FRAMING.NONE:
      return DELIVERY.NONE;
    case FRAMING.LENGTH:
      return DELIVERY.LENGTH;
    case FRAMING.CHUNKED:
      return minor === 1 ? DELIVERY.CHUNKS : DELIVERY.RAW;
    case FRAMING.CLOSE:
      return minor === 1 ? DELIVERY.RECHUNK : DELIVERY.RAW;
  }
}
