import type { AgentState, LinkState } from '../../shared/contract/agent-state.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Agent } from '../agent/agent.ts';
import type { AllowList } from '../agent/allow-list.ts';
import type { EdgeAddress, EdgeTrust } from '../agent/edge-address.ts';
import type { Inspector } from '../agent/inspect/inspector.ts';
import type { PortFinder } from '../agent/local-ports.ts';
import type { FindWay } from '../agent/proxy-choice.ts';
import type { Host } from './host.ts';
import type { SettingsStore } from './settings.ts';
import type { Vault } from './vault/vault.ts';

/** What every membership is made of. */
export interface MembershipParts {
  readonly home: string;
  readonly host: Host;
  readonly settings: SettingsStore;
  readonly ports: PortFinder;
  readonly inspector: Inspector;
  readonly findWay: FindWay;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What people call this machine. */
  readonly name: string;
  /** Something that the state shows has changed. */
  readonly onChange: () => void;
}

/** Where an edge is, and what makes it trustworthy. */
export interface EdgePlace {
  readonly address: EdgeAddress;
  readonly trust: EdgeTrust;
}

/**
 * This laptop's place in one cluster: the embedded edge's, or one that it joined. It comes up by itself and for as
 * long as it isn't closed; what is in the way shows in its view.
 */
export interface Membership {
  readonly kind: AgentState['edge']['kind'];
  readonly vault: Vault['kind'];
  /** `undefined` until there is a credential to link with. */
  readonly agent: Agent | undefined;
  /** What the user allows this cluster to reach. */
  readonly allowed: AllowList;
  edge(): AgentState['edge'];
  /** Keeps the permanent allowances in the settings. */
  keepAllowed(): Result<null, Failure>;
  /** Ports of its own that the user isn't offered. */
  ownPorts(): readonly number[];
  /** Where its edge is dialled and how its certificate is checked; `undefined` while there is no edge. */
  place(): EdgePlace | undefined;
  /** Why there is no agent yet, if something is in the way. */
  obstacle(): Failure | undefined;
  /** Ends agent and edge; resolves when nothing of them is left. Idempotent. */
  close(): Promise<void>;
}

/** The link of a membership without an agent. */
export function linkWithoutAgent(since: number, obstacle: Failure | undefined, nextTryAt?: number): LinkState {
  if (obstacle === undefined) return { state: 'connecting', since };
  return { state: 'down', since, failure: obstacle, ...(nextTryAt === undefined ? {} : { nextTryAt }) };
}
