import type { Socket } from 'node:net';
import type { FailureCode } from '../../shared/domain/failure.ts';
import { createSplice, type Splice, type SpliceEnd, type SpliceListener } from '../../shared/node/splice.ts';
import type { Lease, StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { failureOf, problemOf } from '../../shared/wire/reset-meaning.ts';
import { localOf, peerOf } from '../peer.ts';
import { encodeProxyHeader } from '../proxy-header.ts';
import type { DirectRoute, Judgement } from '../visit.ts';
import { beginPassage, judgementOf, type Outcome, type Passage, type RelayOptions, recordOf } from './context.ts';

/** A visitor's connection, as the listener hands it over. */
export interface Arrival {
  readonly socket: Socket;
  /** Taken from the socket already. */
  readonly early?: Buffer;
  /** The visitor has half-closed already. */
  readonly ended?: boolean;
}

/** Milliseconds beyond the target's own timeout until an agent that says nothing is given up. */
const DIAL_GRACE = 5_000;
/** Milliseconds after which a connection is in the access log while it is still open. */
const LONG = 10_000;
/** Milliseconds that a visitor has to take the end of a connection. */
const GOODBYE = 1_000;

/** One connection of a TCP or TLS service: its bytes as they are, both ways, each end half-closed by itself. */
export class RelayConnection implements StreamHandler, SpliceListener {
  readonly route: DirectRoute;
  readonly #options: RelayOptions;
  readonly #arrival: Arrival;
  readonly #passage: Passage;
  readonly #onEnd: (connection: RelayConnection) => void;
  /** What let this visitor in, or put it out. */
  #judgement: Judgement;
  #stream: TunnelStream | undefined;
  #splice: Splice | undefined;
  #opened: { readonly at: number; readonly dial: number } | undefined;
  /** Bytes moved by the last tick. */
  #moved = 0;
  #movedAt: number;
  /** Why this side ends it. */
  #failure: FailureCode | undefined;
  #over = false;
  /** It has a line in the log that says that it is open. */
  #shown = false;

  constructor(
    options: RelayOptions,
    arrival: Arrival,
    route: DirectRoute,
    onEnd: (connection: RelayConnection) => void,
  ) {
    this.#options = options;
    this.#arrival = arrival;
    this.route = route;
    this.#onEnd = onEnd;
    this.#passage = beginPassage(options.clock, route, peerOf(arrival.socket));
    this.#movedAt = this.#passage.startedAt;
    this.#judgement = judgementOf(options, route, this.#passage.visitor.address);
  }

  /** Why the service's restrictions don't let this visitor in. */
  get denied(): FailureCode | undefined {
    return this.#judgement.denied;
  }

  /** Opens the way to the origin. What the visitor sends meanwhile goes along: the agent keeps it for its dial. */
  start(): void {
    const { target, proxyProtocol } = this.route;
    const { socket, early, ended } = this.#arrival;
    const stream = this.#options.tunnels.open(target.agentId, target.open, this);
    if (typeof stream === 'string') {
      this.refuse(stream);
      return;
    }
    this.#stream = stream;
    this.#splice = createSplice(stream, this);
    if (proxyProtocol) stream.write(encodeProxyHeader(peerOf(socket), localOf(socket)));
    if (early !== undefined && early.length > 0) stream.write(early);
    if (ended === true) stream.end();
    this.#splice.join(socket);
  }

  /** Turns the visitor away: closed in order, before any byte of the origin. */
  refuse(failure: FailureCode): void {
    this.#finish(failure);
    closeInOrder(this.#arrival.socket);
  }

  /** Ends it, whatever is under way. */
  cut(failure: FailureCode): void {
    this.#failure = failure;
    this.#splice?.abort(RESET.CANCELLED);
  }

  /** The service has other restrictions now, those of `route`: ends what they wouldn't have let in. */
  recheck(route: DirectRoute): void {
    this.#judgement = { ...this.#judgement, ...judgementOf(this.#options, route, this.#passage.visitor.address) };
    const { denied } = this.#judgement;
    if (denied !== undefined) this.cut(denied);
  }

  /** Looks at the deadlines; `now` in monotonic milliseconds. */
  tick(now: number): void {
    const moved = this.#splice === undefined ? 0 : this.#splice.toSocket + this.#splice.toStream;
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#movedAt = now;
    }
    if (this.#opened !== undefined) {
      if (!this.#shown && now - this.#passage.startedAt >= LONG) this.#show();
      if (now - this.#movedAt >= this.route.idleTimeout) this.cut('idle_timeout');
    } else if (now - this.#passage.startedAt >= this.route.connectTimeout + DIAL_GRACE) {
      this.#stream?.reset(RESET.CANCELLED);
      this.#undialled(RESET.TIMEOUT);
    }
  }

  onOpened(dialMicros: number): void {
    this.#movedAt = this.#options.clock.monotonic();
    this.#opened = { at: this.#movedAt, dial: dialMicros / 1000 };
    this.#options.onDial(this.route.target, undefined);
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    this.#splice?.onData(buffer, start, end, lease);
  }

  onEnd(): void {
    this.#splice?.onEnd();
  }

  onWritable(): void {
    this.#splice?.onWritable();
  }

  onFull(): void {
    this.#splice?.onFull?.();
  }

  onReset(code: ResetCode, reason: string): void {
    if (this.#opened === undefined) this.#undialled(code);
    else this.#splice?.onReset(code, reason);
  }

  /** The origin was not reached. The visitor gets a proper end, not a reset: nothing of theirs was lost on the way. */
  #undialled(code: ResetCode): void {
    const problem = problemOf(code);
    if (problem !== undefined) this.#options.onDial(this.route.target, problem);
    this.refuse(failureOf(code));
  }

  onSpliceEnd({ by, code }: SpliceEnd): void {
    this.#finish(this.#failure ?? (by === 'stream' && code !== undefined ? failureOf(code) : undefined));
  }

  /** The owner sees of a long connection that it is there, not only that it was. */
  #show(): void {
    this.#shown = true;
    this.#options.record(recordOf(this.#options, this.#passage, this.#outcome(undefined), 'open'));
  }

  #finish(failure: FailureCode | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.record(recordOf(this.#options, this.#passage, this.#outcome(failure)));
    this.#onEnd(this);
  }

  #outcome(failure: FailureCode | undefined): Outcome {
    const { toStream = 0, toSocket = 0 } = this.#splice ?? {};
    const bytesUp = toStream + (this.#splice === undefined ? 0 : (this.#arrival.early?.length ?? 0));
    return { bytesUp, bytesDown: toSocket, failure, opened: this.#opened, judgement: this.#judgement };
  }
}

/** Half-closes, and takes what still comes for a moment: unread bytes would turn the end into a reset. */
function closeInOrder(socket: Socket): void {
  if (socket.destroyed) return;
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), GOODBYE);
  socket.once('end', () => socket.destroySoon());
  socket.once('close', () => clearTimeout(timer));
}
