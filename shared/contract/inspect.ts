/** What the inspector shows: requests and responses as they passed this laptop, with their secrets masked by main. */

/** What stands in the place of a secret. */
export const MASK = '••••••';

export interface ExchangeSummary {
  /** Grows in the order of the requests. */
  readonly id: number;
  readonly serviceId: string;
  /** When its first byte passed, milliseconds since the epoch. */
  readonly time: number;
  readonly method: string;
  /** With its query; secrets in it are masked. */
  readonly path: string;
  /** Left out until there is a response. */
  readonly status?: number;
  /**
   * `open`: still under way. `broken`: cut off before it was whole. `lost`: it went on, but could not be read any
   * further.
   */
  readonly state: 'open' | 'done' | 'broken' | 'lost';
  /** Over HTTP/2; left out for HTTP/1.1. */
  readonly http2?: true;
  /** Milliseconds from the first byte to the last; left out while it is open. */
  readonly duration?: number;
  /** Bytes of the bodies as they passed, without the framing of chunks. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The response's media type, such as `application/json`. */
  readonly type?: string;
  /** The exchange that this one repeats. */
  readonly replayOf?: number;
  /** A replay that was changed first. */
  readonly edited?: boolean;
}

export interface InspectedHeader {
  readonly name: string;
  readonly value: string;
  /** The value, or a part of it, is kept from view. */
  readonly masked?: boolean;
}

export interface InspectedBody {
  /** The media type with its parameters, as the header says it. */
  readonly type?: string;
  /** How it was compressed, such as `gzip`; it is shown unpacked unless `packed`. */
  readonly encoding?: string;
  /** It could not be unpacked, and is shown as it passed. */
  readonly packed?: boolean;
  /** Bytes that passed; what is kept may be less. */
  readonly size: number;
  /** Only its beginning is here. */
  readonly cut: boolean;
  readonly base64: string;
}

/** Milliseconds from the first byte of the request; left out where it didn't come to that. */
export interface ExchangeTiming {
  readonly requestEnd?: number;
  readonly responseStart?: number;
  readonly end?: number;
  /** What the connection took to open, if it was opened for this request. */
  readonly connect?: number;
}

export interface InspectedMessage {
  readonly headers: readonly InspectedHeader[];
  readonly body: InspectedBody;
  /** Fields after the body, where HTTP/2 had some: the outcome of a gRPC call is there. */
  readonly trailers?: readonly InspectedHeader[];
}

export interface ExchangeDetail {
  readonly summary: ExchangeSummary;
  /** Where it went: `http://localhost:3000`. */
  readonly target: string;
  readonly request: InspectedMessage;
  readonly response?: InspectedMessage & { readonly reason: string };
  readonly timing: ExchangeTiming;
  /** Why it can't be sent again as it is: it is not whole, or it became a connection (WebSocket). */
  readonly unrepeatable?: 'cut' | 'upgrade';
}

/** What passes inspected services and isn't shown. */
export interface UnreadConnections {
  /** Services with connections of which nothing more is shown: they carry no HTTP, or could not be followed. */
  readonly unreadable: readonly string[];
  /** How many connections are open that began before their service was inspected: those are not read. */
  readonly before: readonly { readonly serviceId: string; readonly connections: number }[];
}

export interface ExchangePage extends UnreadConnections {
  /** Newest first. */
  readonly exchanges: readonly ExchangeSummary[];
  readonly more: boolean;
}

/** What changed since the last one; at most ten a second. */
export interface InspectorNews extends UnreadConnections {
  readonly changed: readonly ExchangeSummary[];
  /** Ids that are gone: too old, pushed out by newer ones, or cleared. */
  readonly gone: readonly number[];
}
