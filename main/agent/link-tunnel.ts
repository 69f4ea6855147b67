import type { Failure } from '../../shared/domain/failure.ts';
import type { Reason } from '../../shared/domain/reason.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { CarrierGroup } from '../../shared/node/carrier-group.ts';
import type { GoAwayCode } from '../../shared/wire/codes.ts';
import type { NodeAddress } from '../../shared/wire/handshake.ts';

/** Where a carrier has landed, by the edge's word. */
export interface LinkPlace {
  readonly nodeId: string;
  /** Most carriers to one worker of the node; 1 where the edge knows no links. */
  readonly carriers: number;
  readonly workers: number;
  readonly worker: number;
  /** The cluster's nodes; empty when the edge doesn't tell. */
  readonly nodes: readonly NodeAddress[];
}

/** One tunnel: a carrier of the link. */
export interface LinkTunnel {
  readonly place: LinkPlace;
  /** Smoothed round-trip time in milliseconds, once measured. */
  readonly roundTrip: number | undefined;
  /** Streams now, and those of them that move much. */
  readonly streams: number;
  readonly bulk: number;
  /** Bytes sent and received. */
  readonly sent: number;
  readonly received: number;
  /** The edge's address as the system knows it; `undefined` where a proxy is in between. */
  readonly remoteAddress: string | undefined;
  /** Pings; the tunnel closes itself when nothing at all arrives within `wait` milliseconds. */
  probe(wait: number): void;
  /**
   * Takes no new streams and closes when the last one is over or elsewhere; at the latest after `deadline`
   * milliseconds, if one is given.
   */
  drain(deadline?: number): void;
  /** Closes at once. Idempotent; no event follows. */
  destroy(): void;
}

/** How a tunnel ended: by the peer's go-away code, if it sent one. */
export interface TunnelEnd {
  readonly code?: GoAwayCode;
  /** For the log and for people. */
  readonly reason: Reason;
}

export interface LinkTunnelEvents {
  /** The edge goes away on its own terms: streams may finish. */
  onGoAway(code: GoAwayCode): void;
  /** The tunnel is gone. Once, and last. */
  onClosed(end: TunnelEnd): void;
  /** A new round-trip time may have been measured. */
  onRoundTrip(): void;
}

/** What a dial is for. */
export interface DialAsk {
  /** The link that the tunnel is a carrier of. */
  readonly link: string;
  /** It comes in addition to carriers that are well. */
  readonly grows: boolean;
  /** The worker that it should reach. A wish: `place` tells where it got to. */
  readonly worker?: number;
  /** What the carriers to `worker` share. */
  group(worker: number): CarrierGroup;
}

/** Dials, shakes hands, and yields a tunnel that is up. */
export type TunnelDialler = (
  events: LinkTunnelEvents,
  signal: AbortSignal,
  ask: DialAsk,
) => Promise<Result<LinkTunnel, Failure>>;
