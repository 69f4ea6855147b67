import type { RemoteInfo, Socket } from 'node:dgram';
import type { BoundName } from '../bounds.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { plainAddress, sourceOf } from '../peer.ts';
import type { Endpoint } from '../proxy-header.ts';
import { Ticker } from '../ticker.ts';
import type { DirectRoute, Judgement } from '../visit.ts';
import { beginPassage, judgementOf, type RelayLimits, type RelayOptions, recordOf } from './context.ts';
import { UdpSession } from './udp-session.ts';

/** Milliseconds between two looks at the deadlines of all sessions. */
const TICK = 1_000;

/** Milliseconds between two lines in the access log about one source that a service doesn't let in, for one reason. */
const DENIAL_INTERVAL = 10_000;
/** Such sources that are remembered at once; what comes from others meanwhile is only counted. */
const DENIED_SOURCES = 1024;

/** The sessions of one service, and what is left of its right to new ones. */
interface Sessions {
  readonly all: Map<string, UdpSession>;
  /** How many of them are from which source. */
  readonly bySource: Map<string, number>;
  tokens: number;
  refilledAt: number;
}

/** UDP services: a session for each visitor's address and port, each with a stream of its own. */
export class UdpRelay {
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  /** By service. Bounded by the services that exist: ended ones are forgotten. */
  readonly #services = new Map<string, Sessions>();
  readonly #ticker: Ticker;
  /** A port may have a socket for each address of this machine, and each may see the same visitor. */
  readonly #sockets = new WeakMap<Socket, number>();
  #nextSocket = 0;
  #closed = false;
  /** Datagrams dropped for a bound since the start. */
  dropped = 0;
  /** Datagrams that restrictions didn't let in, since the start. */
  denied = 0;
  /** Service and source of those that the access log has a line about → until when it needs no other. */
  readonly #told = new Map<string, number>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#ticker = new Ticker(options.clock, TICK, () => this.#tick());
  }

  /** Sessions open now. */
  get open(): number {
    let open = 0;
    for (const { all } of this.#services.values()) open += all.size;
    return open;
  }

  /** A datagram that a visitor sent to the service's port; `message` may be kept. */
  receive(route: DirectRoute, via: Socket, message: Buffer, from: RemoteInfo): void {
    if (this.#closed) return;
    const { all } = this.#sessionsOf(route.serviceId);
    const key = `${this.#idOf(via)} ${from.address} ${from.port}`;
    const session = all.get(key) ?? this.#begin(route, key, via, from);
    session?.send(message);
  }

  /** Ends the sessions of a service that is gone or leads elsewhere now. */
  end(serviceId: string): void {
    for (const session of this.#services.get(serviceId)?.all.values() ?? []) session.end('service_disabled');
    this.#services.delete(serviceId);
  }

  /** The service of `route` has other restrictions than before: ends the sessions that they wouldn't have let in. */
  recheck(route: DirectRoute): void {
    for (const session of this.#services.get(route.serviceId)?.all.values() ?? []) session.recheck(route);
  }

  /** Ends every session. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticker.stop();
    for (const { all } of this.#services.values()) for (const session of all.values()) session.end('draining');
    this.#services.clear();
  }

  #idOf(via: Socket): number {
    const known = this.#sockets.get(via);
    if (known !== undefined) return known;
    this.#sockets.set(via, ++this.#nextSocket);
    return this.#nextSocket;
  }

  #begin(route: DirectRoute, key: string, via: Socket, from: RemoteInfo): UdpSession | undefined {
    const sessions = this.#sessionsOf(route.serviceId);
    const visitor = { address: plainAddress(from.address), port: from.port };
    const source = sourceOf(visitor.address);
    const judgement = judgementOf(this.#options, route, visitor.address);
    if (judgement.denied !== undefined) {
      this.#deny(route, visitor, source, judgement);
      return undefined;
    }
    const full = this.#fullFor(sessions, source);
    if (full !== undefined) {
      this.#drop(full, route, visitor.address);
      return undefined;
    }
    const drop = (bound: BoundName): void => this.#drop(bound, route, visitor.address);
    const reply = (datagram: Uint8Array): void => {
      if (via.getSendQueueSize() > this.#limits.udpUnsent) drop('udpUnsent');
      else via.send(datagram, from.port, from.address, ignore);
    };
    const session = new UdpSession(this.#options, route, visitor, judgement, reply, drop);
    sessions.all.set(key, session);
    sessions.bySource.set(source, (sessions.bySource.get(source) ?? 0) + 1);
    this.#ticker.start();
    session.start();
    return session;
  }

  /** Drops a datagram. Whoever isn't let in takes up no session, and can't flood the access log. */
  #deny(route: DirectRoute, visitor: Endpoint, source: string, judgement: Judgement): void {
    this.denied++;
    if (judgement.denied !== undefined) this.#options.onDenied?.(judgement.denied);
    const key = `${route.serviceId} ${source} ${judgement.denied}`;
    if (this.#told.has(key) || this.#told.size >= DENIED_SOURCES) return;
    this.#told.set(key, this.#options.clock.monotonic() + DENIAL_INTERVAL);
    this.#ticker.start();
    const outcome = { bytesUp: 0, bytesDown: 0, failure: judgement.denied, judgement };
    this.#options.record(recordOf(this.#options, beginPassage(this.#options.clock, route, visitor), outcome));
  }

  #sessionsOf(serviceId: string): Sessions {
    const known = this.#services.get(serviceId);
    if (known !== undefined) return known;
    const sessions = {
      all: new Map<string, UdpSession>(),
      bySource: new Map<string, number>(),
      tokens: this.#limits.udpNewSessionsPerSecond,
      refilledAt: this.#options.clock.monotonic(),
    };
    this.#services.set(serviceId, sessions);
    return sessions;
  }

  /**
   * The bound that leaves no room for one more session of `source`. A source that has had its share is found before it
   * could use up what is left for the others.
   */
  #fullFor(sessions: Sessions, source: string): BoundName | undefined {
    if ((sessions.bySource.get(source) ?? 0) >= this.#limits.udpSessionsPerAddress) return 'udpSessionsPerAddress';
    if (sessions.all.size >= this.#limits.udpSessionsPerService) return 'udpSessionsPerService';
    return this.#take(sessions) ? undefined : 'udpNewSessionsPerSecond';
  }

  /** A token bucket: so many new sessions a second, and no more than that at once. */
  #take(sessions: Sessions): boolean {
    const rate = this.#limits.udpNewSessionsPerSecond;
    const now = this.#options.clock.monotonic();
    sessions.tokens = Math.min(rate, sessions.tokens + ((now - sessions.refilledAt) / 1000) * rate);
    sessions.refilledAt = now;
    if (sessions.tokens < 1) return false;
    sessions.tokens--;
    return true;
  }

  #drop(bound: BoundName, { serviceId }: DirectRoute, address: string): void {
    this.dropped++;
    this.#options.bounds?.hit(bound, { serviceId, address });
  }

  #forget({ all, bySource }: Sessions, key: string, session: UdpSession): void {
    all.delete(key);
    const source = sourceOf(session.address);
    const left = (bySource.get(source) ?? 1) - 1;
    if (left === 0) bySource.delete(source);
    else bySource.set(source, left);
  }

  #tick(): boolean {
    const now = this.#options.clock.monotonic();
    for (const [key, until] of this.#told) if (until <= now) this.#told.delete(key);
    for (const sessions of this.#services.values())
      for (const [key, session] of sessions.all) if (session.tick(now)) this.#forget(sessions, key, session);
    return this.#told.size > 0 || this.open > 0;
  }
}

/** A visitor that can't be reached is no news: datagrams get lost. */
const ignore = (): void => {};
