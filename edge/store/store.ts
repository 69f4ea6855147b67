import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';

/** The outcome of a call to the store. Failures are refusals of the data's rules or `data_*` ones of its medium. */
export type Stored<T> = Promise<Result<T, Failure>>;

/** A laptop that has joined the cluster. */
export interface Agent {
  readonly id: string;
  /** What people call the machine. */
  readonly name: string;
  /** SHA-256 of the credential, lower-case hex. */
  readonly credentialHash: string;
  /** Milliseconds since the epoch, here and below. */
  readonly createdAt: number;
  readonly lastSeenAt?: number;
}

export interface NewJoinToken {
  /** SHA-256 of the token, lower-case hex. */
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly label?: string;
}

/** A service and the revision that wrote it last: it is routed once a node's table has reached that revision. */
export interface StoredService {
  readonly service: Service;
  readonly revision: number;
}

/** An exposure: it ends unless it is renewed. */
export interface Exposure {
  readonly id: string;
  /** What its last renewal said, milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One service as it is now; `service` is undefined when it is gone. */
export interface ServiceChange {
  readonly id: string;
  readonly ownerId: string;
  readonly service: Service | undefined;
}

/** What happened after a revision, read in one consistent view. Each service occurs at most once. */
export interface ChangeSet {
  /** The revision that this brings the reader to. */
  readonly revision: number;
  /** The feed doesn't reach back that far: `services` is the complete list, and what it doesn't name is gone. */
  readonly reset: boolean;
  readonly services: readonly ServiceChange[];
  /** Agents that left. Empty after a reset: compare with what is known. */
  readonly removedAgents: readonly string[];
}

/** Bounds that hold inside the transaction that creates a service. */
export interface ServiceLimits {
  readonly services: number;
  readonly exposures: number;
}

/**
 * The truth of a cluster: agents, join tokens, services, and a feed of their changes with a growing revision.
 *
 * A write that was confirmed survives the death of the process; one that failed has changed nothing. Every write
 * that changes what a node routes or whom it lets in appends to the feed in the same transaction. Renewals, join
 * tokens and "last seen" are leases, not configuration: they don't.
 */
export interface Store {
  createJoinToken(token: NewJoinToken): Stored<void>;
  /** Spends the token and creates the agent, both or neither. Fails with `token_unknown`, `_expired`, `_used`. */
  join(tokenHash: string, agent: Agent): Stored<Agent>;

  agent(id: string): Stored<Agent | undefined>;
  agentByCredential(credentialHash: string): Stored<Agent | undefined>;
  agents(): Stored<readonly Agent[]>;
  /** Notes that the agent was there; unknown ids are ignored. */
  touchAgent(id: string, at: number): Stored<void>;
  /** Removes the agent and all its services, whose ids it yields. Unknown: `credential_unknown`. */
  removeAgent(id: string): Stored<readonly string[]>;

  service(id: string): Stored<StoredService | undefined>;
  /** The services of one agent, newest first. */
  servicesOf(agentId: string): Stored<{ readonly revision: number; readonly services: readonly StoredService[] }>;
  /** Fails with `domain_taken`, `port_taken`, `service_limit`, `exposure_limit`, `credential_unknown` (the owner is gone). */
  createService(service: Service, limits: ServiceLimits): Stored<StoredService>;
  /**
   * Reads the service, lets `change` make the new one, writes it, in one transaction. `change` must keep `id`,
   * `ownerId`, `source` and `createdAt`. The same value back means no change: nothing is written. Fails with
   * `service_not_found` (also when it is another's), `domain_taken`, `port_taken`, and whatever `change` refuses with.
   */
  updateService(
    id: string,
    ownerId: string,
    change: (service: Service) => Result<Service, Failure>,
  ): Stored<StoredService>;
  removeService(id: string, ownerId: string): Stored<void>;
  /** Moves the expiry of an exposure. Fails with `service_not_found`, also when it has been removed. */
  renewService(id: string, ownerId: string, expiresAt: number): Stored<StoredService>;
  /** Every exposure, as its last renewal left it. */
  exposures(): Stored<readonly Exposure[]>;
  /** Removes those of `exposures` that nobody has renewed since they were read; yields their ids. */
  removeExposures(exposures: readonly Exposure[]): Stored<readonly string[]>;

  /** The newest revision; 0 when nothing was ever written. */
  revision(): Stored<number>;
  /** What happened after `revision`; 0 yields everything. */
  changesSince(revision: number): Stored<ChangeSet>;
  /** Calls `listener` soon after every change of the feed, whoever made it. Returns how to stop that. */
  watch(listener: () => void): () => void;
  /** Idempotent. Calls under way finish first. */
  close(): Promise<void>;
}
