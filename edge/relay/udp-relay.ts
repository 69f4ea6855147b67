import type { RemoteInfo, Socket } from 'node:dgram';
import type { BoundName } from '../bounds.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { plainAddress, sourceOf } from '../peer.ts';
import type { DirectRoute } from '../visit.ts';
import type { RelayLimits, RelayOptions } from './context.ts';
import { UdpSession } from './udp-session.ts';

/** Milliseconds between two looks at the deadlines of all sessions. */
const TICK = 1_000;
/** Bytes that the system hasn't sent yet, from where answers on a port are dropped. */
const MOST_UNSENT = 4 * 1024 * 1024;

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
  readonly #stopTicking: () => void;
  /** A port may have a socket for each address of this machine, and each may see the same visitor. */
  readonly #sockets = new WeakMap<Socket, number>();
  #nextSocket = 0;
  #closed = false;
  /** Datagrams dropped for a bound since the start. */
  dropped = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#stopTicking = options.clock.setInterval(() => this.#tick(), TICK);
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

  /** Ends every session. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTicking();
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
    const full = this.#fullFor(sessions, source);
    if (full !== undefined) {
      this.#drop(full, route, visitor.address);
      return undefined;
    }
    const session = new UdpSession(this.#options, route, visitor, (datagram) => {
      if (via.getSendQueueSize() > MOST_UNSENT) this.#drop('udpQueueSize', route);
      else via.send(datagram, from.port, from.address, ignore);
    });
    sessions.all.set(key, session);
    sessions.bySource.set(source, (sessions.bySource.get(source) ?? 0) + 1);
    session.start();
    return session;
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

  #drop(bound: BoundName, { serviceId }: DirectRoute, address?: string): void {
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

  #tick(): void {
    const now = this.#options.clock.monotonic();
    for (const sessions of this.#services.values())
      for (const [key, session] of sessions.all) if (session.tick(now)) this.#forget(sessions, key, session);
  }
}

/** A visitor that can't be reached is no news: datagrams get lost. */
const ignore = (): void => {};
