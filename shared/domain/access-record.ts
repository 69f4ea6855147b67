import type { AuthMethod } from './auth.ts';
import type { FailureCode } from './failure.ts';

/**
 * One line of the access log: an HTTP request, the opening or closing of an upgraded connection, or a connection of a
 * TCP or TLS service or a session of a UDP service that is over.
 */
export interface AccessRecord {
  /** Also the `X-Request-Id` that the origin saw; sorts by time. */
  readonly id: string;
  /** When the request's first byte arrived, milliseconds since the epoch. */
  readonly time: number;
  /**
   * `request`: complete. `open`: an upgrade took place. `close`: that connection ended (same id). `connection`: of a
   * TCP, TLS or UDP service, ended or refused; it has no method, path or status. One of TCP or TLS that lasts has an
   * `open` line first, under the same id.
   */
  readonly kind: 'request' | 'open' | 'close' | 'connection';
  readonly serviceId?: string;
  /** The agent whose target was chosen. */
  readonly agentId?: string;
  readonly nodeId: string;
  readonly protocol: 'http/1.0' | 'http/1.1' | 'http/2' | 'tcp' | 'tls' | 'udp';
  readonly secure: boolean;
  readonly method: string;
  /** The name that was asked for; of a TCP or UDP service, its own. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  /** 0 when the visitor left before a status was sent. */
  readonly status: number;
  /** Milliseconds from the first byte of the request to the last byte of the response (three decimals at most). */
  readonly duration: number;
  /**
   * Milliseconds to the first byte of the response, and its parts; absent when nothing was sent. For a connection: until
   * the origin had accepted it.
   */
  readonly firstByte?: number;
  readonly edge?: number;
  readonly tunnel?: number;
  readonly origin?: number;
  /** Body bytes from the visitor and to the visitor, framing excluded; after an upgrade, all bytes. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly address: string;
  readonly userAgent?: string;
  /** Why the edge itself refused or broke off, if it did; a denial's code too. */
  readonly failure?: FailureCode;
  /** ISO 3166-1 alpha-2, where the country database knows the address and the service asked for it. */
  readonly country?: string;
  /** What let the visitor in; absent where nothing was asked. */
  readonly auth?: AuthMethod;
  /** Who it is, where that is known: an address or subject of the provider, a header's user, a share link's label. */
  readonly user?: string;
  /** What would have denied it, had it been enforced (CrowdSec on `observe`). */
  readonly observed?: FailureCode;
  /** More of why, in words for the owner. */
  readonly reason?: string;
}

/** Whether the line is of a connection or session of a TCP, TLS or UDP service. */
export const isPassage = ({ protocol }: Pick<AccessRecord, 'protocol'>): boolean =>
  protocol === 'tcp' || protocol === 'tls' || protocol === 'udp';
