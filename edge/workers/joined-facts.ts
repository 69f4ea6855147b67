import type { TargetProblem } from '../../shared/domain/status.ts';
import type { Facts, ListenerKey, ListenerState } from '../control/facts.ts';
import type { FactReport } from './protocol.ts';

/** What one worker has told. */
interface Told {
  readonly agents: Set<string>;
  readonly listeners: Map<ListenerKey, ListenerState>;
  routed: number;
  /** It serves visitors: what it routes counts. */
  serving: boolean;
}

/**
 * What the workers know, joined into the facts of the node: an agent is up while any of them has a link, a revision is
 * routed once all of them route it, a port is as it is where it is worst.
 */
export class JoinedFacts {
  readonly #facts: Pick<Facts, 'setAgentUp' | 'setRouted' | 'setListener' | 'dialled'>;
  readonly #onAgents: (changed: readonly string[]) => void;
  readonly #workers = new Map<number, Told>();

  /** `onAgents` is told of agents that other workers have links to now. */
  constructor(
    facts: Pick<Facts, 'setAgentUp' | 'setRouted' | 'setListener' | 'dialled'>,
    onAgents: (changed: readonly string[]) => void,
  ) {
    this.#facts = facts;
    this.#onAgents = onAgents;
  }

  /** The workers that have links to `agentId`. */
  workersOf(agentId: string): readonly number[] {
    return [...this.#workers].filter(([, told]) => told.agents.has(agentId)).map(([index]) => index);
  }

  /** All agents with links. */
  agents(): ReadonlySet<string> {
    return new Set([...this.#workers.values()].flatMap(({ agents }) => [...agents]));
  }

  /** Takes in what worker `index` reports. */
  report(index: number, { agents, routed, listeners, dials }: FactReport): void {
    const told = this.#toldBy(index);
    for (const [agentId, up] of agents) {
      if (up) told.agents.add(agentId);
      else told.agents.delete(agentId);
    }
    this.#joinAgents(agents.map(([agentId]) => agentId));
    for (const [key, state] of listeners) {
      if (state === undefined) told.listeners.delete(key);
      else told.listeners.set(key, state);
      this.#joinListener(key);
    }
    for (const [agentId, targetId, problem] of dials) this.#dialled(agentId, targetId, problem);
    if (routed === undefined) return;
    told.routed = routed;
    this.#joinRouted();
  }

  /** Worker `index` serves from now on. */
  serve(index: number): void {
    this.#toldBy(index).serving = true;
    this.#joinRouted();
  }

  /** Worker `index` is gone, and all that it had. */
  remove(index: number): void {
    const told = this.#workers.get(index);
    if (told === undefined) return;
    this.#workers.delete(index);
    this.#joinAgents([...told.agents]);
    for (const key of told.listeners.keys()) this.#joinListener(key);
    this.#joinRouted();
  }

  #toldBy(index: number): Told {
    const known = this.#workers.get(index);
    if (known !== undefined) return known;
    const told = { agents: new Set<string>(), listeners: new Map(), routed: 0, serving: false };
    this.#workers.set(index, told);
    return told;
  }

  #joinAgents(agentIds: readonly string[]): void {
    if (agentIds.length === 0) return;
    for (const agentId of agentIds) this.#facts.setAgentUp(agentId, this.workersOf(agentId).length > 0);
    this.#onAgents(agentIds);
  }

  #dialled(agentId: string, targetId: string, problem: TargetProblem | undefined): void {
    this.#facts.dialled(agentId, targetId, problem);
  }

  #joinListener(key: ListenerKey): void {
    const states = [...this.#workers.values()].flatMap(({ listeners }) => listeners.get(key) ?? []);
    const worst =
      states.find(({ state }) => state === 'failed') ?? states.find(({ state }) => state === 'pending') ?? states[0];
    this.#facts.setListener(key, worst);
  }

  /** Without any worker that serves, what was routed last stands: nobody serves anything older. */
  #joinRouted(): void {
    const routed = [...this.#workers.values()].filter(({ serving }) => serving).map((told) => told.routed);
    if (routed.length > 0) this.#facts.setRouted(Math.min(...routed));
  }
}
