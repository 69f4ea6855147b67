import type { RemoteInfo, Socket } from 'node:dgram';
import { plainAddress } from '../peer.ts';
import type { DirectRoute } from '../visit.ts';
import { DEFAULT_RELAY_LIMITS, type RelayLimits, type RelayOptions } from './context.ts';
import { UdpSession } from './udp-session.ts';

/** Milliseconds between two looks at the deadlines of all sessions. */
const TICK = 1_000;
/** Bytes that the system hasn't sent yet, from where answers on a port are dropped. */
const MOST_UNSENT = 4 * 1024 * 1024;
/** Milliseconds between two lines in the log about datagrams that were dropped for a bound. */
const LOG_INTERVAL = 10_000;

/** The sessions of one service, and what is left of its right to new ones. */
interface Sessions {
  readonly all: Map<string, UdpSession>;
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
  #loggedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Datagrams dropped for a bound since the start. */
  dropped = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_RELAY_LIMITS, ...options.limits };
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
    if (sessions.all.size >= this.#limits.sessions || !this.#take(sessions)) {
      this.#drop(route);
      return undefined;
    }
    const visitor = { address: plainAddress(from.address), port: from.port };
    const session = new UdpSession(this.#options, route, visitor, (datagram) => {
      if (via.getSendQueueSize() > MOST_UNSENT) this.#drop(route);
      else via.send(datagram, from.port, from.address, ignore);
    });
    sessions.all.set(key, session);
    session.start();
    return session;
  }

  #sessionsOf(serviceId: string): Sessions {
    const known = this.#services.get(serviceId);
    if (known !== undefined) return known;
    const sessions = {
      all: new Map<string, UdpSession>(),
      tokens: this.#limits.newSessions,
      refilledAt: this.#options.clock.monotonic(),
    };
    this.#services.set(serviceId, sessions);
    return sessions;
  }

  /** A token bucket: so many new sessions a second, and no more than that at once. */
  #take(sessions: Sessions): boolean {
    const { newSessions } = this.#limits;
    const now = this.#options.clock.monotonic();
    sessions.tokens = Math.min(newSessions, sessions.tokens + ((now - sessions.refilledAt) / 1000) * newSessions);
    sessions.refilledAt = now;
    if (sessions.tokens < 1) return false;
    sessions.tokens--;
    return true;
  }

  #drop({ serviceId }: DirectRoute): void {
    this.dropped++;
    const now = this.#options.clock.monotonic();
    if (now - this.#loggedAt < LOG_INTERVAL) return;
    this.#loggedAt = now;
    this.#options.log.warn('datagrams are dropped: too many sessions or too many at once', {
      serviceId,
      dropped: this.dropped,
    });
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    for (const { all } of this.#services.values())
      for (const [key, session] of all) if (session.tick(now)) all.delete(key);
  }
}

/** A visitor that can't be reached is no news: datagrams get lost. */
const ignore = (): void => {};
