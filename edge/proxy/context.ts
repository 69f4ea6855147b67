import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { BoundWatch } from '../bounds.ts';
import type { Limits } from '../limits.ts';
import type { Stage } from '../visit.ts';
import type { InFlight } from './in-flight.ts';
import type { KnownHeads } from './known-heads.ts';
import type { OriginPools } from './origin-pool.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** What all connections of a proxy share. */
export interface ProxyContext {
  readonly stages: readonly Stage[];
  readonly pools: OriginPools;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly log: Logger;
  readonly record: (record: AccessRecord) => void;
  readonly requestHeads: KnownHeads<RequestHead, FailureCode>;
  readonly responseHeads: KnownHeads<ResponseHead, undefined>;
  readonly limits: Limits;
  readonly bounds: BoundWatch;
  /** Told of every connection that was ended because its visitor misused HTTP/2. */
  readonly onMisuse: (address: string) => void;
  /**
   * Monotonic milliseconds, as of the last tick, or of the first visitor after a rest: for deadlines, where a second more
   * or less does not matter.
   */
  coarse: number;
  /** Milliseconds from monotonic time to the wall clock, as of then. */
  wallOffset: number;
  /** Responses end their connections. */
  draining: boolean;
  /** Exchanges under way, upgraded connections among them. */
  exchanges: number;
  /** Requests since the start, refused ones among them. */
  requests: number;
}
