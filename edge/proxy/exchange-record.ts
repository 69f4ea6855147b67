import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { Visit } from '../visit.ts';
import { plainAddress } from './forward-head.ts';
import { HEAD_LIMIT } from './limits.ts';

/** What an exchange knows about itself when it is recorded. Times are monotonic milliseconds. */
export interface ExchangeFacts {
  readonly kind: AccessRecord['kind'];
  readonly visit: Visit;
  readonly nodeId: string;
  /** Of HTTP. */
  readonly version: '1.0' | '1.1' | '2';
  readonly userAgent: string;
  /** Wall clock of the first byte. */
  readonly time: number;
  readonly startedAt: number;
  /** When the request was handed to the tunnel, if it was. */
  readonly handedAt: number | undefined;
  /** When the response began, if it did. */
  readonly firstByteAt: number | undefined;
  readonly now: number;
  /** Smoothed round trip of the agent's link in milliseconds; 0 when unknown. */
  readonly roundTrip: number;
  /** The path's own, without queues; 0 when unknown. */
  readonly shortestRoundTrip: number;
  readonly status: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly failure: FailureCode | undefined;
}

/** Longest path and user agent that are kept. The head's limit alone would let one log hold gigabytes. */
const PATH_KEPT = 2048;
const AGENT_KEPT = 512;

/** The line of the access log for `facts`. */
export function toAccessRecord(facts: ExchangeFacts): AccessRecord {
  const { visit } = facts;
  const { identity, note } = visit;
  return {
    id: visit.id,
    time: facts.time,
    kind: facts.kind,
    ...(visit.route === undefined ? {} : { serviceId: visit.route.serviceId }),
    ...(visit.target === undefined ? {} : { agentId: visit.target.agentId }),
    nodeId: facts.nodeId,
    protocol: `http/${facts.version}`,
    secure: visit.connection.secure,
    method: visit.method,
    host: visit.host,
    path: own(note?.path ?? visit.path, PATH_KEPT),
    status: facts.status,
    duration: round(facts.now - facts.startedAt),
    ...partsOf(facts),
    bytesUp: facts.bytesUp,
    bytesDown: facts.bytesDown,
    address: plainAddress(visit.connection.peerAddress),
    ...(facts.userAgent === '' ? {} : { userAgent: own(facts.userAgent, AGENT_KEPT) }),
    ...(facts.failure === undefined ? {} : { failure: facts.failure }),
    ...(identity === undefined ? {} : { auth: identity.method }),
    ...(identity?.user === undefined ? {} : { user: identity.user }),
    ...(note?.country === undefined ? {} : { country: note.country }),
    ...(note?.observed === undefined ? {} : { observed: note.observed }),
    ...(note?.reason === undefined ? {} : { reason: note.reason }),
  };
}

/** The time to the first byte and whose it was: edge, then one round trip of the tunnel, then the origin. */
function partsOf(facts: ExchangeFacts): Pick<AccessRecord, 'firstByte' | 'edge' | 'tunnel' | 'origin'> {
  if (facts.firstByteAt === undefined) return {};
  const firstByte = facts.firstByteAt - facts.startedAt;
  if (facts.handedAt === undefined) return { firstByte: round(firstByte), edge: round(firstByte) };
  const edge = Math.min(firstByte, facts.handedAt - facts.startedAt);
  const rest = firstByte - edge;
  // An answer that came faster than the usual round trip shows that its own was shorter, and leaves the origin a part.
  const tunnel = Math.min(rest, rest > facts.roundTrip ? facts.roundTrip : facts.shortestRoundTrip);
  return {
    firstByte: round(firstByte),
    edge: round(edge),
    tunnel: round(tunnel),
    origin: round(rest - tunnel),
  };
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** A piece of a head's text keeps the whole head alive; what is cut short is copied out of it. */
function own(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return Buffer.from(`${text.slice(0, Math.min(limit, HEAD_LIMIT) - 1)}…`).toString();
}
