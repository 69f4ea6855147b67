import { createStore, type StoreApi } from 'zustand/vanilla';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { Transport } from '../transport/transport.ts';

/** Seconds of which a service's requests are told. */
export const SECONDS = 60;
/** A visitor is there for this long (ms) after a request, and for as long as a connection is open. */
export const PRESENCE = 300_000;
/** Most addresses, and most open connections, that are remembered of a service; most services. */
const REMEMBERED = 1000;
const SERVICES = 500;
/** Lines that the first look back reads, and live ones that wait for it. */
const LOOK_BACK = 1000;
const SECOND = 1000;
/** How often (ms) presence is looked at where nothing comes any more. */
const QUIET = 5000;

/** How much goes on at one service right now. */
export interface Traffic {
  /** Requests of each of the last 60 seconds, oldest first. */
  readonly rates: readonly number[];
  /** Distinct addresses of the last 5 minutes and of open connections. */
  readonly visitors: number;
}

export const NO_TRAFFIC: Traffic = { rates: new Array<number>(SECONDS).fill(0), visitors: 0 };

/** What is remembered of one service, bounded. */
class Memory {
  /** Requests by second. */
  readonly #seconds = new Map<number, number>();
  /** When each address was last seen, the longest ago first. */
  readonly #seen = new Map<string, number>();
  /** Addresses of open connections by the id of their line. */
  readonly #open = new Map<string, string>();

  add(record: AccessRecord): void {
    const { id, kind, time, duration, address } = record;
    const end = kind === 'open' ? time : time + duration;
    if (kind === 'open') remember(this.#open, id, address);
    else this.#open.delete(id);
    // What is told when it opens and when it ends is one request.
    if (kind !== 'close') {
      const second = Math.floor(end / SECOND);
      this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + 1);
    }
    const last = this.#seen.get(address) ?? 0;
    this.#seen.delete(address);
    remember(this.#seen, address, Math.max(last, end));
  }

  at(now: number): Traffic {
    const newest = Math.floor(now / SECOND);
    for (const second of this.#seconds.keys()) if (second <= newest - SECONDS) this.#seconds.delete(second);
    for (const [address, time] of this.#seen) if (time <= now - PRESENCE) this.#seen.delete(address);
    if (this.#seen.size + this.#open.size === 0 && this.#seconds.size === 0) return NO_TRAFFIC;
    return {
      rates: Array.from({ length: SECONDS }, (_, i) => this.#seconds.get(newest - SECONDS + 1 + i) ?? 0),
      visitors: new Set([...this.#seen.keys(), ...this.#open.values()]).size,
    };
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

const same = (a: Traffic | undefined, b: Traffic): boolean =>
  a !== undefined && a.visitors === b.visitors && a.rates.every((rate, i) => rate === b.rates[i]);

export type TrafficStore = StoreApi<ReadonlyMap<string, Traffic>>;

/**
 * What goes on at each service, from the live lines that the page gets anyway and one look back at the last 5 minutes
 * when the connection opens. Nothing runs while nothing goes on. Under more than 800 requests a second the edge leaves
 * lines out of the live ones, so figures are then too low.
 */
export function createTraffic(
  transport: Transport,
  now: () => number = Date.now,
): { readonly store: TrafficStore; readonly stop: () => void } {
  const store: TrafficStore = createStore(() => new Map<string, Traffic>() as ReadonlyMap<string, Traffic>);
  const memories = new Map<string, Memory>();
  /** Live lines that came during the look back; undefined when there is none under way. */
  let early: AccessRecord[] | undefined;
  let generation = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const note = (record: AccessRecord): void => {
    if (record.serviceId === undefined) return;
    const known = memories.get(record.serviceId);
    if (known === undefined && memories.size >= SERVICES) return;
    const memory = known ?? new Memory();
    memories.set(record.serviceId, memory);
    memory.add(record);
  };
  const tell = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const before = store.getState();
    const after = new Map<string, Traffic>();
    for (const [id, memory] of memories) {
      const traffic = memory.at(now());
      if (traffic === NO_TRAFFIC) memories.delete(id);
      else after.set(id, traffic);
    }
    const told = new Map(
      [...after].map(([id, next]) => [id, same(before.get(id), next) ? (before.get(id) ?? next) : next]),
    );
    if (told.size !== before.size || [...told].some(([id, next]) => before.get(id) !== next))
      store.setState(told, true);
    const lively = [...told.values()].some(({ rates }) => rates.some((rate) => rate > 0));
    if (told.size > 0) timer = setTimeout(tell, lively ? SECOND : QUIET);
  };
  const lookBack = async (): Promise<void> => {
    const mine = ++generation;
    early = [];
    const reply = await transport.call('log:query', { since: now() - PRESENCE, limit: LOOK_BACK });
    if (mine !== generation) return;
    const waited = early;
    early = undefined;
    memories.clear();
    // Oldest first, each line once.
    const lines = new Map((reply.ok ? reply.value.records.toReversed() : []).map((r) => [`${r.id} ${r.kind}`, r]));
    for (const record of waited) lines.set(`${record.id} ${record.kind}`, record);
    for (const record of lines.values()) note(record);
    tell();
  };

  const stopLog = transport.on('log', ({ records }) => {
    if (early !== undefined) {
      early.push(...records.slice(0, LOOK_BACK - early.length));
      return;
    }
    for (const record of records) note(record);
    if (timer === undefined || store.getState().size < memories.size) tell();
  });
  const stopConnection = transport.onConnection((connection) => {
    if (connection === 'open') void lookBack();
  });
  return {
    store,
    stop() {
      generation++;
      clearTimeout(timer);
      stopLog();
      stopConnection();
    },
  };
}
