import type { LinkBound } from '../../shared/node/carrier-group.ts';
import type { StreamHandler, StreamOpener, TunnelStream } from '../../shared/node/stream.ts';
import { GO_AWAY, type GoAwayCode } from '../../shared/wire/codes.ts';
import { type BoundName, type BoundWatch, unwatched } from '../bounds.ts';
import { type Carrier, DEFAULT_LINK_LIMITS, Link, type LinkLimits, type LinkOptions } from './link.ts';

/** Told when an agent gets its first tunnel or loses its last. */
export type PresenceListener = (agentId: string, up: boolean) => void;

/** Milliseconds that older carriers have to show that they live when a newer one comes in their place. */
const PROBE_TIME = 3_000;

/** Links that one agent may have at once; a further one takes the place of the oldest. */
export const LINKS_PER_AGENT = 4;

/** What each bound of a link is called where refusals are counted. */
const BOUNDS: Readonly<Record<LinkBound, BoundName>> = {
  streams: 'streamsPerTunnel',
  memory: 'memoryPerTunnel',
  resets: 'tunnelResets',
};

export interface RegistryOptions extends Omit<LinkOptions, 'onFull'> {
  readonly bounds?: BoundWatch;
}

/** A place for one more carrier, promised while its handshake goes on. */
export interface Seat {
  readonly agentId: string;
  readonly link: Link;
  /** The carrier's number in its link. */
  readonly carrier: number;
  /** It comes in addition to others that are well. */
  readonly grows: boolean;
}

/**
 * All links of this node, by agent. New streams go to the newest link that takes them: an agent that starts anew
 * leaves a half-dead link behind, and that is always an older one.
 */
export class TunnelRegistry implements StreamOpener {
  /** Newest first. Agents without a carrier have no entry. */
  readonly #agents = new Map<string, Link[]>();
  /** Links whose first handshake is under way, by agent and name. */
  readonly #expected = new Map<string, Link>();
  readonly #onPresence: PresenceListener;
  readonly #options: RegistryOptions;
  readonly #bounds: BoundWatch;
  #draining = false;

  constructor(onPresence: PresenceListener, options: RegistryOptions = {}) {
    this.#onPresence = onPresence;
    this.#options = options;
    this.#bounds = options.bounds ?? unwatched;
  }

  get limits(): LinkLimits {
    return this.#options.limits ?? DEFAULT_LINK_LIMITS;
  }

  /** Agents with at least one carrier. */
  get size(): number {
    return this.#agents.size;
  }

  /** Their ids, as of now. */
  agentIds(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Links, their carriers (connections) and the streams in them. For metrics: walks all of them. */
  count(): { readonly links: number; readonly tunnels: number; readonly streams: number } {
    let links = 0;
    let tunnels = 0;
    let streams = 0;
    for (const list of this.#agents.values()) {
      links += list.length;
      for (const link of list) {
        tunnels += link.carriers.length;
        streams += link.streams;
      }
    }
    return { links, tunnels, streams };
  }

  /** Agents are to move away, and no others to come. */
  get draining(): boolean {
    return this.#draining;
  }

  isUp(agentId: string): boolean {
    return this.#agents.has(agentId);
  }

  /**
   * Promises a place in the agent's link `linkId` (its own word for it; none for an agent that knows no links). What
   * it comes to must be told: `add` or `giveUp`. `undefined` when a link that merely `grows` is as large as it may be.
   */
  reserve(agentId: string, linkId?: string, grows = false): Seat | undefined {
    const link = this.#find(agentId, linkId) ?? this.#make(agentId, linkId);
    const carrier = link.promise(grows);
    if (carrier === undefined) return undefined;
    this.#settle(agentId, link);
    return { agentId, link, carrier, grows };
  }

  #make(agentId: string, linkId: string | undefined): Link {
    return new Link(linkId, { ...this.#options, onFull: () => this.#bounds.hit('memoryPerTunnel', { agentId }) });
  }

  giveUp({ agentId, link }: Seat): void {
    link.giveUp();
    this.#settle(agentId, link);
  }

  /** Takes in a carrier whose agent has proved itself. `remove` it when it has ended. */
  add(seat: Seat, carrier: Carrier): void {
    const { agentId, link, grows } = seat;
    link.add(carrier);
    this.#settle(agentId, link);
    const before = this.#agents.get(agentId) ?? [];
    const others = before.filter((other) => other !== link);
    this.#agents.set(agentId, grows && before.includes(link) ? before : [link, ...others]);
    // One that comes instead of others (a network has changed, a laptop woke up): which of them still live?
    if (!grows) for (const any of [link, ...others]) any.probe(PROBE_TIME, carrier);
    for (const old of others.slice(LINKS_PER_AGENT - 1)) old.goAway(GO_AWAY.REPLACED, 'a newer tunnel takes over');
    // Draining ones end by themselves; an agent that piles them up all the same loses the oldest at once.
    for (const old of others.slice(2 * LINKS_PER_AGENT - 1)) old.close(GO_AWAY.LIMIT, 'too many tunnels');
    if (this.#draining) carrier.goAway(GO_AWAY.SHUTDOWN, 'the node is shutting down');
    if (before.length === 0) this.#onPresence(agentId, true);
  }

  /** Forgets a carrier that has ended. Unknown ones are ignored. */
  remove({ agentId, link }: Seat, carrier: Carrier): void {
    link.remove(carrier);
    this.#settle(agentId, link);
    const before = this.#agents.get(agentId);
    if (before === undefined || link.carriers.length > 0) return;
    const left = before.filter((other) => other !== link);
    if (left.length > 0) this.#agents.set(agentId, left);
    else {
      this.#agents.delete(agentId);
      this.#onPresence(agentId, false);
    }
  }

  /** A link with promises and no carriers is remembered under its name, so that a second handshake finds it. */
  #settle(agentId: string, link: Link): void {
    if (link.id === undefined) return;
    const key = keyOf(agentId, link.id);
    if (link.carriers.length === 0 && !link.empty) this.#expected.set(key, link);
    else this.#expected.delete(key);
  }

  #find(agentId: string, linkId: string | undefined): Link | undefined {
    if (linkId === undefined) return undefined;
    const known = this.#agents.get(agentId)?.find((link) => link.id === linkId);
    return known ?? this.#expected.get(keyOf(agentId, linkId));
  }

  open(agentId: string, open: Uint8Array, handler: StreamHandler): TunnelStream | 'agent_offline' | 'busy' {
    const links = this.#agents.get(agentId);
    if (links === undefined) return 'agent_offline';
    let bound: LinkBound | undefined;
    for (const link of links) {
      const stream = link.open(open, handler);
      if (typeof stream !== 'string') return stream;
      if (stream !== 'closed') bound = stream;
    }
    if (bound === undefined) return 'agent_offline';
    this.#bounds.hit(BOUNDS[bound], { agentId });
    return 'busy';
  }

  roundTrip(agentId: string): number {
    return this.#agents.get(agentId)?.[0]?.roundTrip ?? 0;
  }

  shortestRoundTrip(agentId: string): number {
    return this.#agents.get(agentId)?.[0]?.shortestRoundTrip ?? 0;
  }

  /** Ends all tunnels of an agent that may not have any more. */
  evict(agentId: string, code: GoAwayCode, reason: string): void {
    for (const link of this.#agents.get(agentId) ?? []) link.close(code, reason);
  }

  /** Tells every agent to move, those that come later too. */
  drain(): void {
    this.#draining = true;
    for (const links of this.#agents.values())
      for (const link of links) link.goAway(GO_AWAY.SHUTDOWN, 'the node is shutting down');
  }

  /** Ends every tunnel at once. */
  close(): void {
    for (const links of [...this.#agents.values()])
      for (const link of links) link.close(GO_AWAY.SHUTDOWN, 'the node is shutting down');
  }
}

const keyOf = (agentId: string, linkId: string): string => `${agentId} ${linkId}`;
