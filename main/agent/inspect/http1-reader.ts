import type { Exchange } from './exchange.ts';
import { type BodyRule, type MessageHead, MessageParser } from './message-parser.ts';
import type { ConnectionReader, ReaderHost } from './stream-tap.ts';

/** Requests of one connection that wait for their responses; a longer queue isn't followed. */
const MOST_PENDING = 64;

/** Pairs the requests and responses of an HTTP/1.1 connection: they answer in order. */
export class Http1Reader implements ConnectionReader {
  readonly #host: ReaderHost;
  readonly #requests: MessageParser;
  readonly #responses: MessageParser;
  /** Requests whose response isn't over, the oldest first. */
  readonly #pending: Exchange[] = [];
  /** The one whose body is passing. */
  #sending: Exchange | undefined;
  #receiving: Exchange | undefined;
  #lost = false;

  constructor(host: ReaderHost) {
    this.#host = host;
    this.#requests = new MessageParser('request', {
      onHead: (head) => this.#onRequest(head),
      onBody: (buffer, start, end) => this.#sending?.requestBody.add(buffer, start, end),
      onMessageEnd: () => this.#onRequestEnd(),
    });
    this.#responses = new MessageParser('response', {
      onHead: (head) => this.#onResponse(head),
      onBody: (buffer, start, end) => this.#receiving?.responseBody.add(buffer, start, end),
      onMessageEnd: () => this.#onResponseEnd(),
    });
  }

  get failed(): boolean {
    return this.#lost || this.#requests.failed || this.#responses.failed;
  }

  fromVisitor(buffer: Buffer, start: number, end: number): void {
    this.#requests.push(buffer, start, end);
  }

  fromOrigin(buffer: Buffer, start: number, end: number): void {
    this.#responses.push(buffer, start, end);
  }

  originEnded(): void {
    this.#responses.end();
  }

  open(): readonly Exchange[] {
    return this.#pending;
  }

  #onRequest(head: MessageHead): BodyRule {
    if (this.#pending.length >= MOST_PENDING) {
      this.#lost = true;
      return 'tunnel';
    }
    const exchange = this.#host.begin(head);
    if (exchange === undefined) return 'tunnel';
    this.#pending.push(exchange);
    this.#sending = exchange;
    return 'framed';
  }

  #onRequestEnd(): void {
    const exchange = this.#sending;
    if (exchange === undefined) return;
    exchange.sent(this.#host.monotonic());
    this.#sending = undefined;
    this.#host.changed(exchange);
  }

  #onResponse(head: MessageHead): BodyRule {
    const [exchange] = this.#pending;
    const status = Number(head.first[1]);
    // An answer to nothing: a server that ends an idle connection with words (408).
    if (exchange === undefined) {
      this.#host.stop();
      return 'tunnel';
    }
    const tunnel = status === 101 || (exchange.method === 'CONNECT' && status >= 200 && status < 300);
    if (status < 200 && !tunnel) return 'none';
    exchange.answer(head, this.#host.monotonic());
    exchange.upgraded = tunnel;
    this.#receiving = exchange;
    this.#host.changed(exchange);
    if (tunnel) return 'tunnel';
    return exchange.method === 'HEAD' || status === 204 || status === 304 ? 'none' : 'framed';
  }

  #onResponseEnd(): void {
    const exchange = this.#receiving;
    // After an interim response (1xx) the real one follows.
    if (exchange === undefined) return;
    this.#receiving = undefined;
    this.#pending.shift();
    exchange.finish('done', this.#host.monotonic());
    this.#host.changed(exchange);
    if (exchange.upgraded) this.#host.stop();
  }
}
