import type {
  ExchangeDetail,
  ExchangePage,
  ExchangeSummary,
  InspectorNews,
  UnreadConnections,
} from '../../../shared/contract/inspect.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { CancelTimer, Clock } from '../../../shared/node/clock.ts';
import type { OpenRequest } from '../../../shared/wire/open.ts';
import type { DialOrigin } from '../origin-stream.ts';
import type { CaptureBudget } from './capture.ts';
import { detailOf } from './detail.ts';
import { Exchange, type ReplayMark } from './exchange.ts';
import type { MessageHead } from './message-parser.ts';
import { composeReplay, type ReplayEdit, sendReplay } from './replay.ts';
import { StreamTap } from './stream-tap.ts';

/** How much is kept, and how long: bytes and milliseconds. */
export interface InspectorLimits {
  readonly exchanges: number;
  readonly bytes: number;
  readonly body: number;
  readonly age: number;
  /** Connections read at once; further ones aren't. */
  readonly taps: number;
  readonly replays: number;
  readonly services: number;
}

export const INSPECTOR_LIMITS: InspectorLimits = {
  exchanges: 200,
  bytes: 64 * 1024 * 1024,
  body: 1024 * 1024,
  age: 10 * 60_000,
  taps: 1024,
  replays: 8,
  services: 256,
};

/** Milliseconds between two pieces of news. */
const NEWS_PERIOD = 100;
/** Services that are said to be unreadable, at most. */
const MOST_UNREADABLE = 64;

/** What the inspector needs to know of a service. */
export interface InspectedService {
  readonly id: string;
  /** Lower-case names of headers whose values the user has set. */
  readonly secretHeaders: readonly string[];
}

/** What an agent asks of the inspector: whether to show it a connection. */
export interface ConnectionWatch {
  tap(target: OpenRequest): StreamTap | undefined;
  /** A connection that isn't shown has begun; what it returns is called when that is over. */
  unread(target: OpenRequest): (() => void) | undefined;
}

/**
 * Keeps what passes between visitors and the origins of inspected services, in memory only and bounded in number, size
 * and time. No service is inspected until somebody says so. What leaves here has its secrets masked.
 */
export class Inspector implements ConnectionWatch {
  readonly #clock: Clock;
  readonly #limits: InspectorLimits;
  readonly #onServices: () => void;
  readonly #services = new Set<string>();
  readonly #exchanges = new Map<number, Exchange>();
  readonly #taps = new Set<StreamTap>();
  readonly #secrets = new Map<string, Set<string>>();
  readonly #listeners = new Set<(news: InspectorNews) => void>();
  readonly #changed = new Set<number>();
  readonly #gone = new Set<number>();
  /** Services with connections that can't be read, and how many of these there are now. */
  readonly #unreadable = new Map<string, number>();
  /** How many connections each service has that are not read, for they began when it wasn't inspected. */
  readonly #before = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #budget: CaptureBudget;
  #used = 0;
  #lastId = 0;
  #replays = 0;
  #endNews: CancelTimer | undefined;
  #endAge: CancelTimer | undefined;

  /** `onServices` hears when another set of services is inspected. */
  constructor(clock: Clock, onServices: () => void = () => {}, limits: InspectorLimits = INSPECTOR_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onServices = onServices;
    this.#budget = { perBody: limits.body, take: (bytes) => this.#take(bytes) };
  }

  /** Ids of the services that are inspected now. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /** Nothing is inspected, and nothing is kept. */
  get idle(): boolean {
    return this.#services.size === 0 && this.#exchanges.size === 0;
  }

  /** Bytes that are kept. */
  get used(): number {
    return this.#used;
  }

  /** Connections that are opened from now on are read, or none any more; what is kept stays until it is old. */
  set(service: string, enabled: boolean): void {
    if (enabled === this.#services.has(service)) return;
    if (enabled && this.#services.size >= this.#limits.services) return;
    if (enabled) this.#services.add(service);
    else {
      this.#services.delete(service);
      this.#unreadable.delete(service);
      for (const tap of [...this.#taps]) if (tap.target.service === service) tap.release();
    }
    this.#soon();
    this.#onServices();
  }

  /** Which services there are. What others had is forgotten; names of secret headers are remembered while it is kept. */
  follow(services: readonly InspectedService[]): void {
    const known = new Set(services.map(({ id }) => id));
    for (const { id, secretHeaders } of services) {
      const names = this.#secrets.get(id) ?? new Set();
      for (const name of secretHeaders) names.add(name);
      if (names.size > 0) this.#secrets.set(id, names);
    }
    for (const id of this.#services) if (!known.has(id)) this.set(id, false);
    for (const exchange of [...this.#exchanges.values()]) if (!known.has(exchange.serviceId)) this.#drop(exchange);
    for (const id of this.#secrets.keys()) if (!known.has(id)) this.#secrets.delete(id);
  }

  tap(target: OpenRequest): StreamTap | undefined {
    if (target.service === undefined || target.udp === true || !this.#services.has(target.service)) return undefined;
    if (this.#taps.size >= this.#limits.taps) return undefined;
    const tap = this.#newTap(target);
    this.#taps.add(tap);
    return tap;
  }

  #newTap(target: OpenRequest, onBegin?: (exchange: Exchange) => void, mark?: ReplayMark): StreamTap {
    return new StreamTap(target, {
      begin: (tap, head) => {
        const wanted = mark !== undefined || this.#services.has(tap.target.service ?? '');
        const exchange = wanted ? this.#begin(tap.target, head, mark) : undefined;
        if (exchange !== undefined) onBegin?.(exchange);
        return exchange;
      },
      changed: (exchange) => this.#touch(exchange),
      unreadable: ({ target: { service } }) => this.#blind(service, 1),
      over: (tap) => void this.#taps.delete(tap),
      released: ({ target }) => this.unread(target),
      ended: ({ target: { service } }) => this.#blind(service, -1),
      monotonic: () => this.#clock.monotonic(),
    });
  }

  unread({ service, udp }: OpenRequest): (() => void) | undefined {
    if (service === undefined || udp === true) return undefined;
    this.#countBefore(service, 1);
    return () => this.#countBefore(service, -1);
  }

  #countBefore(service: string, change: 1 | -1): void {
    const left = (this.#before.get(service) ?? 0) + change;
    if (left > 0) this.#before.set(service, left);
    else this.#before.delete(service);
    if (this.#services.has(service)) this.#soon();
  }

  /** One connection more, or less, of which nothing more is shown. That there was one is said until one can be read. */
  #blind(service: string | undefined, change: 1 | -1): void {
    if (service === undefined || !this.#services.has(service)) return;
    const known = this.#unreadable.get(service);
    if (known === undefined && (change < 0 || this.#unreadable.size >= MOST_UNREADABLE)) return;
    this.#unreadable.set(service, Math.max(0, (known ?? 0) + change));
    this.#soon();
  }

  #begin(target: OpenRequest, head: MessageHead, mark?: ReplayMark): Exchange | undefined {
    const { service } = target;
    if (service === undefined || this.#closing.signal.aborted) return undefined;
    const began = { now: this.#clock.now(), monotonic: this.#clock.monotonic() };
    const exchange = new Exchange(++this.#lastId, { ...target, service }, head, began, this.#budget, mark);
    this.#exchanges.set(exchange.id, exchange);
    while (this.#exchanges.size > this.#limits.exchanges) this.#dropOldest();
    if (this.#unreadable.get(service) === 0) this.#unreadable.delete(service);
    this.#touch(exchange);
    this.#watchAge();
    return exchange;
  }

  /** Makes room by forgetting the oldest. */
  #take(bytes: number): boolean {
    while (bytes > 0 && this.#used + bytes > this.#limits.bytes && this.#exchanges.size > 0) this.#dropOldest();
    if (bytes > 0 && this.#used + bytes > this.#limits.bytes) return false;
    this.#used += bytes;
    return true;
  }

  #dropOldest(): void {
    const [oldest] = this.#exchanges.values();
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange.id)) return;
    exchange.release();
    this.#changed.delete(exchange.id);
    // Nobody listens: then nobody has it.
    if (this.#listeners.size > 0) this.#gone.add(exchange.id);
    this.#soon();
  }

  /** Forgets what has been kept for long enough, and looks again when the next one is due. */
  #watchAge(): void {
    if (this.#endAge !== undefined) return;
    const [oldest] = this.#exchanges.values();
    if (oldest === undefined) return;
    const left = oldest.began.monotonic + this.#limits.age - this.#clock.monotonic();
    this.#endAge = this.#clock.setTimeout(
      () => {
        this.#endAge = undefined;
        const due = this.#clock.monotonic() - this.#limits.age;
        for (const exchange of [...this.#exchanges.values()]) {
          if (exchange.began.monotonic > due) break;
          this.#drop(exchange);
        }
        this.#watchAge();
      },
      Math.max(0, Math.ceil(left)),
    );
  }

  #touch(exchange: Exchange): void {
    if (this.#listeners.size === 0 || !this.#exchanges.has(exchange.id)) return;
    this.#changed.add(exchange.id);
    this.#soon();
  }

  #soon(): void {
    if (this.#listeners.size === 0 || this.#closing.signal.aborted) return;
    this.#endNews ??= this.#clock.setTimeout(() => this.#tell(), NEWS_PERIOD);
  }

  #tell(): void {
    this.#endNews = undefined;
    const changed: ExchangeSummary[] = [];
    for (const id of this.#changed) {
      const exchange = this.#exchanges.get(id);
      if (exchange !== undefined) changed.push(exchange.summary());
    }
    const news = { changed, gone: [...this.#gone], ...this.#unread() };
    this.#changed.clear();
    this.#gone.clear();
    for (const listener of [...this.#listeners]) listener(news);
  }

  #unread(): UnreadConnections {
    const before = [...this.#services].map((serviceId) => ({
      serviceId,
      connections: this.#before.get(serviceId) ?? 0,
    }));
    return {
      unreadable: [...this.#unreadable.keys()],
      before: before.filter(({ connections }) => connections > 0),
    };
  }

  /** News, at most ten a second; the return value unsubscribes. */
  on(listener: (news: InspectorNews) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#changed.clear();
      this.#gone.clear();
    };
  }

  /** A page of summaries, newest first: of one service or of all, older than `before`. */
  list(query: { readonly serviceId?: string; readonly before?: number; readonly limit: number }): ExchangePage {
    const { serviceId, before = Number.POSITIVE_INFINITY, limit } = query;
    const fitting = [...this.#exchanges.values()]
      .filter((exchange) => exchange.id < before && (serviceId === undefined || exchange.serviceId === serviceId))
      .reverse();
    return {
      exchanges: fitting.slice(0, limit).map((one) => one.summary()),
      more: fitting.length > limit,
      ...this.#unread(),
    };
  }

  /** Everything known of one exchange, bodies unpacked and secrets masked. Fails with `exchange_gone`. */
  async get(id: number): Promise<Result<ExchangeDetail, Failure>> {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return err(failure('exchange_gone'));
    return ok(await detailOf(exchange, this.#secretsOf(exchange), this.#limits.body));
  }

  #secretsOf({ serviceId }: Exchange): ReadonlySet<string> {
    return this.#secrets.get(serviceId) ?? new Set();
  }

  /** Forgets everything, or what one service had. */
  clear(serviceId?: string): void {
    for (const exchange of [...this.#exchanges.values()])
      if (serviceId === undefined || exchange.serviceId === serviceId) this.#drop(exchange);
  }

  /**
   * Sends the request of exchange `id` again, by `dial` and so only where it is allowed to go; what `edit` names is
   * changed first. Resolves when it is under way. Fails with `exchange_gone`, `replay_impossible`, `busy`, or with
   * what is wrong with the target.
   */
  async replay(id: number, edit: ReplayEdit | undefined, dial: DialOrigin): Promise<Result<ExchangeSummary, Failure>> {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return err(failure('exchange_gone'));
    const composed = composeReplay(exchange, edit, this.#secretsOf(exchange));
    if (!composed.ok) return composed;
    if (this.#replays >= this.#limits.replays) return err(failure('busy'));
    this.#replays++;
    let made: Exchange | undefined;
    const { promise: underWay, resolve: go } = Promise.withResolvers<void>();
    const mark = { of: id, edited: composed.value.edited };
    const tap = this.#newTap(
      composed.value.target,
      (begun) => {
        made = begun;
        go();
      },
      mark,
    );
    const over = (): void => {
      this.#replays--;
      go();
    };
    const { signal } = this.#closing;
    const sent = await sendReplay(composed.value, { dial, tap, signal, clock: this.#clock }, over);
    if (!sent.ok) return sent;
    await underWay;
    return made === undefined ? err(failure('exchange_gone')) : ok(made.summary());
  }

  /** Forgets everything and inspects nothing: for another cluster, whose services are others. */
  reset(): void {
    for (const tap of [...this.#taps]) tap.release();
    this.#services.clear();
    this.#secrets.clear();
    this.#unreadable.clear();
    this.clear();
    this.#onServices();
  }

  close(): void {
    this.#closing.abort();
    this.reset();
    this.#endNews?.();
    this.#endAge?.();
    this.#listeners.clear();
  }
}
