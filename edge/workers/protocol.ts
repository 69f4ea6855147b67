import type { Failure } from '../../shared/domain/failure.ts';
import type { TargetProblem } from '../../shared/domain/status.ts';
import type { DecisionBatch } from '../access/crowdsec.ts';
import type { CertificateMaterial } from '../certificates/certificates.ts';
import type { EdgeConfig } from '../config.ts';
import type { ListenerKey, ListenerState } from '../control/facts.ts';
import type { MetricSources } from '../health/metrics.ts';
import type { PortKey } from '../listen/service-ports.ts';
import type { Endpoint } from '../proxy-header.ts';
import type { PackedRecords } from '../record/access-log.ts';

/**
 * What the control process of a node and its workers say to each other, over the channel that Node gives a forked
 * child. Both ends are the same program, so nothing is parsed; the version guards against files that were replaced
 * under a running edge.
 */
export const WORKER_PROTOCOL = 2;

/** Where a passed connection goes: the control API, or the worker with this number. */
export type PassTarget = 'api' | number;

/** A connection on its way to another process; its handle travels along. */
export interface PassedSocket {
  readonly type: 'socket';
  readonly to: PassTarget;
  /** What was read of it. */
  readonly bytes: Uint8Array;
  /** Where it came from, by the word of a trusted proxy. */
  readonly source: Endpoint | undefined;
}

/** A worker that others reach at the Unix socket `path`. */
export interface Neighbour {
  readonly index: number;
  readonly path: string;
}

/** What is wrong with targets of an agent, by target. */
export type AgentProblems = readonly (readonly [targetId: string, problem: TargetProblem])[];

/** Everything a worker begins with. */
export interface WorkerStart {
  readonly type: 'start';
  readonly index: number;
  readonly count: number;
  readonly nodeId: string;
  /** Version of this software, for people. */
  readonly version: string;
  /** With the ports as bound, and this worker's share of the limits. */
  readonly config: EdgeConfig;
  /** Where it waits for the other workers. */
  readonly path: string;
  readonly neighbours: readonly Neighbour[];
  /** Which workers have links to which agent. */
  readonly agents: readonly (readonly [agentId: string, workers: readonly number[]])[];
  readonly problems: readonly (readonly [agentId: string, problems: AgentProblems])[];
  /** For the cluster's own name. */
  readonly certificate: CertificateMaterial;
  /** Secret: TLS session tickets of one worker are good at all. */
  readonly ticketSeed: Uint8Array;
}

export type ToWorker =
  | WorkerStart
  | PassedSocket
  /** The store has changed. */
  | { readonly type: 'changed' }
  | { readonly type: 'agents'; readonly agents: WorkerStart['agents'] }
  | { readonly type: 'problems'; readonly problems: WorkerStart['problems'] }
  | { readonly type: 'neighbours'; readonly neighbours: readonly Neighbour[] }
  /** All certificates may be others now. */
  | { readonly type: 'certificates'; readonly certificate: CertificateMaterial }
  /** A piece of what CrowdSec has said; everything after `start`, changes from then on. */
  | { readonly type: 'decisions'; readonly batch: DecisionBatch }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  /** The records of the batch before have been taken. */
  | { readonly type: 'recorded' }
  | { readonly type: 'count'; readonly id: number }
  | { readonly type: 'evict'; readonly agentId: string }
  | { readonly type: 'drain' }
  | { readonly type: 'close' };

/** What a worker has counted, for the metrics. */
export interface Counters {
  readonly totals: ReturnType<MetricSources['totals']>;
  readonly levels: ReturnType<MetricSources['levels']>;
  readonly responses: ReturnType<MetricSources['responses']>;
  readonly denied: ReturnType<MetricSources['denied']>;
  readonly refused: ReturnType<MetricSources['refused']>;
}

/** What a worker has learned, in the order in which it learned it. */
export interface FactReport {
  readonly type: 'facts';
  readonly agents: readonly (readonly [agentId: string, up: boolean])[];
  readonly routed: number | undefined;
  readonly listeners: readonly (readonly [key: ListenerKey, state: ListenerState | undefined])[];
  readonly dials: readonly (readonly [agentId: string, targetId: string, problem: TargetProblem | undefined])[];
}

export type FromWorker =
  | { readonly type: 'hello'; readonly protocol: number; readonly version: string }
  /** It listens. */
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly failure: Failure }
  | PassedSocket
  | FactReport
  /** Records of the access log. */
  | { readonly type: 'records'; readonly packed: PackedRecords }
  | { readonly type: 'seen'; readonly agentId: string }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  | { readonly type: 'counters'; readonly id: number; readonly counters: Counters };

/** What a worker asks the control process. */
export type Question =
  /** The certificate for a name. */
  | { readonly about: 'certificate'; readonly name: string }
  /** Whether the workers may listen on a port of services. */
  | { readonly about: 'port'; readonly key: PortKey };

export type Answer =
  | { readonly about: 'certificate'; readonly material: CertificateMaterial | undefined }
  | { readonly about: 'port'; readonly failure: Failure | undefined };
