import type { GuestService, ServiceView } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { ChangeSet, Store } from '../store/store.ts';
import type { Facts, FactsChange } from './facts.ts';
import { GuestTargets } from './guest-targets.ts';
import type { ServiceViews } from './service-views.ts';

/** Changes within this many milliseconds reach subscribers together: a write and its routing are one event to them. */
const GATHER = 50;
/** Milliseconds until a read of the store that failed is tried again. */
const RETRY = 1000;

/** Somebody who follows the services of one agent. */
export interface Subscriber {
  /** The services as they are now; first soon after subscribing, then after changes. `line` is the watch event. */
  onServices(services: readonly ServiceView[], line: string): void;
  /** The agent has left the cluster; nothing follows. */
  onEnd(): void;
}

interface Feed {
  readonly subscribers: Set<Subscriber>;
  /** Subscribers who have not seen `line` yet. */
  readonly fresh: Set<Subscriber>;
  cancel: CancelTimer | undefined;
  reading: boolean;
  stale: boolean;
  /** What subscribers were told last. */
  told: { readonly services: readonly ServiceView[]; readonly json: string } | undefined;
}

/**
 * The services of each agent, followed: one read of the store an agent and change, however many subscribers. Work
 * happens for agents with subscribers only.
 */
export class AgentFeeds {
  readonly #store: Store;
  readonly #facts: Facts;
  readonly #views: ServiceViews;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #feeds = new Map<string, Feed>();
  readonly #guests = new GuestTargets();
  readonly #stops: (() => void)[];
  #revision = 0;
  #reading = false;
  #stale = false;
  #closed = false;

  constructor(store: Store, facts: Facts, views: ServiceViews, clock: Clock, log: Logger) {
    this.#store = store;
    this.#facts = facts;
    this.#views = views;
    this.#clock = clock;
    this.#log = log;
    this.#stops = [
      store.watch(() => void this.#follow()),
      facts.watch((change) => this.#mark(this.#touchedBy(change))),
    ];
    void this.#follow();
  }

  subscribe(agentId: string, subscriber: Subscriber): () => void {
    const feed = this.#feeds.get(agentId) ?? newFeed();
    this.#feeds.set(agentId, feed);
    feed.subscribers.add(subscriber);
    feed.fresh.add(subscriber);
    void this.#read(agentId, feed);
    return () => {
      feed.subscribers.delete(subscriber);
      feed.fresh.delete(subscriber);
      if (feed.subscribers.size > 0) return;
      feed.cancel?.();
      if (this.#feeds.get(agentId) === feed) this.#feeds.delete(agentId);
    };
  }

  /** Subscribers of the agent right now. */
  count(agentId: string): number {
    return this.#feeds.get(agentId)?.subscribers.size ?? 0;
  }

  /** Ids of the targets on `agentId` that other agents' services have. */
  guestTargets(agentId: string): readonly string[] {
    return this.#guests.of(agentId).flatMap((guest) => guest.targets.map((target) => target.id));
  }

  /** Ends what follows an agent that has left. */
  endAgent(agentId: string): void {
    const feed = this.#feeds.get(agentId);
    this.#feeds.delete(agentId);
    feed?.cancel?.();
    for (const subscriber of feed?.subscribers ?? []) subscriber.onEnd();
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const agentId of [...this.#feeds.keys()]) this.endAgent(agentId);
  }

  /** Reads the change feed from where it was read last, one read at a time. */
  async #follow(): Promise<void> {
    if (this.#reading) {
      this.#stale = true;
      return;
    }
    this.#reading = true;
    do {
      this.#stale = false;
      const changes = await this.#store.changesSince(this.#revision);
      if (this.#closed) break;
      if (changes.ok) await this.#apply(changes.value);
      else this.#retry(changes.error, () => void this.#follow());
    } while (this.#stale);
    this.#reading = false;
  }

  async #apply(changes: ChangeSet): Promise<void> {
    this.#revision = changes.revision;
    for (const agentId of changes.removedAgents) this.endAgent(agentId);
    if (changes.reset) await this.#endUnknown();
    const hosts = this.#guests.apply(changes);
    const owners = new Set(changes.reset ? this.#feeds.keys() : changes.services.map((s) => s.ownerId));
    for (const host of hosts) owners.add(host);
    this.#mark(owners);
    for (const owner of owners) if (this.#facts.hasProblems(owner)) await this.#forgetTargets(owner);
  }

  /** After a gap nobody said who has left. */
  async #endUnknown(): Promise<void> {
    for (const agentId of [...this.#feeds.keys()]) {
      const agent = await this.#store.agent(agentId);
      if (agent.ok && agent.value === undefined) this.endAgent(agentId);
    }
  }

  async #forgetTargets(agentId: string): Promise<void> {
    const stored = await this.#store.servicesOf(agentId);
    if (!stored.ok) return;
    const targets = stored.value.services.flatMap((s) => s.service.targets.map((t) => t.id));
    this.#facts.keepOnly(agentId, new Set([...targets, ...this.guestTargets(agentId)]));
  }

  #mark(agentIds: Iterable<string>): void {
    for (const agentId of agentIds) {
      const feed = this.#feeds.get(agentId);
      if (feed === undefined) continue;
      feed.stale = true;
      feed.cancel ??= this.#clock.setTimeout(() => {
        feed.cancel = undefined;
        void this.#read(agentId, feed);
      }, GATHER);
    }
  }

  async #read(agentId: string, feed: Feed): Promise<void> {
    if (feed.reading) return;
    feed.reading = true;
    feed.stale = false;
    const views = await this.#views.of(agentId);
    const guests = await this.#guestsOf(agentId);
    feed.reading = false;
    if (this.#closed || this.#feeds.get(agentId) !== feed) return;
    if (views.ok) {
      const { revision, services } = views.value;
      publish(feed, revision, services, guests);
    } else this.#retry(views.error, () => this.#mark([agentId]));
    if (feed.stale || feed.fresh.size > 0) this.#mark([agentId]);
  }

  async #guestsOf(agentId: string): Promise<readonly GuestService[]> {
    const guests: GuestService[] = [];
    for (const { service, targets } of this.#guests.of(agentId)) {
      const { id, name, domain, ownerId } = service;
      const owner = await this.#store.agent(ownerId);
      const ownerName = (owner.ok ? owner.value?.name : undefined) ?? ownerId;
      const shown = targets.map(({ customHeaders: _, ...target }) => target);
      guests.push({ id, name, domain, ownerId, ownerName, targets: shown });
    }
    return guests;
  }

  #touchedBy(change: FactsChange): Iterable<string> {
    if (change === 'certificate' || change === 'listener') return this.#feeds.keys();
    // How a target is concerns whoever owns its service, too.
    if (change !== 'routed') return new Set(change.flatMap((agentId) => [agentId, ...this.#guests.owners(agentId)]));
    const waits = (feed: Feed): boolean => feed.told?.services.some((s) => s.status === 'pending') === true;
    return [...this.#feeds].filter(([, feed]) => waits(feed)).map(([agentId]) => agentId);
  }

  #retry(reason: Failure, again: () => void): void {
    if (this.#closed) return;
    this.#log.warn('The store could not be read; it is tried again.', { reason });
    this.#clock.setTimeout(() => {
      if (!this.#closed) again();
    }, RETRY);
  }
}

/** Tells everybody when something has changed, else only those who don't know it yet. */
function publish(
  feed: Feed,
  revision: number,
  services: readonly ServiceView[],
  guests: readonly GuestService[],
): void {
  const json = `${JSON.stringify(services)}${guests.length === 0 ? '' : `,"guests":${JSON.stringify(guests)}`}`;
  const receivers = json === feed.told?.json ? [...feed.fresh] : [...feed.subscribers];
  feed.told = { services, json };
  feed.fresh.clear();
  const line = `{"type":"services","revision":${revision},"services":${json}}`;
  for (const subscriber of receivers) subscriber.onServices(services, line);
}

const newFeed = (): Feed => ({
  subscribers: new Set(),
  fresh: new Set(),
  cancel: undefined,
  reading: false,
  stale: false,
  told: undefined,
});
