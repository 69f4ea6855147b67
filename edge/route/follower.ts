import type { Failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { type RouteDiff, RouteTable, type ServiceChange } from './table.ts';

/** What happened after a revision. Each service occurs at most once. */
export interface Changes {
  readonly revision: number;
  /** `services` is the complete list, and what it doesn't name is gone. */
  readonly reset: boolean;
  readonly services: readonly ServiceChange[];
  /** Agents that left; empty after a reset. */
  readonly removedAgents: readonly string[];
}

/** Where services come from: the store, seen from here. */
export interface ChangeFeed {
  changesSince(revision: number): Promise<Result<Changes, Failure>>;
  /** Calls `listener` soon after every change. Returns how to stop that. */
  watch(listener: () => void): () => void;
}

export interface FollowerOptions {
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The table has been swapped; `diff` says what visitors may no longer be served. */
  readonly onSwap: (table: RouteTable, diff: RouteDiff, changes: Changes) => void;
}

/** Milliseconds until a feed that could not be read is asked again. */
const RETRY = 1_000;

/** Keeps a route table in step with the feed: reads what changed, builds the next table, swaps one reference. */
export class RouteFollower {
  readonly #options: FollowerOptions;
  #table = RouteTable.from([], 0);
  #reading = false;
  #stale = false;
  #stopped = false;
  #stopWatching: () => void = () => {};
  #cancelRetry: CancelTimer = () => {};

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** The table of now. Keep it no longer than one visit. */
  get table(): RouteTable {
    return this.#table;
  }

  /** Reads everything once, then follows until `stop`. Fails as the feed fails. */
  async start(): Promise<Result<void, Failure>> {
    const first = await this.#read();
    if (!first.ok) return first;
    this.#stopWatching = this.#options.feed.watch(() => void this.#follow());
    // What was written between that read and the watch.
    await this.#follow();
    return ok(undefined);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatching();
    this.#cancelRetry();
  }

  /** Reads until nothing is new, one read at a time. */
  async #follow(): Promise<void> {
    if (this.#reading) {
      this.#stale = true;
      return;
    }
    this.#reading = true;
    do {
      this.#stale = false;
      const read = await this.#read();
      if (!read.ok) this.#retryLater(read.error);
    } while (this.#stale && !this.#stopped);
    this.#reading = false;
  }

  async #read(): Promise<Result<void, Failure>> {
    const read = await this.#options.feed.changesSince(this.#table.revision);
    if (!read.ok) return read;
    const changes = read.value;
    if (this.#stopped || (changes.revision === this.#table.revision && !changes.reset)) return ok(undefined);
    const { table, diff } = this.#table.update(this.#complete(changes), changes.revision);
    this.#table = table;
    this.#options.onSwap(table, diff, changes);
    return ok(undefined);
  }

  /** After a reset, services that the list doesn't name are changes too. */
  #complete(changes: Changes): readonly ServiceChange[] {
    if (!changes.reset) return changes.services;
    const named = new Set(changes.services.map((s) => s.id));
    const gone = [...this.#table.ids()].filter((id) => !named.has(id));
    return [...changes.services, ...gone.map((id) => ({ id, service: undefined }))];
  }

  #retryLater(reason: Failure): void {
    if (this.#stopped) return;
    this.#options.logger.warn('the store cannot be read; known services go on', { reason });
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.setTimeout(() => void this.#follow(), RETRY);
  }
}
