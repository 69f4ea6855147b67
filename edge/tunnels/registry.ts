import type { StreamHandler, StreamOpener, TunnelStream } from '../../shared/node/stream.ts';
import type { Tunnel } from '../../shared/node/tunnel.ts';
import { GO_AWAY, type GoAwayCode } from '../../shared/wire/codes.ts';

/** One live link of an agent, as the registry uses it. */
export type RegisteredTunnel = Pick<
  Tunnel,
  'open' | 'goAway' | 'close' | 'probe' | 'draining' | 'roundTrip' | 'shortestRoundTrip' | 'stats'
>;

/** Told when an agent gets its first tunnel or loses its last. */
export type PresenceListener = (agentId: string, up: boolean) => void;

/** Milliseconds that an older tunnel has to show that it lives when a newer one comes. */
const PROBE_TIME = 3_000;

/** Tunnels that one agent may have at once; a further one takes the place of the oldest. */
export const TUNNELS_PER_AGENT = 4;

/**
 * All tunnels of this node, by agent. New streams go to the newest tunnel that takes them: an agent that reconnects
 * after a network change leaves a half-dead tunnel behind, and that is always an older one.
 */
export class TunnelRegistry implements StreamOpener {
  /** Newest first. Agents without a tunnel have no entry. */
  readonly #agents = new Map<string, RegisteredTunnel[]>();
  readonly #onPresence: PresenceListener;
  #draining = false;

  constructor(onPresence: PresenceListener) {
    this.#onPresence = onPresence;
  }

  /** Agents with at least one tunnel. */
  get size(): number {
    return this.#agents.size;
  }

  /** Their ids, as of now. */
  agentIds(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Tunnels and the streams in them. For metrics: walks all of them. */
  count(): { readonly tunnels: number; readonly streams: number } {
    let tunnels = 0;
    let streams = 0;
    for (const list of this.#agents.values()) {
      tunnels += list.length;
      for (const tunnel of list) streams += tunnel.stats.streams;
    }
    return { tunnels, streams };
  }

  isUp(agentId: string): boolean {
    return this.#agents.has(agentId);
  }

  /** Takes in a tunnel whose agent has proved itself. `remove` it when it has ended. */
  add(agentId: string, tunnel: RegisteredTunnel): void {
    const before = this.#agents.get(agentId) ?? [];
    this.#agents.set(agentId, [tunnel, ...before]);
    for (const old of before) old.probe(PROBE_TIME);
    for (const old of before.slice(TUNNELS_PER_AGENT - 1)) {
      if (!old.draining) old.goAway(GO_AWAY.REPLACED, 'a newer tunnel takes over');
    }
    // Draining ones end by themselves; an agent that piles them up all the same loses the oldest at once.
    const excess = before.slice(2 * TUNNELS_PER_AGENT - 1);
    for (const old of excess) old.close(GO_AWAY.LIMIT, 'too many tunnels');
    if (this.#draining) tunnel.goAway(GO_AWAY.SHUTDOWN, 'the node is shutting down');
    if (before.length === 0) this.#onPresence(agentId, true);
  }

  /** Forgets a tunnel that has ended. Unknown ones are ignored. */
  remove(agentId: string, tunnel: RegisteredTunnel): void {
    const before = this.#agents.get(agentId);
    if (before === undefined) return;
    const left = before.filter((t) => t !== tunnel);
    if (left.length > 0) this.#agents.set(agentId, left);
    else {
      this.#agents.delete(agentId);
      this.#onPresence(agentId, false);
    }
  }

  open(agentId: string, open: Uint8Array, handler: StreamHandler): TunnelStream | 'agent_offline' | 'busy' {
    const tunnels = this.#agents.get(agentId);
    if (tunnels === undefined) return 'agent_offline';
    let answer: 'agent_offline' | 'busy' = 'agent_offline';
    for (const tunnel of tunnels) {
      if (tunnel.draining) continue;
      const stream = tunnel.open(open, handler);
      if (stream !== undefined) return stream;
      answer = 'busy';
    }
    return answer;
  }

  roundTrip(agentId: string): number {
    return this.#agents.get(agentId)?.[0]?.roundTrip ?? 0;
  }

  shortestRoundTrip(agentId: string): number {
    return this.#agents.get(agentId)?.[0]?.shortestRoundTrip ?? 0;
  }

  /** Ends all tunnels of an agent that may not have any more. */
  evict(agentId: string, code: GoAwayCode, reason: string): void {
    for (const tunnel of this.#agents.get(agentId) ?? []) tunnel.close(code, reason);
  }

  /** Tells every agent to move, those that come later too. */
  drain(): void {
    this.#draining = true;
    for (const tunnels of this.#agents.values())
      for (const tunnel of tunnels) tunnel.goAway(GO_AWAY.SHUTDOWN, 'the node is shutting down');
  }

  /** Ends every tunnel at once. */
  close(): void {
    for (const tunnels of [...this.#agents.values()])
      for (const tunnel of tunnels) tunnel.close(GO_AWAY.SHUTDOWN, 'the node is shutting down');
  }
}
