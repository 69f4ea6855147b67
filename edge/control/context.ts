import type { IncomingMessage } from 'node:http';
import type { ClusterInfo } from '../../shared/contract/control-api.ts';
import { type DirectMode, EXPOSURES_PER_AGENT, SERVICES_PER_AGENT } from '../../shared/domain/service.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { BoundWatch } from '../bounds.ts';
import type { AccessLog } from '../record/access-log.ts';
import type { Store } from '../store/store.ts';
import type { AgentFeeds } from './agent-feeds.ts';
import type { SecretKeeper, SignInProvider } from './auth-change.ts';
import type { Facts } from './facts.ts';
import type { Gate, Throttle } from './gate.ts';
import type { PortRules } from './port-rules.ts';
import type { RuleContext } from './rules.ts';
import type { ServiceViews } from './service-views.ts';
import type { StreamCount } from './stream-count.ts';

/** A page that is not the API's: what the visitor's side shows for unknown names. */
export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface ControlLimits {
  /** Connections at once. */
  readonly connections: number;
  /** Bytes of a request body. */
  readonly body: number;
  /** Milliseconds for a request's head, and for all of it. */
  readonly headTimeout: number;
  readonly requestTimeout: number;
  /** Milliseconds between two looks for requests that are too slow. */
  readonly checkInterval: number;
  /** `/watch` and `/logs/tail` streams of one agent at once. */
  readonly streams: number;
  /** Services, and exposures among them, that one agent may have. */
  readonly services: number;
  readonly exposures: number;
}

export const DEFAULT_LIMITS: ControlLimits = {
  connections: 4096,
  body: 256 * 1024,
  headTimeout: 10_000,
  requestTimeout: 20_000,
  checkInterval: 2_000,
  streams: 16,
  services: SERVICES_PER_AGENT,
  exposures: EXPOSURES_PER_AGENT,
};

export interface ControlOptions {
  readonly store: Store;
  readonly facts: Facts;
  readonly accessLog: AccessLog;
  /** Asked for every answer that holds it: ports are known only once the edge listens. */
  readonly cluster: () => ClusterInfo;
  /** Answers everything that is not the API. */
  readonly renderNotFound: (request: IncomingMessage) => Page;
  /** Resolves once what was written is routed: answers to calls that change something wait for it. */
  readonly settled?: () => Promise<void>;
  /** An agent has left by itself: end its tunnels. (The change feed says so too, on every node.) */
  readonly onAgentLeft?: (agentId: string) => void;
  /** Holds off addresses that fail to prove themselves, by source. */
  readonly throttle: Throttle;
  /** What an address counts as for the throttle, such as its /64. */
  readonly sourceOf: (address: string) => string;
  /** Which ports services may have; all that need no privilege unless told. */
  readonly ports?: PortRules;
  /** Whether a port can be listened on here right now. Without it, ports are assigned unseen. */
  readonly isPortFree?: (mode: DirectMode, port: number) => Promise<boolean>;
  /** Hashes and keys; without it no service can ask its visitors for anything. */
  readonly keeper?: SecretKeeper;
  /** With whom visitors can sign in, the usual one first; nobody unless told. */
  readonly providers?: () => readonly SignInProvider[];
  readonly log: Logger;
  readonly random: (length: number) => Uint8Array;
  readonly clock?: Clock;
  readonly limits?: Partial<ControlLimits>;
  /** Told of agents that want more services or exposures than they may have. */
  readonly bounds?: BoundWatch;
}

/** What the routes share. */
export interface ControlContext extends ControlOptions {
  readonly clock: Clock;
  readonly limits: ControlLimits;
  readonly rules: RuleContext;
  readonly views: ServiceViews;
  readonly feeds: AgentFeeds;
  readonly gate: Gate;
  readonly streams: StreamCount;
}
