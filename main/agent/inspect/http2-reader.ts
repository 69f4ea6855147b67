import type { Exchange } from './exchange.ts';
import { FrameReader } from './frame-reader.ts';
import type { Field } from './hpack.ts';
import type { MessageHead } from './message-parser.ts';
import type { ConnectionReader, ReaderHost } from './stream-tap.ts';

/** Requests of one connection under way at once, more than the edge ever has; past that it isn't followed. */
const MOST_STREAMS = 256;

/** One stream, and which sides have sent everything. */
interface Stream {
  readonly exchange: Exchange;
  sent: boolean;
  answered: boolean;
}

/** Pairs the requests and responses of an HTTP/2 connection (RFC 9113 section 8): each pair has a stream of its own. */
export class Http2Reader implements ConnectionReader {
  readonly #host: ReaderHost;
  readonly #visitor: FrameReader;
  readonly #origin: FrameReader;
  readonly #streams = new Map<number, Stream>();
  /** The highest stream that was begun; streams are begun in order. */
  #last = 0;
  #lost = false;

  constructor(host: ReaderHost) {
    this.#host = host;
    this.#visitor = new FrameReader({
      onFields: (id, fields, last) => this.#onRequestFields(id, fields, last),
      onData: (id, buffer, start, end) => {
        const stream = this.#streams.get(id);
        if (stream?.exchange.upgraded === false) stream.exchange.requestBody.add(buffer, start, end);
      },
      onLast: (id) => this.#onSent(id),
      onReset: (id) => this.#onReset(id),
    });
    this.#origin = new FrameReader({
      onFields: (id, fields, last) => this.#onResponseFields(id, fields, last),
      onData: (id, buffer, start, end) => {
        const stream = this.#streams.get(id);
        if (stream?.exchange.upgraded === false) stream.exchange.responseBody.add(buffer, start, end);
      },
      onLast: (id) => this.#onAnswered(id),
      onReset: (id) => this.#onReset(id),
    });
  }

  get failed(): boolean {
    return this.#lost || this.#visitor.failed || this.#origin.failed;
  }

  fromVisitor(buffer: Buffer, start: number, end: number): void {
    this.#visitor.push(buffer, start, end);
  }

  fromOrigin(buffer: Buffer, start: number, end: number): void {
    this.#origin.push(buffer, start, end);
  }

  originEnded(): void {}

  open(): readonly Exchange[] {
    return [...this.#streams.values()].map(({ exchange }) => exchange);
  }

  #onRequestFields(id: number, fields: readonly Field[], last: boolean): void {
    if (id > this.#last) this.#begin(id, fields);
    else this.#streams.get(id)?.exchange.trail('request', fields);
    if (last) this.#onSent(id);
  }

  #begin(id: number, fields: readonly Field[]): void {
    this.#last = id;
    const head = requestHead(fields);
    if (head === undefined || this.#streams.size >= MOST_STREAMS) {
      this.#lost = true;
      return;
    }
    const exchange = this.#host.begin(head);
    if (exchange !== undefined) this.#streams.set(id, { exchange, sent: false, answered: false });
  }

  #onSent(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sent = true;
    stream.exchange.sent(this.#host.monotonic());
    this.#host.changed(stream.exchange);
    if (stream.answered) this.#streams.delete(id);
  }

  #onResponseFields(id: number, fields: readonly Field[], last: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const { exchange } = stream;
    if (exchange.response !== undefined) exchange.trail('response', fields);
    else {
      const head = responseHead(fields);
      if (head === undefined) {
        this.#lost = true;
        return;
      }
      const status = Number(head.first[1]);
      // The real one follows.
      if (status < 200) return;
      exchange.answer(head, this.#host.monotonic());
      exchange.upgraded = exchange.method === 'CONNECT' && status < 300;
      this.#host.changed(exchange);
    }
    if (last) this.#onAnswered(id);
  }

  #onAnswered(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.answered = true;
    stream.exchange.finish('done', this.#host.monotonic());
    this.#host.changed(stream.exchange);
    if (stream.sent) this.#streams.delete(id);
  }

  /** Either side lets go of the stream; where the answer was whole already, that changes nothing. */
  #onReset(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.exchange.finish('broken', this.#host.monotonic());
    this.#host.changed(stream.exchange);
  }
}

const fieldOf = (fields: readonly Field[], name: string): string | undefined =>
  fields.find(([known]) => known === name)?.[1];

/** As HTTP/1.1 would have it: pseudo-fields in the first line, the authority in `host` (RFC 9113 section 8.3.1). */
function requestHead(fields: readonly Field[]): MessageHead | undefined {
  const method = fieldOf(fields, ':method');
  const authority = fieldOf(fields, ':authority');
  const path = fieldOf(fields, ':path') ?? (method === 'CONNECT' ? authority : undefined);
  if (method === undefined || path === undefined) return undefined;
  const headers = plain(fields);
  const named = authority === undefined || fieldOf(headers, 'host') !== undefined;
  return { first: [method, path, 'HTTP/2'], headers: named ? headers : [['host', authority], ...headers] };
}

function responseHead(fields: readonly Field[]): MessageHead | undefined {
  const status = fieldOf(fields, ':status');
  if (status === undefined || !/^\d{3}$/.test(status)) return undefined;
  return { first: ['HTTP/2', status, ''], headers: plain(fields) };
}

const plain = (fields: readonly Field[]): readonly Field[] => fields.filter(([name]) => !name.startsWith(':'));
