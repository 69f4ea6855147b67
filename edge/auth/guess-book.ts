import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { GuessKey, GuessRow, Store } from '../store/store.ts';
import * as rules from './guessing.ts';

/** Who tries what at which service. */
export interface Attempt {
  readonly serviceId: string;
  readonly what: rules.Guessable;
  /** Whom the address stands for (`sourceOf`). */
  readonly source: string;
}

/** `go`: it may be compared; `lock` is how many seconds a failure has locked the address for, 0 when it has not. */
export type Leave =
  | { readonly kind: 'go'; readonly lock: number }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'busy' };

export type GuessStore = Pick<Store, 'changeGuesses' | 'pruneGuesses'>;

type Rows = Map<string, { readonly key: GuessKey; row: GuessRow | undefined; changed: boolean }>;

interface Entry {
  readonly keys: readonly GuessKey[];
  readonly apply: (
    rows: (key: GuessKey) => GuessRow | undefined,
    write: (key: GuessKey, row: GuessRow) => void,
  ) => void;
  readonly done: (written: boolean) => void;
}

/** Locks that this process remembers so that it needn't ask the store again. */
const REMEMBERED = 20_000;
/** Entries that are written in one transaction, and that wait for one at most. */
const BATCH = 64;
const WAITING = 512;
/** Milliseconds that a stranger who was told to wait is held off without asking the store, at most. */
const HELD = 30_000;
/** Attempts during a lock after which even what is known to be right is not looked at any more. */
const INSISTENT = 50;
const PRUNE_INTERVAL = 3_600_000;

/** The failed tries of all nodes: asked and counted in the store, several at a time; locks are remembered here. */
export class GuessBook {
  readonly #store: GuessStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #queue: Entry[] = [];
  readonly #locks = new Map<string, { until: number; refused: number }>();
  readonly #stopPruning: () => void;
  #writing = false;
  #closed = false;

  constructor(store: GuessStore, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#stopPruning = clock.setInterval(() => void this.#prune(), PRUNE_INTERVAL);
  }

  close(): void {
    this.#closed = true;
    this.#stopPruning();
  }

  /** In steps, so that nobody waits for it. */
  async #prune(): Promise<void> {
    const now = this.#clock.now();
    for (let more = true; more && !this.#closed; ) {
      const pruned = await this.#store.pruneGuesses(now - rules.REMEMBERED, now - rules.KNOWN);
      more = pruned.ok && pruned.value;
    }
  }

  /** Seconds that the address has to wait, as far as this process knows; 0 when it may try. */
  wait(serviceId: string, source: string): number {
    const now = this.#clock.now();
    const until = Math.max(
      this.#locks.get(nameOf(pairKey(serviceId, source)))?.until ?? 0,
      this.#locks.get(nameOf(addressKey(source)))?.until ?? 0,
    );
    return seconds(until - now);
  }

  /** The address goes on trying while it is locked; whether it has done so too often to be believed anything. */
  insists(serviceId: string, source: string): boolean {
    const lock = this.#locks.get(nameOf(pairKey(serviceId, source)));
    return lock !== undefined && lock.until > this.#clock.now() && ++lock.refused > INSISTENT;
  }

  /** Asks whether `attempt` may be made, and counts it as a failure if so. Fails closed: `busy` when nobody can tell. */
  async begin(attempt: Attempt): Promise<Leave> {
    const { serviceId, source, what } = attempt;
    const wait = this.wait(serviceId, source);
    if (wait > 0) return { kind: 'wait', seconds: wait };
    let leave: Leave = { kind: 'busy' };
    const rate = rules.SERVICE_RATES[what];
    const [pair, service, address] = keysOf(attempt);
    const written = await this.#enter([pair, service, address], (read, write) => {
      const now = this.#clock.now();
      const stranger = !rules.isKnown(read(pair), now);
      const own = Math.max(rules.pairWait(read(pair), now), rules.bucketWait(read(address), rules.ADDRESS_RATE, now));
      const all = stranger ? rules.bucketWait(read(service), rate, now) : 0;
      if (own > 0 || all > 0) {
        this.#remember(pair, now + Math.max(own, Math.min(all, HELD)));
        leave = { kind: 'wait', seconds: seconds(Math.max(own, all)) };
        return;
      }
      const next = rules.pairFailed(read(pair), now);
      write(pair, next);
      write(address, rules.bucketFailed(read(address), rules.ADDRESS_RATE, now));
      if (stranger) write(service, rules.bucketFailed(read(service), rate, now));
      const lock = rules.pairWait(next, now);
      if (lock > 0) this.#remember(pair, now + lock);
      leave = { kind: 'go', lock: seconds(lock) };
    });
    return written ? leave : { kind: 'busy' };
  }

  /** What `begin` let go on was right. */
  async succeeded(attempt: Attempt): Promise<void> {
    await this.#takeBack(attempt, () => rules.pairSucceeded(this.#clock.now()));
  }

  /** What `begin` let go on was never compared. */
  async undone(attempt: Attempt): Promise<void> {
    await this.#takeBack(attempt, rules.pairUndone);
  }

  async #takeBack(attempt: Attempt, change: (row: GuessRow | undefined) => GuessRow): Promise<void> {
    const [pair, service, address] = keysOf(attempt);
    this.#locks.delete(nameOf(pair));
    await this.#enter([pair, service, address], (read, write) => {
      const stranger = !rules.isKnown(read(pair), this.#clock.now());
      write(pair, change(read(pair)));
      write(address, rules.bucketUndone(read(address), rules.ADDRESS_RATE));
      if (stranger) write(service, rules.bucketUndone(read(service), rules.SERVICE_RATES[attempt.what]));
    });
  }

  #remember(key: GuessKey, until: number): void {
    const name = nameOf(key);
    this.#locks.delete(name);
    const oldest = this.#locks.keys().next();
    if (this.#locks.size >= REMEMBERED && oldest.done !== true) this.#locks.delete(oldest.value);
    this.#locks.set(name, { until, refused: 0 });
  }

  /** Resolves with whether the store has taken it. */
  #enter(keys: readonly GuessKey[], apply: Entry['apply']): Promise<boolean> {
    if (this.#queue.length >= WAITING) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#queue.push({ keys, apply, done: resolve });
    void this.#write();
    return promise;
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      const written = await this.#writeBatch(batch);
      for (const entry of batch) entry.done(written);
    }
    this.#writing = false;
  }

  async #writeBatch(batch: readonly Entry[]): Promise<boolean> {
    const rows: Rows = new Map();
    for (const key of batch.flatMap((entry) => entry.keys))
      rows.set(nameOf(key), { key, row: undefined, changed: false });
    const all = [...rows.values()];
    const read = (key: GuessKey): GuessRow | undefined => rows.get(nameOf(key))?.row;
    const write = (key: GuessKey, row: GuessRow): void => {
      rows.set(nameOf(key), { key, row, changed: true });
    };
    try {
      const outcome = await this.#store.changeGuesses(
        all.map(({ key }) => key),
        (found) => {
          all.forEach(({ key }, i) => void rows.set(nameOf(key), { key, row: found[i], changed: false }));
          for (const entry of batch) entry.apply(read, write);
          return all.map(({ key }) => {
            const now = rows.get(nameOf(key));
            return now?.changed === true ? now.row : undefined;
          });
        },
      );
      if (!outcome.ok) this.#log.warn('failed tries cannot be counted, so nobody logs in', { reason: outcome.error });
      return outcome.ok;
    } catch (error) {
      this.#log.error('failed tries cannot be counted, so nobody logs in', { error });
      return false;
    }
  }
}

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));

const pairKey = (serviceId: string, source: string): GuessKey => ({ serviceId, subject: `from ${source}` });
const addressKey = (source: string): GuessKey => ({ serviceId: '', subject: `from ${source}` });
const keysOf = ({ serviceId, source, what }: Attempt): readonly [GuessKey, GuessKey, GuessKey] => [
  pairKey(serviceId, source),
  { serviceId, subject: `all ${what}` },
  addressKey(source),
];
const nameOf = ({ serviceId, subject }: GuessKey): string => `${serviceId} ${subject}`;
