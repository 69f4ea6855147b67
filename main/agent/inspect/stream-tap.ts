import type { OpenRequest } from '../../../shared/wire/open.ts';
import type { Exchange } from './exchange.ts';
import { type BodyRule, type MessageHead, MessageParser } from './message-parser.ts';

/** Requests of one connection that wait for their responses; a longer queue isn't followed. */
const MOST_PENDING = 64;

/** Where a tap reports to. */
export interface TapHost {
  /** A request began; `undefined` when it isn't wanted any more. */
  begin(tap: StreamTap, request: MessageHead): Exchange | undefined;
  changed(exchange: Exchange): void;
  /** Nothing of this connection can be read: it speaks HTTP/2, or no HTTP at all. */
  unreadable(tap: StreamTap): void;
  /** The tap needs no more bytes. */
  over(tap: StreamTap): void;
  /** Milliseconds that never go back. */
  monotonic(): number;
}

/**
 * Reads a copy of what passes on one connection to an origin, and pairs requests with responses. It never throws, and
 * whatever it can't follow it leaves alone: the connection itself goes on as without it.
 */
export class StreamTap {
  readonly target: OpenRequest;
  readonly #host: TapHost;
  readonly #requests: MessageParser;
  readonly #responses: MessageParser;
  /** Requests whose response isn't over, the oldest first. */
  readonly #pending: Exchange[] = [];
  /** The one whose body is passing. */
  #sending: Exchange | undefined;
  #receiving: Exchange | undefined;
  #connect: number | undefined;
  #seen = false;
  #over = false;

  constructor(target: OpenRequest, host: TapHost) {
    this.target = target;
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

  /** The origin is connected. */
  opened(dialMicros: number, http2: boolean): void {
    this.#connect = dialMicros / 1000;
    const [first] = this.#pending;
    if (first !== undefined) first.connect = this.#connect;
    if (http2) this.#giveUp();
  }

  fromVisitor(buffer: Buffer, start: number, end: number): void {
    this.#guard(() => this.#requests.push(buffer, start, end));
    if (this.#requests.failed) this.#giveUp();
  }

  fromOrigin(buffer: Buffer, start: number, end: number): void {
    this.#guard(() => this.#responses.push(buffer, start, end));
    if (this.#responses.failed) this.#giveUp();
  }

  /** The origin has ended its side. */
  originEnded(): void {
    this.#guard(() => this.#responses.end());
    this.stop();
  }

  /** No more is read; what is under way counts as cut off. Idempotent. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    for (const exchange of this.#pending.splice(0)) {
      exchange.finish('broken', this.#host.monotonic());
      this.#host.changed(exchange);
    }
    this.#host.over(this);
  }

  #giveUp(): void {
    if (!this.#seen && !this.#over) this.#host.unreadable(this);
    this.stop();
  }

  /** A fault of the reading must not become one of the connection. */
  #guard(read: () => void): void {
    if (this.#over) return;
    try {
      read();
    } catch {
      this.stop();
    }
  }

  #onRequest(head: MessageHead): BodyRule {
    const exchange = this.#pending.length < MOST_PENDING ? this.#host.begin(this, head) : undefined;
    if (exchange === undefined) {
      this.stop();
      return 'tunnel';
    }
    this.#seen = true;
    exchange.connect = this.#connect;
    this.#connect = undefined;
    this.#pending.push(exchange);
    this.#sending = exchange;
    return 'framed';
  }

  #onRequestEnd(): void {
    const exchange = this.#sending;
    if (exchange === undefined) return;
    exchange.requestEnd = this.#host.monotonic() - exchange.began.monotonic;
    this.#sending = undefined;
    this.#host.changed(exchange);
  }

  #onResponse(head: MessageHead): BodyRule {
    const [exchange] = this.#pending;
    const status = Number(head.first[1]);
    // An answer to nothing: a server that ends an idle connection with words (408).
    if (exchange === undefined) {
      this.stop();
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
    if (exchange.upgraded) this.stop();
  }
}
