import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Lifetime } from '../../shared/node/lifetime.ts';
import type { Bounds } from '../bounds.ts';
import type { EdgeConfig } from '../config.ts';
import type { ControlApi } from '../control/control-api.ts';
import { hostsOf } from '../direct.ts';
import type { MetricSources } from '../health/metrics.ts';
import type { EdgeSurroundings, Knowledge } from '../knowledge.ts';
import { Admission } from '../listen/admission.ts';
import { Front } from '../listen/front.ts';
import { countRefused } from '../listen/refused-at.ts';
import { ServicePorts } from '../listen/service-ports.ts';
import { nodeMetrics } from '../node-metrics.ts';
import type { TunnelRegistry } from '../tunnels/registry.ts';
import { JoinedCounters } from './joined-counters.ts';
import { JoinedFacts } from './joined-facts.ts';
import { type WorkerNews, WorkerPool } from './pool.ts';
import { PortClaims } from './port-claims.ts';
import type { Answer, Neighbour, Question, WorkerStart } from './protocol.ts';

/** Milliseconds after which workers get the certificates anew even if nobody said that these have changed. */
const CERTIFICATE_AGE = 12 * 3600_000;

export interface DeskParts {
  readonly config: EdgeConfig;
  /** What each worker is configured with. */
  readonly workerConfig: EdgeConfig;
  /** Where a worker waits for the others; a new place each time. */
  readonly socketPath: () => string;
  readonly around: EdgeSurroundings;
  readonly knowledge: Knowledge;
  readonly control: ControlApi;
  readonly bounds: Bounds;
  /** So many workers serve visitors now. */
  readonly onServing: (count: number) => void;
}

/**
 * What the workers of a node turn to, in its control process: takes in what they learn and record, tells them what the
 * others know, hands out certificates and ports, and takes over the connections to the control API.
 */
export class Desk {
  readonly pool: WorkerPool;
  readonly claims: PortClaims;
  readonly #parts: DeskParts;
  readonly #facts: JoinedFacts;
  readonly #counters: JoinedCounters;
  readonly #api: Front;
  readonly #admission: Admission;
  readonly #ticketSeed = randomBytes(32);
  readonly #paths = new Map<number, string>();

  /** It ends with `life`, its workers with it. */
  constructor(parts: DeskParts, life: Lifetime) {
    const { config, around, knowledge } = parts;
    const { clock, logger, version, entry } = around;
    const { facts, store, certificates } = knowledge;
    this.#parts = parts;
    this.claims = new PortClaims(probingPorts(config, around));
    this.#facts = new JoinedFacts(
      {
        setAgentUp: (agentId, up) => facts.setAgentUp(agentId, up),
        setRouted: (revision) => facts.setRouted(revision),
        dialled: (agentId, targetId, problem) => facts.dialled(agentId, targetId, problem),
        setListener: (key, state) => {
          if (state === undefined) this.claims.release(key);
          facts.setListener(key, state);
        },
      },
      (agentIds) => this.pool.broadcast({ type: 'agents', agents: this.#linksOf(agentIds) }),
    );
    this.#counters = new JoinedCounters((id) => this.pool.broadcast({ type: 'count', id }), clock);
    const { connections: total, connectionsPerAddress: perSource } = config.limits;
    this.#admission = new Admission({ total, perSource }, parts.bounds);
    this.#api = this.#apiFront();
    life.defer(() => this.#admission.destroyAll());
    this.pool = new WorkerPool({
      count: config.workers,
      entry,
      version,
      clock,
      logger,
      start: (index) => this.#startOf(index),
      onStarted: (index) => {
        for (const batch of knowledge.crowdsec?.snapshot() ?? []) this.pool.send(index, { type: 'decisions', batch });
      },
      onNews: (index, news) => this.#onNews(index, news),
      onApi: (socket, source) => this.#api.adopt(socket, source),
      onServing: (index, serving) => this.#onServing(index, serving),
    });
    life.defer(() => this.pool.close());
    life.defer(store.watch(() => this.pool.broadcast({ type: 'changed' })));
    life.defer(
      facts.watch((change) => {
        if (typeof change !== 'string') this.pool.broadcast({ type: 'problems', problems: this.#problemsOf(change) });
      }),
    );
    const renew = (): void =>
      this.pool.broadcast({ type: 'certificates', certificate: certificates.defaultMaterial() });
    life.defer(certificates.watch(renew));
    life.defer(clock.setInterval(renew, CERTIFICATE_AGE));
    const { crowdsec } = knowledge;
    if (crowdsec !== undefined)
      life.defer(crowdsec.watch((batch) => this.pool.broadcast({ type: 'decisions', batch })));
  }

  /** Starts the workers; done when all of them serve. */
  start(): Promise<Result<void, Failure>> {
    return this.pool.start();
  }

  /** What `/metrics` reads; call `refresh` before. */
  metrics(): MetricSources {
    const { recorder, certificates } = this.#parts.knowledge;
    const own = nodeMetrics({
      ...NOTHING_SERVED,
      admission: this.#admission,
      bounds: this.#parts.bounds,
      recorder,
      certificates,
      tunnels: this.#links(),
      workers: this.pool,
    });
    return this.#counters.sources({
      ...own,
      // Whoever passed a connection on has counted it as accepted.
      totals: () => ({ ...own.totals(), connections_accepted: 0 }),
    });
  }

  /** Has the workers say what they counted, and send what they have for the access log. */
  refresh(): Promise<void> {
    return this.#counters.refresh(this.pool.serving);
  }

  /** Counted by whom they lead to: an agent has links to all workers and is one agent. */
  #links(): { readonly size: number; count(): ReturnType<TunnelRegistry['count']> } {
    const facts = this.#facts;
    return {
      get size() {
        return facts.agents().size;
      },
      count: () => ({ links: 0, tunnels: 0, streams: 0 }),
    };
  }

  #startOf(index: number): WorkerStart {
    const { config, workerConfig, socketPath, around, knowledge } = this.#parts;
    const path = socketPath();
    this.#paths.set(index, path);
    return {
      type: 'start',
      index,
      count: config.workers,
      nodeId: knowledge.nodeId,
      version: around.version,
      config: workerConfig,
      path,
      neighbours: this.#neighbours(),
      agents: this.#linksOf([...this.#facts.agents()]),
      problems: this.#problemsOf(knowledge.facts.agentsWithProblems()),
      certificate: knowledge.certificates.defaultMaterial(),
      ticketSeed: this.#ticketSeed,
    };
  }

  #onNews(index: number, news: WorkerNews): void {
    const { recorder, seen } = this.#parts.knowledge;
    switch (news.type) {
      case 'facts':
        this.#facts.report(index, news);
        break;
      case 'records':
        recorder.recordPacked(news.packed, () => this.pool.send(index, { type: 'recorded' }));
        break;
      case 'seen':
        seen(news.agentId);
        break;
      case 'counters':
        this.#counters.take(index, news.id, news.counters);
        break;
      case 'ask':
        void this.#answer(news.question).then((answer) =>
          this.pool.send(index, { type: 'answer', id: news.id, answer }),
        );
        break;
    }
  }

  async #answer(question: Question): Promise<Answer> {
    if (question.about === 'port') return { about: 'port', failure: await this.claims.claim(question.key) };
    return { about: 'certificate', material: this.#parts.knowledge.certificates.material(question.name) };
  }

  #onServing(index: number, serving: boolean): void {
    if (serving) this.#facts.serve(index);
    else {
      this.#paths.delete(index);
      this.#facts.remove(index);
      this.#counters.remove(index);
    }
    this.pool.broadcast({ type: 'neighbours', neighbours: this.#neighbours() });
    this.#parts.onServing(this.pool.serving.length);
  }

  #neighbours(): readonly Neighbour[] {
    return this.pool.serving.flatMap((index) => {
      const path = this.#paths.get(index);
      return path === undefined ? [] : [{ index, path }];
    });
  }

  #linksOf(agentIds: readonly string[]): WorkerStart['agents'] {
    return agentIds.map((agentId) => [agentId, this.#facts.workersOf(agentId)]);
  }

  #problemsOf(agentIds: readonly string[]): WorkerStart['problems'] {
    const { facts } = this.#parts.knowledge;
    return agentIds.map((agentId) => [agentId, facts.problemsOf(agentId)]);
  }

  /** Where the control API's connections get their TLS: what workers pass on that is none has no business here. */
  #apiFront(): Front {
    const { config, around, knowledge, control, bounds } = this.#parts;
    const stray = (socket: Socket): void => void socket.destroy();
    return new Front({
      domain: config.domain,
      secureContext: (name) => knowledge.certificates.secureContext(name) ?? knowledge.certificates.defaultContext(),
      defaultContext: () => knowledge.certificates.defaultContext(),
      admission: this.#admission,
      handlers: { tunnel: stray, visitor: stray, api: (socket) => control.handleConnection(socket) },
      limits: config.limits,
      onRefused: (reason) => {
        countRefused(bounds, reason);
        around.logger.debug('connection refused', { reason });
      },
      onAcceptError: () => {},
    });
  }
}

/** What the control process counts of visitors. */
const NOTHING_SERVED = {
  failures: { connections: 0, accepts: 0 },
  counts: { requests: 0, responses: () => ({}), denied: () => ({}) },
  acceptor: { refused: 0 },
  direct: { relay: { accepted: 0, refused: 0, open: 0 }, udp: { dropped: 0, open: 0 }, ports: 0 },
  table: () => ({ size: 0, revision: 0 }),
};

/** Ports that are only tried, never kept. */
function probingPorts(config: EdgeConfig, { clock, logger }: EdgeSurroundings): ServicePorts {
  return new ServicePorts({
    hosts: hostsOf(config),
    optionalLoopback: config.embedded,
    onConnection: (_port, socket) => socket.destroy(),
    onDatagram: () => {},
    onState: () => {},
    onAcceptError: () => {},
    clock,
    logger,
  });
}
