import type { OpenRequest } from '../../../shared/wire/open.ts';
import type { Exchange } from './exchange.ts';
import { Http1Reader } from './http1-reader.ts';
import { Http2Reader } from './http2-reader.ts';
import type { MessageHead } from './message-parser.ts';

/** What a client of HTTP/2 says first (RFC 9113 section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** How a response of HTTP/1.1 begins; as the length of a first frame of HTTP/2 it would be absurd. */
const H = 0x48;

/** Where a tap reports to. */
export interface TapHost {
  /** A request began; `undefined` when it isn't wanted any more. */
  begin(tap: StreamTap, request: MessageHead): Exchange | undefined;
  changed(exchange: Exchange): void;
  /** What passes from now on can't be read: it is no HTTP, or not followed any further. */
  unreadable(tap: StreamTap): void;
  /** The tap needs no more bytes. Once, after `unreadable` if that comes. */
  over(tap: StreamTap): void;
  /** It was let go of, while the connection goes on; what it returns is called when that is over. */
  released(tap: StreamTap): (() => void) | undefined;
  /** The connection is over. Once, and only where it was unreadable. */
  ended(tap: StreamTap): void;
  /** Milliseconds that never go back. */
  monotonic(): number;
}

/** What reads one connection in one version of HTTP. */
export interface ConnectionReader {
  /** It can't follow any further. */
  readonly failed: boolean;
  fromVisitor(buffer: Buffer, start: number, end: number): void;
  fromOrigin(buffer: Buffer, start: number, end: number): void;
  /** The origin has ended its side. */
  originEnded(): void;
  /** Exchanges that are not over, or not as a whole. */
  open(): readonly Exchange[];
}

/** What a reader tells. */
export interface ReaderHost {
  /** A request began; `undefined` when nothing is to be read any more. */
  begin(request: MessageHead): Exchange | undefined;
  changed(exchange: Exchange): void;
  /** No HTTP follows. */
  stop(): void;
  monotonic(): number;
}

/**
 * Reads a copy of what passes on one connection to an origin. It never throws, and whatever it can't follow it leaves
 * alone: the connection itself goes on as without it.
 */
export class StreamTap {
  readonly target: OpenRequest;
  readonly #host: TapHost;
  readonly #readerHost: ReaderHost;
  /** Once it is known which version is spoken. */
  #reader: ConnectionReader | undefined;
  /** Bytes of the preface of HTTP/2 that have passed. */
  #prefaced = 0;
  #connect: number | undefined;
  #begun = false;
  /** The first exchange, until it is known what connecting took. */
  #first: Exchange | undefined;
  #over = false;
  /** What is to be told at the end of a connection that is not read any more. */
  #afterwards: (() => void) | undefined;

  constructor(target: OpenRequest, host: TapHost) {
    this.target = target;
    this.#host = host;
    this.#readerHost = {
      begin: (head) => this.#begin(head),
      changed: (exchange) => host.changed(exchange),
      stop: () => this.#finish('broken'),
      monotonic: () => host.monotonic(),
    };
  }

  /** The origin is connected; `http2`: it was asked, and chose that. */
  opened(dialMicros: number, http2: boolean): void {
    this.#connect = dialMicros / 1000;
    if (this.#first !== undefined) this.#first.connect = this.#connect;
    this.#first = undefined;
    if (http2 && this.#reader === undefined && !this.#over) this.#reader = new Http2Reader(this.#readerHost);
  }

  fromVisitor(buffer: Buffer, start: number, end: number): void {
    this.#guard(() => this.#readVisitor(buffer, start, end));
  }

  fromOrigin(buffer: Buffer, start: number, end: number): void {
    this.#guard(() => {
      // A server of HTTP/2 may speak first.
      if (this.#reader === undefined && start < end)
        this.#reader = buffer[start] === H ? new Http1Reader(this.#readerHost) : new Http2Reader(this.#readerHost);
      this.#reader?.fromOrigin(buffer, start, end);
    });
  }

  /** The origin has ended its side. */
  originEnded(): void {
    this.#guard(() => this.#reader?.originEnded());
    this.stop();
  }

  /** No more is read: nobody wants to see it. The connection goes on. */
  release(): void {
    if (this.#over) return;
    this.#finish('lost');
    this.#afterwards = this.#host.released(this);
  }

  /** The connection is over: no more is read, and what is under way counts as cut off. Idempotent. */
  stop(): void {
    this.#finish('broken');
    const afterwards = this.#afterwards;
    this.#afterwards = undefined;
    afterwards?.();
  }

  #readVisitor(buffer: Buffer, start: number, end: number): void {
    let at = start;
    if (!(this.#reader instanceof Http1Reader)) {
      while (at < end && this.#prefaced < PREFACE.length && buffer[at] === PREFACE[this.#prefaced]) {
        this.#prefaced++;
        at++;
      }
      if (this.#prefaced < PREFACE.length) {
        if (at === end) return;
        // The origin speaks HTTP/2 and the edge does not.
        if (this.#reader !== undefined) {
          this.#giveUp();
          return;
        }
        this.#reader = new Http1Reader(this.#readerHost);
        this.#reader.fromVisitor(PREFACE, 0, this.#prefaced);
      }
    }
    const reader = this.#reader ?? new Http2Reader(this.#readerHost);
    this.#reader = reader;
    reader.fromVisitor(buffer, at, end);
  }

  #begin(head: MessageHead): Exchange | undefined {
    const exchange = this.#over ? undefined : this.#host.begin(this, head);
    if (exchange === undefined) this.#finish('lost');
    else if (!this.#begun) {
      exchange.connect = this.#connect;
      if (this.#connect === undefined) this.#first = exchange;
    }
    this.#begun = true;
    return exchange;
  }

  /** A fault of the reading must not become one of the connection. */
  #guard(read: () => void): void {
    if (this.#over) return;
    try {
      read();
    } catch {
      this.#giveUp();
    }
    if (this.#reader?.failed === true) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#over) return;
    this.#afterwards = () => this.#host.ended(this);
    this.#host.unreadable(this);
    this.#finish('lost');
  }

  #finish(state: 'broken' | 'lost'): void {
    if (this.#over) return;
    this.#over = true;
    for (const exchange of this.#reader?.open() ?? []) {
      exchange.finish(state, this.#host.monotonic());
      this.#host.changed(exchange);
    }
    this.#reader = undefined;
    this.#first = undefined;
    this.#host.over(this);
  }
}
