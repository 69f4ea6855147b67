import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { Visit } from '../visit.ts';
import { HEAD_LIMIT } from './limits.ts';

/** What an exchange knows about itself when it is recorded. Times are monotonic milliseconds. */
export interface ExchangeFacts {
  readonly kind: AccessRecord['kind'];
  readonly visit: Visit;
  readonly nodeId: string;
  readonly protocol: AccessRecord['protocol'];
  /** The visitor's, plain. */
  readonly address: string;
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

type Growing = { -readonly [key in keyof AccessRecord]: AccessRecord[key] };

/**
 * The line of the access log for `facts`. Optional parts are set one by one: spreading each into place costs more than
 * all the rest of the line.
 */
export function toAccessRecord(facts: ExchangeFacts): AccessRecord {
  const { visit } = facts;
  const { route, target, identity, note } = visit;
  const record: Growing = {
    id: visit.id,
    time: facts.time,
    kind: facts.kind,
    nodeId: facts.nodeId,
    protocol: facts.protocol,
    secure: visit.connection.secure,
    method: visit.method,
    host: visit.host,
    path: own(withoutSecrets(visit.path), PATH_KEPT),
    status: facts.status,
    duration: round(facts.now - facts.startedAt),
    bytesUp: facts.bytesUp,
    bytesDown: facts.bytesDown,
    address: facts.address,
  };
  if (route !== undefined) record.serviceId = route.serviceId;
  if (target !== undefined) record.agentId = target.agentId;
  if (facts.firstByteAt !== undefined) addParts(record, facts, facts.firstByteAt);
  if (facts.userAgent !== '') record.userAgent = own(facts.userAgent, AGENT_KEPT);
  if (facts.failure !== undefined) record.failure = facts.failure;
  if (identity !== undefined) {
    record.auth = identity.method;
    if (identity.user !== undefined) record.user = identity.user;
  }
  if (note?.country !== undefined) record.country = note.country;
  if (note?.observed !== undefined) record.observed = note.observed;
  if (note?.reason !== undefined) record.reason = note.reason;
  return record;
}

/** The time to the first byte and whose it was: edge, then one round trip of the tunnel, then the origin. */
function addParts(record: Growing, facts: ExchangeFacts, firstByteAt: number): void {
  const firstByte = firstByteAt - facts.startedAt;
  record.firstByte = round(firstByte);
  if (facts.handedAt === undefined) {
    record.edge = record.firstByte;
    return;
  }
  const edge = Math.min(firstByte, facts.handedAt - facts.startedAt);
  const rest = firstByte - edge;
  // An answer that came faster than the usual round trip shows that its own was shorter, and leaves the origin a part.
  const tunnel = Math.min(rest, rest > facts.roundTrip ? facts.roundTrip : facts.shortestRoundTrip);
  record.edge = round(edge);
  record.tunnel = round(tunnel);
  record.origin = round(rest - tunnel);
}

/** A path without the tokens of share links, wherever they stand in it. */
const withoutSecrets = (path: string): string =>
  path.includes(SHARE_TOKEN) ? path.replace(/phs_[0-9A-Za-z]{8,}/g, `${SHARE_TOKEN}…`) : path;

/** How such a token begins. */
const SHARE_TOKEN = 'phs_';

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** A piece of a head's text keeps the whole head alive; what is cut short is copied out of it. */
function own(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return Buffer.from(`${text.slice(0, Math.min(limit, HEAD_LIMIT) - 1)}…`).toString();
}
