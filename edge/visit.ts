import type { AuthMethod } from '../shared/domain/auth.ts';
import type { FailureCode } from '../shared/domain/failure.ts';
import type { Restrictions } from '../shared/domain/restrictions.ts';
import type { DirectMode } from '../shared/domain/service.ts';
import type { Guard } from './guard.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** What is known of the connection that a visitor's request came over. */
export interface VisitorConnection {
  /** Came over TLS. */
  readonly secure: boolean;
  /** The port of ours that it reached. */
  readonly localPort: number;
  /**
   * Whose it is: the TCP peer's, or that of the visitor whom a trusted proxy named. A visit's own connection says this
   * of the visit, where one connection of such a proxy carries many visitors.
   */
  readonly peerAddress: string;
  /** Set where the peer is a trusted proxy: it says in each request for whom it speaks. */
  readonly proxies?: TrustedProxies;
  /** The name in the ClientHello, lower-case; `undefined` without TLS or SNI. */
  readonly serverName: string | undefined;
}

/** A target, ready to be dialled: everything a request needs is worked out when the route table is built. */
export interface RouteTarget {
  readonly id: string;
  readonly agentId: string;
  /** For people: `port 3000` or `192.168.1.5:8080`. */
  readonly label: string;
  /** Path prefix on segment boundaries, `/` for everything. */
  readonly prefix: string;
  /** The `Host` value of the target itself. */
  readonly authority: string;
  /** Encoded OPEN payload. */
  readonly open: Uint8Array;
  /** HTTP/2 to the origin: where it chooses that in the TLS handshake, or in any case. Left out, HTTP/1.1. */
  readonly http2?: 'alpn' | 'prior';
  /** With `alpn`: the OPEN payload that offers it. */
  readonly openHttp2?: Uint8Array;
  /** HTTP; left out where everything is as usual, which costs a request nothing. */
  readonly options?: TargetOptions;
}

/** What is particular about the way of a request to its target, and back. */
export interface TargetOptions {
  /** The prefix goes along to the origin. */
  readonly preservePath: boolean;
  /** Fields for every request, each with its CRLF. */
  readonly headers: string;
  /** Their names, lower-case with `-` for `_`: fields of the visitor that are not passed on. */
  readonly replaced: ReadonlySet<string>;
  /** Milliseconds from the whole request to the beginning of its response. */
  readonly responseTimeout: number | undefined;
  /** How the target is called in redirects and cookies that become public; `undefined` when they stay as they are. */
  readonly names: TargetNames | undefined;
}

export interface TargetNames {
  readonly scheme: 'http' | 'https';
  /** In the one spelling of the URL standard: lower-case, IPv6 compressed and in brackets. */
  readonly hosts: ReadonlySet<string>;
  readonly port: number;
}

/** A service as the route table holds it. */
export interface Route {
  readonly serviceId: string;
  readonly name: string;
  readonly domain: string;
  readonly enabled: boolean;
  readonly passHostHeader: boolean;
  /** Longest prefix first; disabled targets left out. */
  readonly targets: readonly RouteTarget[];
  /** From where visitors may come; from everywhere when left out. */
  readonly restrictions?: Restrictions | undefined;
  /** HTTP: who may come in; everybody when left out. */
  readonly guard?: Guard | undefined;
}

/** A TCP, TLS or UDP service as the route table holds it: everything that a connection needs. */
export interface DirectRoute {
  readonly serviceId: string;
  readonly domain: string;
  readonly mode: DirectMode;
  /** `undefined` for TLS on the main port. */
  readonly listenPort: number | undefined;
  readonly target: RouteTarget;
  /** Milliseconds that a dial may take, as the agent is told. */
  readonly connectTimeout: number;
  /** Milliseconds of silence after which a connection or session ends. */
  readonly idleTimeout: number;
  /** The origin is told the visitor's address by a PROXY protocol header. */
  readonly proxyProtocol: boolean;
  /** From where visitors may come; from everywhere when left out. */
  readonly restrictions?: Restrictions | undefined;
}

/** What restrictions make of an address. */
export interface Judgement {
  /** Why it is not let in. */
  readonly denied?: FailureCode;
  /** What would have denied it. */
  readonly observed?: FailureCode;
  /** ISO 3166-1 alpha-2, if that was asked. */
  readonly country?: string;
}

/** Judges the visitor at `address` (textual). Whatever can't be evaluated denies. */
export type Judge = (restrictions: Restrictions, address: string) => Judgement;

/** One request on its way through the stages. Stages fill in what they find out. */
export interface Visit {
  /** Request id, also the access log's. */
  readonly id: string;
  readonly connection: VisitorConnection;
  readonly method: string;
  /** Lower-case name of the `Host` header (or absolute target), without port; '' for HTTP/1.0 without one. */
  readonly host: string;
  /** The same as sent, with its port. */
  readonly authority: string;
  /** Path without query, as sent. */
  readonly path: string;
  /** From the `?` on; '' without. */
  readonly query: string;
  /** The request's end-to-end fields as sent, each with its CRLF; see `edge/field-lines.ts`. */
  readonly fields: string;
  /** The `Accept` value; '' when there was none. */
  readonly accept: string;
  route: Route | undefined;
  target: RouteTarget | undefined;
  /** Who came in, where that was asked. */
  identity: Identity | undefined;
  /** What goes to the origin in place of `fields`, where something must not, or has to. */
  forwarded: Forwarded | undefined;
  /** What the access log says beside the request itself. */
  note: VisitNote | undefined;
}

/** A visitor who has proved something. */
export interface Identity {
  readonly method: AuthMethod;
  /** For people and origins: an address or subject of the provider, a header's user, a share link's label. */
  readonly user?: string;
  readonly groups?: readonly string[];
  /** The service's session epoch in which it was proved. */
  readonly epoch: number;
  /** The share link that opened the session. */
  readonly shareId?: string;
  /** The header rule that was met. */
  readonly ruleId?: string;
}

/** The visitor's fields as an origin may see them. */
export interface Forwarded {
  /** End-to-end fields, each with its CRLF. */
  readonly fields: string;
  /** Names (lower-case, `-` for `_`) that may not come as trailers either. */
  readonly withheld: ReadonlySet<string>;
}

/** Additions to the line of the access log. */
export interface VisitNote {
  /** Why, in words for the owner. */
  reason?: string;
  /** What would have denied the visit, had it been enforced. */
  observed?: FailureCode;
  /** ISO 3166-1 alpha-2. */
  country?: string;
}

/** A refusal that says more than its code does. */
export interface Denial {
  readonly kind: 'denial';
  readonly code: FailureCode;
  /** Seconds until trying again makes sense; what is usual for the code when left out. */
  readonly retryAfter?: number;
  /** Each with its CRLF. */
  readonly fields?: string;
  /** What the code's sentence names, such as `seconds`. */
  readonly about?: Readonly<Record<string, string | number>>;
  /** A path of the service where trying again begins; the same address when left out. */
  readonly again?: string;
}

/** A response that a stage gives itself. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  /** Each with its CRLF; the date, the length and the request's id are added. */
  readonly fields: string;
  /** Left out in answers to HEAD, and with 204 and 304, by whoever writes it. */
  readonly body: Buffer;
  /** What the access log says, where the visitor did not get what it asked for. */
  readonly failure?: FailureCode;
}

/** A stage needs time, or the request's body. The visit goes no further until it has decided. */
export interface Pending {
  readonly kind: 'pending';
  /** Bytes of body that it takes; a larger one is refused. Left out, the body stays for the origin. */
  readonly bodyLimit?: number;
  /**
   * Called once, with the whole body or an empty one. `gone` fires when nobody waits for the verdict any more. A
   * verdict that takes more than `DECISION_TIMEOUT` counts as a failure; one that throws, too. Whoever has taken the
   * body can't let the visit pass.
   */
  decide(body: Buffer, gone: AbortSignal): Promise<Verdict>;
}

/** What a stage says of a visit: it passes (`undefined`), is refused, is answered, or has to wait. */
export type Verdict = FailureCode | Denial | Answer | Pending | undefined;

/** A stage looks at a visit and says what becomes of it. Stages are asked in order; the first word that isn't a pass counts. */
export type Stage = (visit: Visit) => Verdict;
