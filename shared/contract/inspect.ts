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
  /** `open`: still under way. `broken`: cut off before it was whole. */
  readonly state: 'open' | 'done' | 'broken';
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

export interface ExchangeDetail {
  readonly summary: ExchangeSummary;
  /** Where it went: `http://localhost:3000`. */
  readonly target: string;
  readonly request: { readonly headers: readonly InspectedHeader[]; readonly body: InspectedBody };
  readonly response?: {
    readonly reason: string;
    readonly headers: readonly InspectedHeader[];
    readonly body: InspectedBody;
  };
  readonly timing: ExchangeTiming;
  /** Why it can't be sent again as it is: it is not whole, or it became a connection (WebSocket). */
  readonly unrepeatable?: 'cut' | 'upgrade';
}

export interface ExchangePage {
  /** Newest first. */
  readonly exchanges: readonly ExchangeSummary[];
  readonly more: boolean;
}

/** What changed since the last one; at most ten a second. */
export interface InspectorNews {
  readonly changed: readonly ExchangeSummary[];
  /** Ids that are gone: too old, pushed out by newer ones, or cleared. */
  readonly gone: readonly number[];
  /** Services whose traffic is HTTP/2 or no HTTP, of which nothing is shown. */
  readonly unreadable: readonly string[];
}
