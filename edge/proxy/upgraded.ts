import type { Lease } from '../../shared/node/stream.ts';
import type { ProxyContext } from './context.ts';
import type { Origin } from './origin-stream.ts';
import type { Reply } from './reply.ts';

/** A connection after 101: bytes both ways, until both sides have closed. */
export class Upgraded {
  readonly #context: ProxyContext;
  readonly #reply: Reply;
  readonly #origin: Origin;
  #visitorEnded = false;
  #originEnded = false;
  bytesUp = 0;
  bytesDown = 0;
  /** Coarse time of the last sign of life from either side. */
  lastActivity: number;

  constructor(context: ProxyContext, reply: Reply, origin: Origin) {
    this.#context = context;
    this.#reply = reply;
    this.#origin = origin;
    this.lastActivity = context.coarse;
  }

  get halfClosed(): boolean {
    return this.#visitorEnded || this.#originEnded;
  }

  get over(): boolean {
    return this.#visitorEnded && this.#originEnded;
  }

  fromVisitor(buffer: Buffer, start: number, end: number): void {
    this.bytesUp += end - start;
    this.lastActivity = this.#context.coarse;
    this.#origin.write(buffer, start, end);
  }

  /** Without `lease` the bytes are a copy, for which no credit is due. */
  fromOrigin(buffer: Buffer, start: number, end: number, lease: Lease | undefined): void {
    this.bytesDown += end - start;
    this.lastActivity = this.#context.coarse;
    this.#reply.bytes(buffer, start, end, lease, lease === undefined ? undefined : this.#origin);
  }

  visitorEnd(): void {
    this.#visitorEnded = true;
    this.lastActivity = this.#context.coarse;
    this.#origin.end();
  }

  originEnd(): void {
    this.#originEnded = true;
    this.lastActivity = this.#context.coarse;
  }
}
