import type { FailureCode } from './failure.ts';

/** One line of the access log: an HTTP request, or the opening or closing of an upgraded connection. */
export interface AccessRecord {
  /** Also the `X-Request-Id` that the origin saw; sorts by time. */
  readonly id: string;
  /** When the request's first byte arrived, milliseconds since the epoch. */
  readonly time: number;
  /** `request`: complete. `open`: an upgrade took place. `close`: that connection ended (same id). */
  readonly kind: 'request' | 'open' | 'close';
  readonly serviceId?: string;
  /** The agent whose target was chosen. */
  readonly agentId?: string;
  readonly nodeId: string;
  readonly protocol: 'http/1.0' | 'http/1.1';
  readonly secure: boolean;
  readonly method: string;
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  /** 0 when the visitor left before a status was sent. */
  readonly status: number;
  /** Milliseconds from the first byte of the request to the last byte of the response (three decimals at most). */
  readonly duration: number;
  /** Milliseconds to the first byte of the response, and its parts; absent when nothing was sent. */
  readonly firstByte?: number;
  readonly edge?: number;
  readonly tunnel?: number;
  readonly origin?: number;
  /** Body bytes from the visitor and to the visitor, framing excluded; after an upgrade, all bytes. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly address: string;
  readonly userAgent?: string;
  /** Why the edge itself refused or broke off, if it did. */
  readonly failure?: FailureCode;
}
