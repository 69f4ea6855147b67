import type { FailureCode } from '../shared/domain/failure.ts';
import type { DirectMode } from '../shared/domain/service.ts';

/** What is known of the connection that a visitor's request came over. */
export interface VisitorConnection {
  /** Came over TLS. */
  readonly secure: boolean;
  /** The port of ours that it reached. */
  readonly localPort: number;
  readonly peerAddress: string;
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
}

/** One request on its way through the stages. Stages fill in what they find out. */
export interface Visit {
  /** Request id, also the access log's. */
  readonly id: string;
  readonly connection: VisitorConnection;
  readonly method: string;
  /** Lower-case name of the `Host` header (or absolute target), without port; '' for HTTP/1.0 without one. */
  readonly host: string;
  /** Path without query, as sent. */
  readonly path: string;
  route: Route | undefined;
  target: RouteTarget | undefined;
}

/** A stage looks at a visit and lets it pass (`undefined`) or refuses it with its reason. */
export type Stage = (visit: Visit) => FailureCode | undefined;
