import type { TargetProblem } from '../../shared/domain/status.ts';
import type { StreamOpener } from '../../shared/node/stream.ts';
import type { RouteTarget } from '../visit.ts';
import { H2Origin } from './h2-origin.ts';
import { H2Origins, type H2Parent } from './h2-origin-pool.ts';
import { IDLE_PER_TARGET, IDLE_TOTAL, ORIGIN_FRESH, ORIGIN_IDLE_TIMEOUT } from './limits.ts';
import { type Origin, OriginStream } from './origin-stream.ts';

/** Told how a dial of a target went; `undefined` when it was answered. */
export type DialListener = (target: RouteTarget, problem: TargetProblem | undefined) => void;

/** The resting keep-alive streams to one address of one agent. The one that rested least is taken first. */
export class OriginPool implements H2Parent {
  readonly key: string;
  readonly #pools: OriginPools;
  readonly #resting: OriginStream[] = [];
  /** Where the target's origin may speak HTTP/2. */
  #http2: H2Origins | undefined;
  target: RouteTarget;

  constructor(pools: OriginPools, key: string, target: RouteTarget) {
    this.key = key;
    this.#pools = pools;
    this.target = target;
  }

  /** Connections that are kept, those of HTTP/2 among them. */
  get restingCount(): number {
    return this.#resting.length + (this.#http2?.size ?? 0);
  }

  get tunnels(): StreamOpener {
    return this.#pools.tunnels;
  }

  /**
   * A resting stream, or a new one, or why there is none. `repeatable`: the request may be sent again if it fails.
   * `plain`: it has to go by HTTP/1.1.
   */
  take(repeatable: boolean, now: number, plain: boolean): Origin | 'agent_offline' | 'busy' {
    const shared = plain ? undefined : this.#overHttp2(false);
    if (shared !== undefined) return shared;
    const resting = this.#resting.at(-1);
    if (
      resting !== undefined &&
      now < resting.restsUntil &&
      (repeatable || now - resting.restingSince < ORIGIN_FRESH)
    ) {
      this.#resting.pop();
      this.#pools.resting--;
      return resting;
    }
    return this.openPlain();
  }

  /** A new stream, or why there is none. */
  open(plain: boolean): Origin | 'agent_offline' | 'busy' {
    return (plain ? undefined : this.#overHttp2(true)) ?? this.openPlain();
  }

  #overHttp2(fresh: boolean): Origin | 'agent_offline' | 'busy' | undefined {
    if (this.target.http2 === undefined) return undefined;
    this.#http2 ??= new H2Origins(this);
    const origin = this.#http2.take(fresh);
    // A pool that was cleared while nothing was in it keeps connections again.
    if (origin instanceof H2Origin) this.#pools.admit(this);
    return origin;
  }

  openPlain(): OriginStream | 'agent_offline' | 'busy' {
    const origin = new OriginStream(this);
    const stream = this.#pools.tunnels.open(this.target.agentId, this.target.open, origin);
    if (typeof stream === 'string') return stream;
    origin.attach(stream);
    return origin;
  }

  rest(origin: OriginStream, keepAlive: number, now: number): void {
    const time = keepAlive < 0 ? ORIGIN_IDLE_TIMEOUT : Math.min(ORIGIN_IDLE_TIMEOUT, (keepAlive - 1) * 1000);
    const full = this.#resting.length >= IDLE_PER_TARGET || this.#pools.resting >= IDLE_TOTAL;
    if (time <= 0 || full || (this.#resting.length === 0 && !this.#pools.admit(this))) {
      origin.reset();
      return;
    }
    origin.restingSince = now;
    origin.restsUntil = now + time;
    this.#resting.push(origin);
    this.#pools.resting++;
  }

  forget(origin: OriginStream): void {
    const at = this.#resting.indexOf(origin);
    if (at < 0) return;
    this.#resting.splice(at, 1);
    this.#pools.resting--;
  }

  dialled(problem: TargetProblem | undefined): void {
    this.#pools.onDial(this.target, problem);
  }

  /** Gives up the streams that have rested long enough. */
  expire(now: number): void {
    this.#http2?.expire(now);
    let kept = 0;
    for (const origin of this.#resting) {
      if (now < origin.restsUntil) this.#resting[kept++] = origin;
      else origin.reset();
    }
    this.#pools.resting -= this.#resting.length - kept;
    this.#resting.length = kept;
  }
}

/** All pools. A target's streams outlive the route table that it came from: what counts is where they lead. */
export class OriginPools {
  readonly tunnels: StreamOpener;
  readonly onDial: DialListener;
  readonly #byAddress = new Map<string, OriginPool>();
  readonly #byTarget = new WeakMap<RouteTarget, OriginPool>();
  /** Resting streams in all. */
  resting = 0;

  constructor(tunnels: StreamOpener, onDial: DialListener) {
    this.tunnels = tunnels;
    this.onDial = onDial;
  }

  of(target: RouteTarget): OriginPool {
    const known = this.#byTarget.get(target);
    if (known !== undefined) return known;
    const key = `${target.id} ${target.agentId} ${Buffer.from(target.open).toString('latin1')}`;
    let pool = this.#byAddress.get(key);
    if (pool === undefined) {
      pool = new OriginPool(this, key, target);
      this.#byAddress.set(key, pool);
    }
    pool.target = target;
    this.#byTarget.set(target, pool);
    return pool;
  }

  /** Whether `pool` may begin to keep streams: it is known, or its place was cleared while its streams were in use. */
  admit(pool: OriginPool): boolean {
    const holder = this.#byAddress.get(pool.key);
    if (holder === undefined) this.#byAddress.set(pool.key, pool);
    return holder === undefined || holder === pool;
  }

  /** Pools that are known: some may be empty until the next look. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** Gives up what has rested long enough, and pools that are empty. A target that comes back makes a new one. */
  expire(now: number): void {
    for (const [key, pool] of this.#byAddress) {
      pool.expire(now);
      if (pool.restingCount > 0) continue;
      this.#byAddress.delete(key);
      this.#byTarget.delete(pool.target);
    }
  }

  /** Gives up every resting stream. */
  close(): void {
    this.expire(Number.POSITIVE_INFINITY);
  }
}
