import type { TargetProblem } from '../../shared/domain/status.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { FactSink, ListenerKey, ListenerState } from '../control/facts.ts';
import type { FactReport, WorkerStart } from './protocol.ts';

/** Milliseconds that news of dials waits for more of them. */
const DIAL_DELAY = 50;

/** What a worker learns, on its way to the control process. Only changes are told, many at a time. */
export class FactReporter implements FactSink {
  readonly #send: (report: FactReport) => void;
  readonly #clock: Clock;
  #agents = new Map<string, boolean>();
  #listeners = new Map<ListenerKey, ListenerState | undefined>();
  #routed: number | undefined;
  /** By agent, then by target: the last word on each. */
  #dials = new Map<string, Map<string, TargetProblem | undefined>>();
  /** What the node holds against targets, by agent, then by target: no other worker's word has to be repeated. */
  readonly #known = new Map<string, Map<string, TargetProblem>>();
  #due: 'no' | 'soon' | 'now' = 'no';

  constructor(send: (report: FactReport) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  setAgentUp(agentId: string, up: boolean): void {
    this.#agents.set(agentId, up);
    this.#hurry();
  }

  setRouted(revision: number): void {
    this.#routed = revision;
    this.#hurry();
  }

  setListener(key: ListenerKey, state: ListenerState | undefined): void {
    this.#listeners.set(key, state);
    this.#hurry();
  }

  dialled(agentId: string, targetId: string, problem: TargetProblem | undefined): void {
    const known = this.#known.get(agentId);
    if (known?.get(targetId) === problem) return;
    if (problem === undefined) known?.delete(targetId);
    else if (known === undefined) this.#known.set(agentId, new Map([[targetId, problem]]));
    else known.set(targetId, problem);
    const dials = this.#dials.get(agentId);
    if (dials === undefined) this.#dials.set(agentId, new Map([[targetId, problem]]));
    else dials.set(targetId, problem);
    if (this.#due !== 'no') return;
    this.#due = 'soon';
    this.#clock.setTimeout(() => this.#flush(), DIAL_DELAY);
  }

  /** Takes in what the node holds against targets of these agents: all there is of each. */
  learn(problems: WorkerStart['problems']): void {
    for (const [agentId, targets] of problems) {
      if (targets.length === 0) this.#known.delete(agentId);
      else this.#known.set(agentId, new Map(targets));
    }
  }

  /** At the end of the turn: others wait for this. */
  #hurry(): void {
    if (this.#due === 'now') return;
    this.#due = 'now';
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    if (this.#due === 'no') return;
    this.#due = 'no';
    const dials = [...this.#dials].flatMap(([agentId, targets]) =>
      Array.from(targets, ([targetId, problem]) => [agentId, targetId, problem] as const),
    );
    this.#send({
      type: 'facts',
      agents: [...this.#agents],
      routed: this.#routed,
      listeners: [...this.#listeners],
      dials,
    });
    this.#agents = new Map();
    this.#listeners = new Map();
    this.#dials = new Map();
    this.#routed = undefined;
  }
}
