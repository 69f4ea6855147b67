import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { type Logger, silentLogger } from '../../shared/node/logger.ts';
import type { StreamOpener } from '../../shared/node/stream.ts';
import { type BoundWatch, unwatched } from '../bounds.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { Ticker } from '../ticker.ts';
import type { Stage, Visit, VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { H2Visitor } from './h2-session.ts';
import { InFlight } from './in-flight.ts';
import { KnownHeads } from './known-heads.ts';
import { type DialListener, OriginPools } from './origin-pool.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';
import { Visitor } from './visitor.ts';

/** Milliseconds between two looks at the deadlines of all connections. */
const TICK = 1000;

export interface HttpProxyOptions {
  /** Asked in order; the first refusal counts. One of them sets the visit's route and target. */
  readonly stages: readonly Stage[];
  readonly tunnels: StreamOpener;
  /** Takes each line of the access log. Called on the request path: must not block. */
  readonly record: (record: AccessRecord) => void;
  readonly onDial: DialListener;
  readonly nodeId: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly limits?: Partial<Limits>;
  readonly bounds?: BoundWatch;
  /** Told where a connection came from that was ended because its visitor misused HTTP/2. */
  readonly onMisuse?: (address: string) => void;
}

/** What has come to an end in a new route table: whole services, and single targets by service. */
export interface EndedRoutes {
  readonly ended: readonly string[];
  readonly endedTargets: ReadonlyMap<string, readonly string[]>;
}

export interface ProxyStats {
  /** Visitors' connections. */
  readonly connections: number;
  /** Requests under way, upgraded connections among them. */
  readonly exchanges: number;
  /** Keep-alive streams to origins that rest. */
  readonly restingStreams: number;
  /** Requests since the start. */
  readonly requests: number;
}

export interface HttpProxy {
  /** Takes over a visitor's connection (connected; TLS done), to serve HTTP/2 on it where that was agreed, else HTTP/1.1. */
  serve(socket: Socket, connection: VisitorConnection): void;
  /** Ends at once what visitors are being served by routes that are gone. */
  endRoutes(routes: EndedRoutes): void;
  /** Ends at once the visits that `gone` picks; those without a response yet are told `code`. */
  endVisits(gone: (visit: Visit) => boolean, code: FailureCode): void;
  /** Lets requests under way finish and closes every connection; cuts those left after `deadline` ms. */
  drain(deadline: number): Promise<void>;
  /** Cuts every connection. Nothing is served afterwards. */
  close(): void;
  readonly stats: ProxyStats;
}

/** The HTTP side of an edge node: visitors' requests in, through the stages, and out to the origins. */
export function createHttpProxy(options: HttpProxyOptions): HttpProxy {
  return new VisitorProxy(options);
}

class VisitorProxy implements HttpProxy {
  readonly #context: ProxyContext;
  readonly #visitors = new Set<Visitor | H2Visitor>();
  readonly #ticker: Ticker;
  #onEmpty: (() => void) | undefined;
  #closed = false;

  constructor(options: HttpProxyOptions) {
    const clock = options.clock ?? systemClock;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#context = {
      stages: options.stages,
      pools: new OriginPools(options.tunnels, options.onDial),
      clock,
      nodeId: options.nodeId,
      log: options.log ?? silentLogger,
      record: options.record,
      requestHeads: new KnownHeads<RequestHead, FailureCode>((text) => parseRequestHead(text, limits.headerFields)),
      responseHeads: new KnownHeads<ResponseHead, undefined>(parseResponseHead),
      limits,
      inFlight: new InFlight(limits),
      bounds: options.bounds ?? unwatched,
      onMisuse: options.onMisuse ?? (() => {}),
      coarse: clock.monotonic(),
      wallOffset: clock.now() - clock.monotonic(),
      draining: false,
      exchanges: 0,
      requests: 0,
    };
    this.#ticker = new Ticker(clock, TICK, () => this.#tick());
  }

  serve(socket: Socket, connection: VisitorConnection): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    if (this.#ticker.start()) this.#readClocks();
    const onGone = (gone: Visitor | H2Visitor): void => {
      this.#visitors.delete(gone);
      if (this.#visitors.size === 0) this.#onEmpty?.();
    };
    const visitor =
      socket instanceof TLSSocket && socket.alpnProtocol === 'h2'
        ? new H2Visitor(this.#context, socket, connection, onGone)
        : new Visitor(this.#context, socket, connection, onGone);
    this.#visitors.add(visitor);
    visitor.start();
  }

  endRoutes({ ended, endedTargets }: EndedRoutes): void {
    if (ended.length === 0 && endedTargets.size === 0) return;
    const services = new Set(ended);
    const gone = ({ route, target }: Visit): boolean => {
      if (route === undefined) return false;
      if (services.has(route.serviceId)) return true;
      return target !== undefined && endedTargets.get(route.serviceId)?.includes(target.id) === true;
    };
    this.endVisits(gone, 'service_disabled');
  }

  endVisits(gone: (visit: Visit) => boolean, code: FailureCode): void {
    for (const visitor of this.#visitors) visitor.refuse(gone, code);
  }

  async drain(deadline: number): Promise<void> {
    this.#context.draining = true;
    for (const visitor of this.#visitors) visitor.drain();
    if (this.#visitors.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#context.clock.setTimeout(resolve, deadline);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
      this.#onEmpty = undefined;
    }
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticker.stop();
    for (const visitor of this.#visitors) visitor.cut();
    this.#context.pools.close();
    this.#onEmpty?.();
  }

  get stats(): ProxyStats {
    return {
      connections: this.#visitors.size,
      exchanges: this.#context.exchanges,
      restingStreams: this.#context.pools.resting,
      requests: this.#context.requests,
    };
  }

  /** Frees `excess` bytes that visitors have sent and nobody can use yet, from those who keep most. */
  #shed(excess: number): void {
    let left = excess;
    for (const visitor of [...this.#visitors].sort((a, b) => b.kept - a.kept)) {
      if (left <= 0) return;
      left -= visitor.kept;
      visitor.shed();
    }
  }

  #readClocks(): number {
    const now = this.#context.clock.monotonic();
    this.#context.coarse = now;
    this.#context.wallOffset = this.#context.clock.now() - now;
    return now;
  }

  /** Whether anything is left to look at. */
  #tick(): boolean {
    const now = this.#readClocks();
    let kept = 0;
    for (const visitor of this.#visitors) {
      visitor.tick(now);
      kept += visitor.kept;
    }
    if (kept > this.#context.limits.visitorMemory) this.#shed(kept - this.#context.limits.visitorMemory);
    this.#context.pools.expire(now);
    this.#context.inFlight.expire();
    this.#context.requestHeads.expire();
    this.#context.responseHeads.expire();
    const { pools, inFlight, requestHeads, responseHeads, exchanges } = this.#context;
    return this.#visitors.size + pools.size + inFlight.size + requestHeads.size + responseHeads.size + exchanges > 0;
  }
}
