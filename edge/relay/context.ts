import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { TargetProblem } from '../../shared/domain/status.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { StreamOpener } from '../../shared/node/stream.ts';
import type { BoundWatch } from '../bounds.ts';
import type { Limits } from '../limits.ts';
import type { Endpoint } from '../proxy-header.ts';
import { createRequestId } from '../request-id.ts';
import type { DirectRoute, Judge, Judgement, RouteTarget } from '../visit.ts';

export type RelayLimits = Pick<
  Limits,
  | 'connectionsPerService'
  | 'udpSessionsPerService'
  | 'udpSessionsPerAddress'
  | 'udpNewSessionsPerSecond'
  | 'udpQueue'
  | 'udpQueueSize'
  | 'udpUnsent'
>;

export interface RelayOptions {
  readonly tunnels: StreamOpener;
  /** Takes each line of the access log: must not block. */
  readonly record: (record: AccessRecord) => void;
  /** A target was reached, or why not. */
  readonly onDial: (target: RouteTarget, problem: TargetProblem | undefined) => void;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<RelayLimits>;
  readonly bounds?: BoundWatch;
  /** Asked for each visitor of a service that has restrictions. Without it nobody comes in there. */
  readonly judge?: Judge;
  /** Told of every connection and datagram that they don't let in. */
  readonly onDenied?: (code: FailureCode) => void;
}

const PASS: Judgement = Object.freeze({});
const CLOSED: Judgement = Object.freeze({ denied: 'ip_restricted' });

/** What the service's restrictions make of a visitor. */
export const judgementOf = ({ judge }: RelayOptions, route: DirectRoute, address: string): Judgement => {
  if (route.restrictions === undefined) return PASS;
  return judge === undefined ? CLOSED : judge(route.restrictions, address);
};

/** One connection or session, for its line in the access log. Times are monotonic milliseconds. */
export interface Passage {
  /** Made when the first line is: most of a connection's life nobody asks for it. */
  id?: string;
  /** Wall clock of its begin. */
  readonly time: number;
  readonly startedAt: number;
  readonly route: DirectRoute;
  readonly visitor: Endpoint;
}

export const beginPassage = (clock: Clock, route: DirectRoute, visitor: Endpoint): Passage => {
  const time = clock.now();
  return { time, startedAt: clock.monotonic(), route, visitor };
};

/** How a passage went. */
export interface Outcome {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly failure: FailureCode | undefined;
  /** When the agent said that the origin has accepted, and how long its dial took, in milliseconds. */
  readonly opened?: { readonly at: number; readonly dial: number } | undefined;
  /** What its restrictions said, where it has any. */
  readonly judgement?: Judgement;
}

/**
 * The access log's line of a passage that is over, or (`open`) of one that goes on; its duration runs from the
 * passage's begin until now, in ms.
 */
export function recordOf(
  { nodeId, clock }: RelayOptions,
  passage: Passage,
  { bytesUp, bytesDown, failure, opened, judgement = PASS }: Outcome,
  kind: 'connection' | 'open' = 'connection',
): AccessRecord {
  const { route, visitor, startedAt } = passage;
  passage.id ??= createRequestId(passage.time);
  return {
    id: passage.id,
    time: passage.time,
    kind,
    serviceId: route.serviceId,
    agentId: route.target.agentId,
    nodeId,
    protocol: route.mode,
    secure: route.mode === 'tls',
    method: '',
    host: route.domain,
    path: '',
    status: 0,
    duration: round(clock.monotonic() - startedAt),
    ...(opened === undefined ? {} : partsOf(opened.at - startedAt, opened.dial)),
    bytesUp,
    bytesDown,
    address: visitor.address,
    ...(failure === undefined ? {} : { failure }),
    ...(judgement.country === undefined ? {} : { country: judgement.country }),
    ...(judgement.observed === undefined ? {} : { observed: judgement.observed }),
  };
}

/** The time until the origin had accepted: its own, and the way to it. */
function partsOf(whole: number, dial: number): Pick<AccessRecord, 'firstByte' | 'tunnel' | 'origin'> {
  const origin = Math.min(whole, dial);
  return { firstByte: round(whole), tunnel: round(whole - origin), origin: round(origin) };
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000;
