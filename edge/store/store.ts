import type { ShareLink } from '../../shared/domain/auth.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';
import type { Guard, Secrets } from '../guard.ts';

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
  /** Left out where everybody may come in. */
  readonly guard?: Guard;
  /** Share links that can still be opened; left out when there are none. */
  readonly shares?: number;
}

/** Whose failed tries are counted together: an address, a method; `serviceId` '' is all services of the node. */
export interface GuessKey {
  readonly serviceId: string;
  readonly subject: string;
}

/** Failed tries; see `auth/guessing.ts`. Times in milliseconds since the epoch. */
export interface GuessRow {
  readonly failures: number;
  /** Of when `failures` is. */
  readonly since: number;
  /** How often it was locked in a row. */
  readonly level: number;
  readonly lockedUntil: number;
  readonly succeededAt?: number;
}

/**
 * Makes a service's next secrets of those before; the same value back means no change. `was` and `now` are the service
 * before and after the change that is under way.
 */
export type SecretsChange = (before: Secrets | undefined, was: Service, now: Service) => Secrets | undefined;

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
  /** Left out where everybody may come in. */
  readonly guard?: Guard;
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
  createService(service: Service, limits: ServiceLimits, secrets?: Secrets): Stored<StoredService>;
  /**
   * Reads the service, lets `change` make the new one, writes it, in one transaction. `change` must keep `id`,
   * `ownerId`, `source` and `createdAt`. The same value back means no change: nothing is written. Fails with
   * `service_not_found` (also when it is another's), `domain_taken`, `port_taken`, and whatever `change` refuses with.
   * `secure` makes the secrets that go with it.
   */
  updateService(
    id: string,
    ownerId: string,
    change: (service: Service) => Result<Service, Failure>,
    secure?: SecretsChange,
  ): Stored<StoredService>;
  removeService(id: string, ownerId: string): Stored<void>;
  /** Moves the expiry of an exposure. Fails with `service_not_found`, also when it has been removed. */
  renewService(id: string, ownerId: string, expiresAt: number): Stored<StoredService>;
  /** Every exposure, as its last renewal left it. */
  exposures(): Stored<readonly Exposure[]>;
  /** Removes those of `exposures` that nobody has renewed since they were read; yields their ids. */
  removeExposures(exposures: readonly Exposure[]): Stored<readonly string[]>;

  /** Fails with `service_not_found` (also when it is another's), `share_limit`. */
  createShare(ownerId: string, share: ShareLink, tokenHash: string): Stored<ShareLink>;
  /** The share links of one agent's services, newest first; those that are over for 30 days more. */
  shares(ownerId: string): Stored<readonly ShareLink[]>;
  /** Ends a link and the sessions that it opened. Fails with `share_not_found`, also when it is another's. */
  revokeShare(id: string, ownerId: string, at: number): Stored<ShareLink>;
  /** The link of the service with this token (SHA-256, lower-case hex), whatever has become of it. */
  findShare(serviceId: string, tokenHash: string): Stored<ShareLink | undefined>;
  /** Opens a link once, if it can still be opened: of many at once, as many succeed as it allows. Fails with `share_over`. */
  openShare(share: ShareLink, at: number): Stored<ShareLink>;

  /** Lets `change` make new rows of those of `keys`; `undefined` keeps one as it is. Survives the process, not a power cut. */
  changeGuesses(
    keys: readonly GuessKey[],
    change: (rows: readonly (GuessRow | undefined)[]) => readonly (GuessRow | undefined)[],
  ): Stored<void>;
  /**
   * Forgets some of what nobody has touched since `before`, or since `known` where it ended well, and of what is more
   * than the store keeps, the oldest first. Yields whether there is more to forget.
   */
  pruneGuesses(before: number, known: number): Stored<boolean>;

  /** The newest revision; 0 when nothing was ever written. */
  revision(): Stored<number>;
  /** What happened after `revision`; 0 yields everything. */
  changesSince(revision: number): Stored<ChangeSet>;
  /** Calls `listener` soon after every change of the feed, whoever made it. Returns how to stop that. */
  watch(listener: () => void): () => void;
  /** Another process has said that it wrote: listeners are told at once, not at the next look. */
  look(): void;
  /** Idempotent. Calls under way finish first. */
  close(): Promise<void>;
}
