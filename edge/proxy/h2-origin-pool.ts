import type { StreamOpener } from '../../shared/node/stream.ts';
import { RESET } from '../../shared/wire/codes.ts';
import type { RouteTarget } from '../visit.ts';
import type { H2Origin } from './h2-origin.ts';
import { ORIGIN_SESSIONS } from './h2-origin-limits.ts';
import { OriginSession, type SessionOwner } from './h2-origin-session.ts';
import type { OriginKeeper, OriginStream } from './origin-stream.ts';

/** What the HTTP/2 connections of a target need of its pool. */
export interface H2Parent extends OriginKeeper {
  readonly tunnels: StreamOpener;
  /** A stream of HTTP/1.1 to the same origin, or why there is none. */
  openPlain(): OriginStream | 'agent_offline' | 'busy';
}

/** Targets that were asked, and speak HTTP/1.1 only: others than these are asked with the next connection. */
const http1 = new WeakSet<RouteTarget>();

/** The HTTP/2 connections to one target. Requests share them; a further one is opened where none has room. */
export class H2Origins implements SessionOwner {
  readonly pool: H2Parent;
  readonly #sessions = new Set<OriginSession>();

  constructor(pool: H2Parent) {
    this.pool = pool;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get scheme(): 'http' | 'https' {
    return this.pool.target.http2 === 'alpn' ? 'https' : 'http';
  }

  /**
   * A stream for a request, or why there is none; `undefined` when the origin speaks HTTP/1.1 only. `fresh`: on a
   * connection of its own, if there may be one more.
   */
  take(fresh: boolean): H2Origin | 'agent_offline' | 'busy' | undefined {
    const { target } = this.pool;
    if (http1.has(target)) return undefined;
    let least: OriginSession | undefined;
    for (const session of this.#sessions) {
      if (!fresh && session.hasRoom) return session.take();
      if (session.usable && session.load < (least?.load ?? Number.POSITIVE_INFINITY)) least = session;
    }
    if (this.#sessions.size >= ORIGIN_SESSIONS) return least === undefined ? 'busy' : least.take();
    return this.#open(target);
  }

  #open(target: RouteTarget): H2Origin | 'agent_offline' | 'busy' {
    const session = new OriginSession(this, target.http2 === 'alpn');
    const stream = this.pool.tunnels.open(target.agentId, target.openHttp2 ?? target.open, session);
    if (typeof stream === 'string') return stream;
    this.#sessions.add(session);
    session.attach(stream);
    return session.take();
  }

  onHttp1(session: OriginSession, plain: OriginStream): void {
    http1.add(this.pool.target);
    this.#sessions.delete(session);
    let next: OriginStream | 'agent_offline' | 'busy' = plain;
    let used = false;
    for (const origin of session.waiting) {
      if (used) next = this.pool.openPlain();
      used = true;
      if (next === 'agent_offline') origin.fail(RESET.TUNNEL_LOST);
      else if (next === 'busy') origin.fail(RESET.LIMIT);
      else origin.fallBack(next);
    }
    // Nobody waits for it any more.
    if (!used) plain.reset();
  }

  onHttp1Required(): void {
    http1.add(this.pool.target);
  }

  onGone(session: OriginSession): void {
    this.#sessions.delete(session);
  }

  /** Closes what has had no request for long enough; at the end of time, everything. */
  expire(now: number): void {
    for (const session of [...this.#sessions]) {
      if (now === Number.POSITIVE_INFINITY) session.close();
      else session.tick(now);
    }
  }
}
