import type { FailureCode } from '../../shared/domain/failure.ts';
import { DatagramQueue } from '../../shared/node/datagram-queue.ts';
import type { StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { DatagramReader } from '../../shared/wire/datagram.ts';
import { failureOf, problemOf } from '../../shared/wire/reset-meaning.ts';
import type { BoundName } from '../bounds.ts';
import type { Endpoint } from '../proxy-header.ts';
import type { DirectRoute, Judgement } from '../visit.ts';
import { beginPassage, judgementOf, type Passage, type RelayOptions, recordOf } from './context.ts';

/** Milliseconds that a visitor whose session failed waits for the next: each would be a dial and a line in the log. */
const COOL_DOWN = 1_000;

/** The way back to one visitor. */
export type Reply = (datagram: Uint8Array) => void;

/** The datagrams between one visitor (address and port) and the origin, in a stream of their own. */
export class UdpSession implements StreamHandler {
  readonly route: DirectRoute;
  readonly #options: RelayOptions;
  readonly #reply: Reply;
  readonly #onDropped: (bound: BoundName) => void;
  readonly #passage: Passage;
  /** What let this visitor in, or put it out. */
  #judgement: Judgement;
  readonly #reader = new DatagramReader();
  #stream: TunnelStream | undefined;
  #queue: DatagramQueue | undefined;
  #opened: { readonly at: number; readonly dial: number } | undefined;
  #answered = false;
  #moved = true;
  #movedAt: number;
  #bytesUp = 0;
  #bytesDown = 0;
  #overAt: number | undefined;

  /** `judgement` is what let this visitor in; `onDropped` is told of datagrams that a slow agent has no use for any more. */
  constructor(
    options: RelayOptions,
    route: DirectRoute,
    visitor: Endpoint,
    judgement: Judgement,
    reply: Reply,
    onDropped: (bound: BoundName) => void,
  ) {
    this.#options = options;
    this.route = route;
    this.#reply = reply;
    this.#onDropped = onDropped;
    this.#passage = beginPassage(options.clock, route, visitor);
    this.#judgement = judgement;
    this.#movedAt = this.#passage.startedAt;
  }

  get address(): string {
    return this.#passage.visitor.address;
  }

  start(): void {
    const { target } = this.route;
    const stream = this.#options.tunnels.open(target.agentId, target.open, this);
    if (typeof stream === 'string') {
      this.#finish(stream);
      return;
    }
    this.#stream = stream;
    this.#queue = new DatagramQueue(stream, this.#options.limits?.udpQueue, this.#options.limits?.udpQueueSize);
  }

  /** A datagram of the visitor; dropped when the session is over. */
  send(datagram: Uint8Array): void {
    if (this.#overAt !== undefined) return;
    this.#moved = true;
    this.#bytesUp += datagram.length;
    const excess = this.#queue?.send(datagram);
    if (excess !== undefined) this.#onDropped(excess === 'datagrams' ? 'udpQueue' : 'udpQueueSize');
  }

  /** Ends it now. */
  end(failure: FailureCode | undefined): void {
    this.#stream?.reset(RESET.CANCELLED);
    this.#finish(failure);
  }

  /** The service has other restrictions now, those of `route`: ends what they wouldn't have let in. */
  recheck(route: DirectRoute): void {
    this.#judgement = { ...this.#judgement, ...judgementOf(this.#options, route, this.address) };
    const { denied } = this.#judgement;
    if (denied !== undefined) this.end(denied);
  }

  /** Looks at the deadlines; true when the session can be forgotten. */
  tick(now: number): boolean {
    if (this.#overAt !== undefined) return now - this.#overAt >= COOL_DOWN;
    if (this.#moved) {
      this.#moved = false;
      this.#movedAt = now;
    }
    if (now - this.#movedAt < this.route.idleTimeout) return false;
    // Silence is how a session of datagrams ends; nothing has failed.
    this.end(undefined);
    return true;
  }

  onOpened(dialMicros: number): void {
    this.#opened = { at: this.#options.clock.monotonic(), dial: dialMicros / 1000 };
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#stream?.consumed(end - start);
    if (this.#overAt !== undefined) return;
    const fits = this.#reader.push(buffer, start, end, (datagram) => {
      this.#moved = true;
      this.#bytesDown += datagram.length;
      this.#reply(datagram);
    });
    if (!fits) {
      this.end('origin_bad_response');
      return;
    }
    if (this.#answered) return;
    // Only an answer proves that somebody is there: a port that nobody listens on can be "connected" to as well.
    this.#answered = true;
    this.#options.onDial(this.route.target, undefined);
  }

  /** The agent has no more to send: the session has no use any more. */
  onEnd(): void {
    this.end(undefined);
  }

  onWritable(): void {
    this.#queue?.flush();
  }

  onReset(code: ResetCode): void {
    const problem = problemOf(code);
    if (problem !== undefined) this.#options.onDial(this.route.target, problem);
    this.#finish(failureOf(code));
  }

  #finish(failure: FailureCode | undefined): void {
    if (this.#overAt !== undefined) return;
    this.#overAt = this.#options.clock.monotonic();
    const outcome = {
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      failure,
      opened: this.#opened,
      judgement: this.#judgement,
    };
    this.#options.record(recordOf(this.#options, this.#passage, outcome));
  }
}
