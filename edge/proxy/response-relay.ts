import type { Lease } from '../../shared/node/stream.ts';
import { DELIVERY, type Delivery, responseText } from './forward-head.ts';
import { BodyReader, FRAMING, type Framing } from './framing.ts';
import type { Outlet } from './outlet.ts';
import type { ResponseHead } from './response-head.ts';

/** Carries one response to the visitor, in the framing that the visitor understands. */
export class ResponseRelay {
  readonly #outlet: Outlet;
  readonly #head: ResponseHead;
  readonly #framing: Framing;
  readonly #delivery: Delivery;
  readonly #body: BodyReader;
  /** The visitor's connection ends with this response. */
  readonly close: boolean;
  /** Something of the response was written. */
  started = false;

  /** `method` and `minor` are the request's. */
  constructor(outlet: Outlet, head: ResponseHead, method: string, minor: 0 | 1, close: boolean) {
    this.#outlet = outlet;
    this.#head = head;
    this.#framing = framingOf(head, method);
    this.#delivery = deliveryOf(this.#framing, minor);
    this.close = close || this.#delivery === DELIVERY.RAW;
    const unwrap = this.#framing === FRAMING.CHUNKED && this.#delivery === DELIVERY.RAW;
    this.#body = new BodyReader(this.#framing, head.length, unwrap ? this.#raw : undefined);
  }

  readonly #raw = (buffer: Buffer, start: number, end: number): void => {
    this.#outlet.piece('', buffer, start, end, undefined, '');
  };

  get done(): boolean {
    return this.#body.done;
  }

  get failed(): boolean {
    return this.#body.failed;
  }

  get dataBytes(): number {
    return this.#body.dataBytes;
  }

  /** The visitor can tell a whole body from a broken one by its framing. */
  get framed(): boolean {
    return this.#delivery !== DELIVERY.RAW;
  }

  /** The origin takes another request on the same stream. */
  get reusable(): boolean {
    return !this.#head.close && this.#framing !== FRAMING.CLOSE;
  }

  /** Seconds that the origin keeps the stream; -1 when it did not say. */
  get keepAlive(): number {
    return this.#head.keepAlive;
  }

  headText(): string {
    return responseText(this.#head, this.#delivery, this.close);
  }

  /**
   * Writes `text` and what `buffer[start, end)` holds of the body; returns the index after the body's last byte. May
   * turn out `failed`.
   */
  deliver(text: string, buffer: Buffer, start: number, end: number, lease: Lease | undefined): number {
    if (this.#delivery === DELIVERY.RAW && this.#framing === FRAMING.CHUNKED) {
      this.started = true;
      if (text !== '') this.#outlet.text(text);
      return this.#body.scan(buffer, start, end);
    }
    const stop = this.#body.scan(buffer, start, end);
    const { chunks } = this.#body;
    if (chunks?.failed) return stop;
    this.started = true;
    const pass = chunks === undefined ? stop : chunks.passEnd;
    const length = pass - start;
    let head = text;
    let tail = '';
    if (chunks?.done && chunks.heldTrailers) tail = `${chunks.trailers}\r\n`;
    else if (this.#delivery === DELIVERY.RECHUNK && length > 0) {
      head += `${length.toString(16)}\r\n`;
      tail = '\r\n';
    }
    if (length > 0) this.#outlet.piece(head, buffer, start, pass, lease, tail);
    else if (head !== '' || tail !== '') this.#outlet.text(head + tail);
    return stop;
  }

  /** The origin has closed its side; returns whether the response is whole. */
  originEnd(): boolean {
    if (!this.#body.close()) return false;
    if (this.#delivery === DELIVERY.RECHUNK) this.#outlet.text('0\r\n\r\n');
    return true;
  }
}

/** RFC 9112 section 6.3. */
function framingOf(head: ResponseHead, method: string): Framing {
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
