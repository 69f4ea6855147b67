import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';
import type { RefusalResponse } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** How an exchange answers its visitor: as text on an HTTP/1.1 connection, or as frames of an HTTP/2 stream. */
export interface Reply {
  /** An interim (1xx) response, 101 not among them. */
  interim(head: ResponseHead): void;
  /**
   * The final response; it begins with the relay's first `deliver`. `origin` gets the credit of its bytes back as they
   * leave; `close`: it is the connection's last. `undefined` when this response can't be an answer to the request.
   */
  respond(head: ResponseHead, request: RequestHead, origin: Consumer, close: boolean): Relay | undefined;
  /** A whole response of ours. */
  refuse(refusal: RefusalResponse): void;
  /** The origin has switched protocols with `head`; false when it has not switched to what was asked for. */
  upgrade(head: ResponseHead): boolean;
  /** Bytes of an upgraded connection. Without `lease` they are a copy; `owner` is told once they have left. */
  bytes(buffer: Buffer, start: number, end: number, lease: Lease | undefined, owner: Consumer | undefined): void;
}

/** Carries the body of one response to the visitor, in the framing that the visitor understands. */
export interface Relay {
  /** The visitor's connection ends with this response. */
  readonly close: boolean;
  /** Something of the response was written. */
  readonly started: boolean;
  readonly done: boolean;
  readonly failed: boolean;
  /** Body bytes, framing excluded. */
  readonly bytesDown: number;
  /** The visitor can tell a whole body from a broken one by its framing. */
  readonly framed: boolean;
  /** The origin takes another request on the same stream. */
  readonly reusable: boolean;
  /** Seconds that the origin keeps the stream; -1 when it did not say. */
  readonly keepAlive: number;
  /**
   * Writes the head, if it is still to be written, and what `buffer[start, end)` holds of the body; returns the index
   * after the body's last byte. May turn out `failed`. Without `lease` the bytes are nobody's, and no credit is due.
   */
  deliver(buffer: Buffer, start: number, end: number, lease: Lease | undefined): number;
  /** The origin has closed its side; returns whether the response is whole. */
  originEnd(): boolean;
}
