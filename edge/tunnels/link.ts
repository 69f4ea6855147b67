import { CarrierGroup, DEFAULT_LINK_MEMORY, type LinkBound } from '../../shared/node/carrier-group.ts';
import { type CancelTimer, type Clock, systemClock } from '../../shared/node/clock.ts';
import type { StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import type { Tunnel } from '../../shared/node/tunnel.ts';
import { GO_AWAY, type GoAwayCode } from '../../shared/wire/codes.ts';
import { DEFAULT_CARRIERS, DEFAULT_MAX_STREAMS } from '../../shared/wire/handshake.ts';

/** One carrier of a link, as the link uses it. */
export type Carrier = Pick<
  Tunnel,
  | 'open'
  | 'goAway'
  | 'close'
  | 'probe'
  | 'moveTo'
  | 'bulk'
  | 'doubtful'
  | 'draining'
  | 'roundTrip'
  | 'shortestRoundTrip'
  | 'stats'
>;

export interface LinkLimits {
  /** Carriers at once. */
  readonly carriers: number;
  /** Streams at once, in all carriers together. */
  readonly streams: number;
  /** Bytes for receive windows beyond their first 64 KiB, in all carriers together; half of it for queues. */
  readonly memory: number;
}

export const DEFAULT_LINK_LIMITS: LinkLimits = {
  carriers: DEFAULT_CARRIERS,
  streams: DEFAULT_MAX_STREAMS,
  memory: DEFAULT_LINK_MEMORY,
};

export interface LinkOptions {
  readonly limits?: LinkLimits;
  readonly clock?: Clock;
  /** Memory has run out: a stream or a carrier was broken off for that. */
  readonly onFull?: () => void;
}

/** Milliseconds between two looks at how bulk is spread, and at what is left on a carrier that goes. */
const SPREAD_EVERY = 50;
const CLEAR_EVERY = 250;

/**
 * What an agent has with this node: one connection while little happens, more while it is busy. Streams that move much
 * are spread over the carriers, one of which is kept clear of them for all that is small. The agent decides how many
 * there are, this end which one a stream is on.
 */
export class Link {
  /** The agent's name for it; `undefined` for one that knows only single connections. */
  readonly id: string | undefined;
  readonly group: CarrierGroup;
  readonly limits: LinkLimits;
  readonly #clock: Clock;
  /** Newest first. */
  #carriers: Carrier[] = [];
  /** Those that are about to be given up. */
  readonly #leaving = new Set<Carrier>();
  #stopClearing: CancelTimer | undefined;
  #numbers = 0;
  /** Handshakes that have been promised a place. */
  #promised = 0;
  #spreadAt = Number.NEGATIVE_INFINITY;

  constructor(id: string | undefined, options: LinkOptions = {}) {
    this.id = id;
    this.limits = options.limits ?? DEFAULT_LINK_LIMITS;
    this.#clock = options.clock ?? systemClock;
    const { onFull } = options;
    this.group = new CarrierGroup({
      memory: this.limits.memory,
      onBulk: () => this.#onBulk(),
      ...(onFull === undefined ? {} : { onFull }),
    });
  }

  get carriers(): readonly Carrier[] {
    return this.#carriers;
  }

  /** Neither a carrier nor a promise of one. */
  get empty(): boolean {
    return this.#carriers.length === 0 && this.#promised === 0;
  }

  get streams(): number {
    let streams = 0;
    for (const carrier of this.#carriers) streams += carrier.stats.streams;
    return streams;
  }

  /** The number for one more carrier, to be `add`ed or given up; `undefined` when it only `grows` and there is no room. */
  promise(grows: boolean): number | undefined {
    if (grows && this.#carriers.length + this.#promised >= this.limits.carriers) return undefined;
    this.#promised++;
    return this.#numbers++;
  }

  /** Its handshake came to nothing. */
  giveUp(): void {
    this.#promised--;
  }

  /** Takes in a carrier that was promised a place. Where there are too many now, the oldest go. */
  add(carrier: Carrier): void {
    this.#promised--;
    this.#carriers.unshift(carrier);
    const staying = this.#carriers.filter((c) => !c.draining && !this.#leaving.has(c));
    for (const old of staying.slice(this.limits.carriers)) {
      old.goAway(GO_AWAY.REPLACED, 'a newer carrier takes over');
      this.leave(old);
    }
    // Those end by themselves; an agent that piles them up all the same loses the oldest at once.
    for (const old of this.#carriers.slice(2 * this.limits.carriers)) old.close(GO_AWAY.LIMIT, 'too many carriers');
    this.#clear();
    this.#spread();
  }

  /** Forgets a carrier that has ended. */
  remove(carrier: Carrier): void {
    this.#carriers = this.#carriers.filter((c) => c !== carrier);
    this.#leaving.delete(carrier);
    if (this.#leaving.size === 0) this.#stopClear();
  }

  /** `carrier` is given up: what is on it goes on elsewhere, as soon as there is elsewhere. */
  leave(carrier: Carrier): void {
    this.#leaving.add(carrier);
    this.#clear();
    this.#stopClearing ??= this.#clock.setInterval(() => this.#clear(), CLEAR_EVERY);
  }

  /** A stream, or why there is none: no carrier that takes any, or what has run out. */
  open(open: Uint8Array, handler: StreamHandler): TunnelStream | 'closed' | LinkBound {
    const [only] = this.#carriers;
    if (only === undefined) return 'closed';
    if (this.#carriers.length === 1) return only.open(open, handler);
    const usable = this.#carriers.filter((carrier) => !carrier.draining);
    if (usable.length > 0 && this.streams >= this.limits.streams) return 'streams';
    let answer: 'closed' | LinkBound = 'closed';
    for (const { carrier } of usable.map(weigh).sort(lightest)) {
      const stream = carrier.open(open, handler);
      if (typeof stream !== 'string') return stream;
      if (stream !== 'closed') answer = stream;
    }
    return answer;
  }

  /** Smoothed, of the carrier that answers soonest; ms, 0 while unknown. Asked for every request. */
  get roundTrip(): number {
    let least = 0;
    for (const carrier of this.#carriers) if (!carrier.draining) least = shorter(least, carrier.roundTrip);
    return least;
  }

  get shortestRoundTrip(): number {
    let least = 0;
    for (const carrier of this.#carriers) least = shorter(least, carrier.shortestRoundTrip);
    return least;
  }

  probe(timeout: number, except: Carrier): void {
    for (const carrier of this.#carriers) if (carrier !== except) carrier.probe(timeout);
  }

  goAway(code: GoAwayCode, reason: string): void {
    for (const carrier of this.#carriers) if (!carrier.draining) carrier.goAway(code, reason);
  }

  close(code: GoAwayCode, reason: string): void {
    this.#stopClear();
    for (const carrier of this.#carriers) carrier.close(code, reason);
  }

  #stopClear(): void {
    this.#stopClearing?.();
    this.#stopClearing = undefined;
  }

  #onBulk(): void {
    const now = this.#clock.monotonic();
    if (this.#carriers.length < 2 || now - this.#spreadAt < SPREAD_EVERY) return;
    this.#spreadAt = now;
    this.#spread();
  }

  /** Moves bulk from where there is most of it to where there is least. */
  #spread(): void {
    const loads = this.#carriers
      .filter((carrier) => !carrier.draining && !carrier.doubtful)
      .map((carrier) => ({ carrier, bulk: [...carrier.bulk] }));
    if (loads.length < 2) return;
    for (;;) {
      loads.sort((a, b) => a.bulk.length - b.bulk.length);
      const [first, second] = loads;
      const most = loads.at(-1);
      if (first === undefined || second === undefined || most === undefined) return;
      // The last one without bulk stays so.
      const target = first.bulk.length === 0 && second.bulk.length > 0 ? second : first;
      if (most.bulk.length - target.bulk.length < 2) return;
      const stream = most.bulk.pop();
      if (stream !== undefined && most.carrier.moveTo(target.carrier, [stream]) === 1) target.bulk.push(stream);
    }
  }

  #clear(): void {
    for (const carrier of this.#leaving) {
      const [target] = this.#carriers
        .filter((c) => c !== carrier && !c.draining)
        .map(weigh)
        .sort(lightest);
      if (target !== undefined) carrier.moveTo(target.carrier);
    }
  }
}

interface Weight {
  readonly carrier: Carrier;
  readonly doubtful: boolean;
  readonly bulk: number;
  readonly streams: number;
}

const weigh = (carrier: Carrier): Weight => ({
  carrier,
  doubtful: carrier.doubtful,
  bulk: carrier.bulk.length,
  streams: carrier.stats.streams,
});

/** Those that may be dead last; then by bulk, then by what is open. */
const lightest = (a: Weight, b: Weight): number =>
  Number(a.doubtful) - Number(b.doubtful) || a.bulk - b.bulk || a.streams - b.streams;

/** Of two times the shorter one that is known; 0 when neither is. */
const shorter = (a: number, b: number): number => (a > 0 && b > 0 ? Math.min(a, b) : Math.max(a, b));
