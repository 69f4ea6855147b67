import type { Service } from '../../shared/domain/service.ts';
import type { StatusFacts, TargetProblem } from '../../shared/domain/status.ts';
import type { CertificateState } from '../certificates/certificates.ts';

/**
 * What has changed: facts about these agents and their targets, the routed revision (services that were `pending`
 * may not be any more), some certificate, or a port that services listen on.
 */
export type FactsChange = readonly string[] | 'routed' | 'certificate' | 'listener';

/** A port that services listen on, by transport: TCP and UDP ports of one number are two. */
export type ListenerKey = `${'tcp' | 'udp'} ${number}`;
/** How such a port is. */
export type ListenerState = NonNullable<StatusFacts['listener']>;
export type FactsListener = (change: FactsChange) => void;

/** What is wrong with a target, and who says so since when. */
interface Problem {
  readonly problem: TargetProblem;
  readonly source: 'dial' | 'report';
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface FactsOptions {
  readonly now?: () => number;
  /** The certificate of a domain, asked whenever a status is derived. */
  readonly certificate: (domain: string) => CertificateState;
}

/** Where those who serve visitors say what they learn. */
export type FactSink = Pick<Facts, 'setRouted' | 'setAgentUp' | 'setListener' | 'dialled'>;

/**
 * What this node knows about the world beyond the store: the revision it routes, which agents have a tunnel, which
 * targets fail. Whoever learns something says it here; statuses are derived from it, never stored.
 *
 * About a target the last word counts: a dial that succeeds clears whatever was said before, a report of the agent
 * replaces both its own earlier one and older dial failures. When an agent's tunnel goes, what was known of its
 * targets goes too: the agent says it anew when it is back.
 */
export class Facts {
  readonly #now: () => number;
  readonly #certificate: (domain: string) => CertificateState;
  readonly #up = new Set<string>();
  /** By agent, then by target. Bounded: agents and targets exist, and a target has one problem. */
  readonly #problems = new Map<string, Map<string, Problem>>();
  /** Ports that this node should listen on. Bounded by the services that have one. */
  readonly #ports = new Map<ListenerKey, ListenerState>();
  readonly #listeners = new Set<FactsListener>();
  #routed = 0;

  constructor(options: FactsOptions) {
    this.#now = options.now ?? Date.now;
    this.#certificate = options.certificate;
  }

  /** The revision that this node's route table has reached. */
  get routed(): number {
    return this.#routed;
  }

  /** The route table has reached `revision`. */
  setRouted(revision: number): void {
    if (revision === this.#routed) return;
    this.#routed = revision;
    this.#tell('routed');
  }

  /** The agent got its first tunnel, or lost its last. */
  setAgentUp(agentId: string, up: boolean): void {
    if (up === this.#up.has(agentId)) return;
    if (up) this.#up.add(agentId);
    else {
      this.#up.delete(agentId);
      this.#problems.delete(agentId);
    }
    this.#tell([agentId]);
  }

  isAgentUp(agentId: string): boolean {
    return this.#up.has(agentId);
  }

  /** The certificate of some domain has another state now. */
  certificateChanged(): void {
    this.#tell('certificate');
  }

  /** A port that services listen on is in this state now; `undefined` when no service wants it any more. */
  setListener(key: ListenerKey, state: ListenerState | undefined): void {
    if (state === undefined) this.#ports.delete(key);
    else this.#ports.set(key, state);
    this.#tell('listener');
  }

  /** A dial to a target ended: with `problem`, or well. Called for every dial, so it is cheap when nothing changes. */
  dialled(agentId: string, targetId: string, problem: TargetProblem | undefined): void {
    const before = this.#problems.get(agentId)?.get(targetId);
    // A dial that failed because the tunnel went says nothing about the target.
    if (before?.problem === problem || !this.#up.has(agentId)) return;
    if (problem === undefined) this.#forget(agentId, [targetId]);
    else this.#set(agentId, targetId, { problem, source: 'dial', since: this.#now() });
    this.#tell([agentId]);
  }

  /** All that agent `agentId` knows to be wrong with its targets, now. */
  report(agentId: string, problems: ReadonlyMap<string, TargetProblem>): void {
    const before = this.#problems.get(agentId);
    const same =
      (before?.size ?? 0) === problems.size && [...problems].every(([t, p]) => before?.get(t)?.problem === p);
    if (same) return;
    const since = this.#now();
    const next = new Map<string, Problem>();
    for (const [targetId, problem] of problems) {
      const known = before?.get(targetId);
      next.set(targetId, known?.problem === problem ? known : { problem, source: 'report', since });
    }
    if (next.size > 0) this.#problems.set(agentId, next);
    else this.#problems.delete(agentId);
    this.#tell([agentId]);
  }

  /** What is held against targets of the agent. */
  problemsOf(agentId: string): readonly (readonly [targetId: string, problem: TargetProblem])[] {
    return Array.from(this.#problems.get(agentId) ?? [], ([targetId, { problem }]) => [targetId, problem]);
  }

  /** Agents with targets that something is held against. */
  agentsWithProblems(): readonly string[] {
    return [...this.#problems.keys()];
  }

  /** Forgets targets that no longer exist: all of the agent's but `existing`. Nobody is told: no status rests on them. */
  keepOnly(agentId: string, existing: ReadonlySet<string>): void {
    const known = this.#problems.get(agentId);
    if (known !== undefined)
      this.#forget(
        agentId,
        [...known.keys()].filter((id) => !existing.has(id)),
      );
  }

  /** Whether anything is held against targets of the agent. */
  hasProblems(agentId: string): boolean {
    return this.#problems.has(agentId);
  }

  /** The facts that the status of `service`, last written at `revision`, follows from. */
  of(service: Service, revision: number): StatusFacts {
    const agentOf = new Map(service.targets.map((target) => [target.id, target.agentId]));
    return {
      routed: revision <= this.#routed,
      certificate: service.mode === 'http' ? this.#certificate(service.domain) : { state: 'ready' },
      ...this.#listener(service),
      agentUp: (agentId) => this.#up.has(agentId),
      targetProblem: (targetId) => this.#problems.get(agentOf.get(targetId) ?? '')?.get(targetId)?.problem,
    };
  }

  #listener({ mode, listenPort }: Service): Pick<StatusFacts, 'listener'> {
    if (listenPort === undefined) return {};
    const state = this.#ports.get(`${mode === 'udp' ? 'udp' : 'tcp'} ${listenPort}`);
    return { listener: state ?? { state: 'pending' } };
  }

  /** Calls `listener` after each change. Returns how to stop that. */
  watch(listener: FactsListener): () => void {
    const entry: FactsListener = (change) => listener(change);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  #set(agentId: string, targetId: string, problem: Problem): void {
    const targets = this.#problems.get(agentId);
    if (targets === undefined) this.#problems.set(agentId, new Map([[targetId, problem]]));
    else targets.set(targetId, problem);
  }

  #forget(agentId: string, targetIds: readonly string[]): void {
    const targets = this.#problems.get(agentId);
    for (const id of targetIds) targets?.delete(id);
    if (targets?.size === 0) this.#problems.delete(agentId);
  }

  #tell(change: FactsChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
