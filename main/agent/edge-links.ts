import type { LinkState, NodeLink } from '../../shared/contract/agent-state.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import type { NodeAddress } from '../../shared/wire/handshake.ts';
import { describeEdge, type EdgeAddress } from './edge-address.ts';
import { createEdgeLink, type EdgeLink } from './edge-link.ts';
import type { TunnelDialler } from './link-tunnel.ts';
import { isLocalAddress, nodeAddress } from './node-address.ts';

/** Nodes to be linked to where there are so many. */
const WANTED = 2;
/** Links at once, those included that take the place of others which are down. */
const MOST_LINKS = 4;
/** Milliseconds that an address which led to a node linked already is left alone. */
const SAME_NODE = 300_000;

export interface EdgeLinksOptions {
  /** Where the agent has joined. */
  readonly home: EdgeAddress;
  /** A dialler for tunnels to `address`. */
  readonly dialTo: (address: EdgeAddress) => TunnelDialler;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** The links to a cluster's nodes, as one. */
export interface EdgeLinks {
  /** Up while any link is; otherwise how it stands with the node where the agent has joined. */
  readonly state: LinkState;
  readonly views: readonly NodeLink[];
  onChange(listener: () => void): () => void;
  resumed(): void;
  pause(): void;
  unpause(): void;
  close(): void;
}

/** A link to one node, and what is known of it. */
interface Entry {
  readonly key: string;
  readonly home: boolean;
  readonly link: EdgeLink;
  /** The last node that it was up to. */
  nodeId: string | undefined;
}

/**
 * Links to the node where the agent has joined, and to others that this one names, until there are two. When one goes
 * away or can't be reached, another takes its place before it is gone, and stays until the first is back.
 */
export function createEdgeLinks(options: EdgeLinksOptions): EdgeLinks {
  return new Links(options);
}

class Links implements EdgeLinks {
  readonly #options: EdgeLinksOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #home: Entry;
  #entries: Entry[] = [];
  /** Nodes by their address, as the last link that came up told; with whether a local address may be believed. */
  #known = new Map<string, { readonly node: NodeAddress; readonly publicOnly: boolean }>();
  /** Addresses that lead to a node linked already, until when they are left alone. */
  readonly #aliases = new Map<string, number>();
  #paused = false;
  #closed = false;
  #tending = false;

  constructor(options: EdgeLinksOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#home = this.#add(options.home, true);
  }

  get state(): LinkState {
    const up = this.#entries.find((entry) => entry.link.state.state === 'up');
    return (up ?? this.#home).link.state;
  }

  get views(): readonly NodeLink[] {
    return this.#entries.map((entry) => entry.link.view);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  resumed(): void {
    for (const { link } of this.#entries) link.resumed();
  }

  pause(): void {
    this.#paused = true;
    for (const { link } of this.#entries) link.pause();
  }

  unpause(): void {
    for (const entry of this.#entries) {
      // As if for the first time: none of them is lost.
      entry.nodeId = undefined;
      entry.link.unpause();
    }
    this.#paused = false;
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    for (const { link } of this.#entries) link.close();
  }

  #add(address: EdgeAddress, home = false): Entry {
    const text = describeEdge(address);
    const { clock, random } = this.#options;
    const link = createEdgeLink({
      dial: this.#options.dialTo(address),
      address: text,
      ...(clock === undefined ? {} : { clock }),
      ...(random === undefined ? {} : { random }),
    });
    const entry: Entry = { key: text, home, link, nodeId: undefined };
    this.#entries.push(entry);
    link.onChange(() => this.#onChange(entry));
    return entry;
  }

  #drop(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
    entry.link.leave();
  }

  #onChange(entry: Entry): void {
    if (this.#closed || !this.#entries.includes(entry)) return;
    const { place, remoteAddress } = entry.link;
    if (place !== undefined) {
      entry.nodeId = place.nodeId;
      const publicOnly = remoteAddress === undefined || !isLocalAddress(remoteAddress);
      this.#known = new Map(place.nodes.map((node) => [node.address, { node, publicOnly }]));
    }
    this.#tend();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Brings what there is and what there should be together. */
  #tend(): void {
    if (this.#paused || this.#tending) return;
    this.#tending = true;
    this.#dropDoubles();
    const up = this.#entries.filter(isUp);
    for (const spare of up.filter((entry) => !entry.home).slice(this.#room(up))) this.#drop(spare);
    // One that is down or on its way back counts for nothing; one that is being dialled for the first time does.
    const counted = this.#entries.filter((entry) => isUp(entry) || isFirstTry(entry)).length;
    if (up.length > 0 || this.#entries.length > 1) {
      for (let missing = WANTED - counted; missing > 0 && this.#entries.length < MOST_LINKS; missing--)
        if (!this.#addAnother()) break;
    }
    this.#tending = false;
  }

  /** How many links besides the first one may be up. */
  #room(up: readonly Entry[]): number {
    return isUp(this.#home) && up.length > WANTED ? WANTED - 1 : WANTED;
  }

  /** Two addresses of one node are no second link. */
  #dropDoubles(): void {
    const seen = new Set<string>();
    for (const entry of this.#entries) {
      if (!isUp(entry) || entry.nodeId === undefined) continue;
      if (!seen.has(entry.nodeId)) seen.add(entry.nodeId);
      else if (!entry.home) {
        this.#aliases.set(entry.key, this.#clock.monotonic() + SAME_NODE);
        this.#drop(entry);
      }
    }
  }

  #addAnother(): boolean {
    const now = this.#clock.monotonic();
    for (const [key, until] of this.#aliases) if (until <= now) this.#aliases.delete(key);
    const linked = new Set(this.#entries.flatMap(({ key, nodeId }) => (nodeId === undefined ? [key] : [key, nodeId])));
    const candidates = [...this.#known.values()].flatMap(({ node, publicOnly }) => {
      const address = nodeAddress(node.address, this.#options.home, publicOnly);
      const key = address === undefined ? '' : describeEdge(address);
      if (address === undefined || linked.has(node.id) || linked.has(key) || this.#aliases.has(key)) return [];
      return [address];
    });
    const chosen = candidates[Math.floor(this.#random() * candidates.length)];
    if (chosen === undefined) return false;
    this.#add(chosen);
    return true;
  }
}

const isUp = ({ link }: Entry): boolean => link.state.state === 'up';
const isFirstTry = ({ link, nodeId }: Entry): boolean => link.state.state === 'connecting' && nodeId === undefined;
