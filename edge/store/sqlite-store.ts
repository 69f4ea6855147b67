import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { ShareLink } from '../../shared/domain/auth.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { portsClash, type Service } from '../../shared/domain/service.ts';
import type { Secrets } from '../guard.ts';
import { nodeSqliteDialect } from './dialect.ts';
import { appendChange, changesSince, newestRevision } from './feed.ts';
import { FeedWatch } from './feed-watch.ts';
import { readSecrets, withGuards, writeSecrets } from './guards.ts';
import { pruneGuesses, readGuesses, writeGuess } from './guesses.ts';
import { countUse, findShare, insertShare, toShare } from './shares.ts';
import { mediumFailure } from './sqlite-failure.ts';
import type {
  Agent,
  ChangeSet,
  Exposure,
  GuessKey,
  GuessRow,
  NewJoinToken,
  SecretsChange,
  ServiceLimits,
  Store,
  Stored,
  StoredService,
} from './store.ts';
import { type Tables, toAgent, toRow, toService } from './tables.ts';

export interface SqliteStoreOptions {
  /** Names the data in failures. */
  readonly path: string;
  readonly now: () => number;
  /** Milliseconds between looks for what other processes wrote. */
  readonly pollInterval: number;
  /** Revisions that the feed keeps. */
  readonly feedLength: number;
  /** Told of rows that don't hold what they should; they are left out. */
  readonly onDamaged: (serviceId: string, fault: string) => void;
  /** Runs after the database is closed. */
  readonly onClosed: () => void;
}

/** Thrown inside a transaction to roll it back; never leaves this file. */
class Refusal extends Error {
  readonly failure: Failure;
  constructor(reason: Failure) {
    super(reason.message);
    this.failure = reason;
  }
}
const refuse = (reason: Failure): never => {
  throw new Refusal(reason);
};

/** How often the database is tried while another process writes, and about how many milliseconds pass in between. */
const BUSY_TRIES = 25;
const BUSY_PAUSE = 20;

/** Spent and expired join tokens are forgotten after 30 days: until then a second use can be told what happened. */
const TOKEN_MEMORY = 30 * 24 * 3600_000;

/** The `Store` over a migrated SQLite database, which it owns from here on. */
export class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  readonly #database: DatabaseSync;
  readonly #db: Kysely<Tables>;
  readonly #feed: FeedWatch;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(database: DatabaseSync, options: SqliteStoreOptions) {
    this.#options = options;
    this.#database = database;
    this.#db = new Kysely<Tables>({ dialect: nodeSqliteDialect(database) });
    this.#feed = new FeedWatch(database, options.pollInterval);
  }

  createJoinToken(token: NewJoinToken): Stored<void> {
    return this.#write(async (db) => {
      await db
        .deleteFrom('join_tokens')
        .where('expires_at', '<', token.createdAt - TOKEN_MEMORY)
        .execute();
      await db
        .insertInto('join_tokens')
        .values({
          hash: token.hash,
          label: token.label ?? null,
          created_at: token.createdAt,
          expires_at: token.expiresAt,
          used_at: null,
        })
        .execute();
    });
  }

  join(tokenHash: string, agent: Agent): Stored<Agent> {
    return this.#write(async (db) => {
      const token = await db.selectFrom('join_tokens').selectAll().where('hash', '=', tokenHash).executeTakeFirst();
      if (token === undefined) return refuse(failure('token_unknown'));
      if (token.used_at !== null) return refuse(failure('token_used'));
      if (token.expires_at <= agent.createdAt)
        return refuse(failure('token_expired', { at: new Date(token.expires_at).toISOString() }));
      await db.updateTable('join_tokens').set({ used_at: agent.createdAt }).where('hash', '=', tokenHash).execute();
      await db
        .insertInto('agents')
        .values({
          id: agent.id,
          name: agent.name,
          credential_hash: agent.credentialHash,
          created_at: agent.createdAt,
          last_seen_at: agent.lastSeenAt ?? null,
        })
        .execute();
      await this.#append(db, 'agent', agent.id, agent.id);
      return agent;
    });
  }

  agent(id: string): Stored<Agent | undefined> {
    return this.#read(async (db) => {
      const row = await db.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : toAgent(row);
    });
  }

  agentByCredential(credentialHash: string): Stored<Agent | undefined> {
    return this.#read(async (db) => {
      const rows = db.selectFrom('agents').selectAll().where('credential_hash', '=', credentialHash);
      const row = await rows.executeTakeFirst();
      return row === undefined ? undefined : toAgent(row);
    });
  }

  agents(): Stored<readonly Agent[]> {
    return this.#read(async (db) => (await db.selectFrom('agents').selectAll().orderBy('id').execute()).map(toAgent));
  }

  touchAgent(id: string, at: number): Stored<void> {
    return this.#lease(async (db) => {
      await db.updateTable('agents').set({ last_seen_at: at }).where('id', '=', id).execute();
    });
  }

  removeAgent(id: string): Stored<readonly string[]> {
    return this.#write(async (db) => {
      const services = await db.selectFrom('services').select('id').where('owner_id', '=', id).execute();
      for (const service of services) await this.#append(db, 'service', service.id, id);
      const removed = await db.deleteFrom('agents').where('id', '=', id).executeTakeFirst();
      if (removed.numDeletedRows === 0n) return refuse(failure('credential_unknown'));
      await this.#append(db, 'agent', id, id);
      return services.map((s) => s.id);
    });
  }

  service(id: string): Stored<StoredService | undefined> {
    return this.#read(async (db) => {
      const row = await db.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : (await this.#complete(db, [row]))[0];
    });
  }

  servicesOf(agentId: string): Stored<{ readonly revision: number; readonly services: readonly StoredService[] }> {
    return this.#read(async (db) => {
      const rows = db.selectFrom('services').selectAll().where('owner_id', '=', agentId).orderBy('id', 'desc');
      return { revision: await newestRevision(db), services: await this.#complete(db, await rows.execute()) };
    });
  }

  createService(service: Service, limits: ServiceLimits, secrets?: Secrets): Stored<StoredService> {
    return this.#write(async (db) => {
      const owner = await db.selectFrom('agents').select('id').where('id', '=', service.ownerId).executeTakeFirst();
      if (owner === undefined) return refuse(failure('credential_unknown'));
      const owned = await db.selectFrom('services').select('source').where('owner_id', '=', service.ownerId).execute();
      if (owned.length >= limits.services) return refuse(failure('service_limit', { limit: limits.services }));
      if (service.source === 'ephemeral' && owned.filter((s) => s.source === 'ephemeral').length >= limits.exposures)
        return refuse(failure('exposure_limit', { limit: limits.exposures }));
      await refuseTaken(db, service);
      await refusePortTaken(db, service);
      const revision = await this.#append(db, 'service', service.id, service.ownerId);
      await db.insertInto('services').values(toRow(service, revision)).execute();
      if (secrets !== undefined) await writeSecrets(db, service, secrets);
      return { service, revision };
    });
  }

  updateService(
    id: string,
    ownerId: string,
    change: (service: Service) => Result<Service, Failure>,
    secure?: SecretsChange,
  ): Stored<StoredService> {
    return this.#write(async (db) => {
      const before = await this.#owned(db, id, ownerId);
      const changed = change(before.service);
      if (!changed.ok) return refuse(changed.error);
      // Damaged ones count as none, so that no change of something else makes them look whole.
      const secrets = before.guard === undefined ? await readSecrets(db, id) : before.guard.secrets;
      const next = secure === undefined ? secrets : secure(secrets, before.service, changed.value);
      if (changed.value === before.service && next === secrets) return before;
      if (changed.value.domain !== before.service.domain) await refuseTaken(db, changed.value);
      if (changed.value.listenPort !== before.service.listenPort) await refusePortTaken(db, changed.value);
      const revision = await this.#append(db, 'service', id, ownerId);
      await db.updateTable('services').set(toRow(changed.value, revision)).where('id', '=', id).execute();
      if (secure !== undefined && next !== undefined) await writeSecrets(db, changed.value, next);
      return this.#owned(db, id, ownerId);
    });
  }

  removeService(id: string, ownerId: string): Stored<void> {
    return this.#write(async (db) => {
      const rows = db.deleteFrom('services').where('id', '=', id).where('owner_id', '=', ownerId);
      const { numDeletedRows } = await rows.executeTakeFirst();
      if (numDeletedRows === 0n) return refuse(failure('service_not_found', { service: id }));
      await this.#append(db, 'service', id, ownerId);
    });
  }

  renewService(id: string, ownerId: string, expiresAt: number): Stored<StoredService> {
    return this.#lease(async (db) => {
      const held = await this.#owned(db, id, ownerId);
      const { service } = held;
      if (service.expiresAt === undefined)
        return refuse(failure('input_invalid', { reason: because('exposure_only') }));
      await db.updateTable('services').set({ expires_at: expiresAt }).where('id', '=', id).execute();
      return { ...held, service: { ...service, expiresAt } };
    });
  }

  exposures(): Stored<readonly Exposure[]> {
    return this.#read(async (db) => {
      const rows = db.selectFrom('services').select(['id', 'expires_at']).where('expires_at', 'is not', null);
      return (await rows.execute()).map((row) => ({ id: row.id, expiresAt: row.expires_at ?? 0 }));
    });
  }

  async removeExposures(exposures: readonly Exposure[]): Stored<readonly string[]> {
    if (exposures.length === 0) return ok([]);
    return this.#write(async (db) => {
      const removed: string[] = [];
      for (const { id, expiresAt } of exposures) {
        const unrenewed = db.deleteFrom('services').where('id', '=', id).where('expires_at', '=', expiresAt);
        const row = await unrenewed.returning('owner_id').executeTakeFirst();
        if (row === undefined) continue;
        await this.#append(db, 'service', id, row.owner_id);
        removed.push(id);
      }
      return removed;
    });
  }

  createShare(ownerId: string, share: ShareLink, tokenHash: string): Stored<ShareLink> {
    return this.#write(async (db) => {
      await this.#owned(db, share.serviceId, ownerId);
      const made = await insertShare(db, share, tokenHash);
      if (!made.ok) return refuse(made.error);
      await this.#append(db, 'service', share.serviceId, ownerId);
      return made.value;
    });
  }

  shares(ownerId: string): Stored<readonly ShareLink[]> {
    return this.#read(async (db) => {
      const owned = db.selectFrom('services').select('id').where('owner_id', '=', ownerId);
      const rows = db.selectFrom('shares').selectAll().where('service_id', 'in', owned).orderBy('id', 'desc');
      return (await rows.execute()).map(toShare);
    });
  }

  revokeShare(id: string, ownerId: string, at: number): Stored<ShareLink> {
    return this.#write(async (db) => {
      const owned = db.selectFrom('services').select('id').where('owner_id', '=', ownerId);
      const rows = db.selectFrom('shares').selectAll().where('id', '=', id).where('service_id', 'in', owned);
      const row = await rows.executeTakeFirst();
      if (row === undefined) return refuse(failure('share_not_found', { share: id.slice(0, 64) }));
      if (row.revoked_at !== null) return toShare(row);
      await db.updateTable('shares').set({ revoked_at: at }).where('id', '=', id).execute();
      await this.#append(db, 'service', row.service_id, ownerId);
      return toShare({ ...row, revoked_at: at });
    });
  }

  findShare(serviceId: string, tokenHash: string): Stored<ShareLink | undefined> {
    return this.#read((db) => findShare(db, serviceId, tokenHash));
  }

  openShare(share: ShareLink, at: number): Stored<ShareLink> {
    // How often a link without bound was opened is worth knowing, not worth waiting for the disk.
    if (share.maxUses === undefined)
      return this.#lease(async (db) => (await countUse(db, share.id, at)) ?? refuse(failure('share_over')));
    return this.#write(async (db) => {
      const opened = (await countUse(db, share.id, at)) ?? refuse(failure('share_over'));
      const owner = db.selectFrom('services').select('owner_id').where('id', '=', opened.serviceId);
      const { owner_id } = await owner.executeTakeFirstOrThrow();
      await this.#append(db, 'service', opened.serviceId, owner_id);
      return opened;
    });
  }

  changeGuesses(
    keys: readonly GuessKey[],
    change: (rows: readonly (GuessRow | undefined)[]) => readonly (GuessRow | undefined)[],
  ): Stored<void> {
    return this.#lease(async (db) => {
      const changed = change(await readGuesses(db, keys));
      for (const [index, key] of keys.entries()) {
        const row = changed[index];
        if (row !== undefined) await writeGuess(db, key, row, this.#options.now());
      }
    });
  }

  pruneGuesses(before: number, known: number): Stored<boolean> {
    return this.#lease((db) => pruneGuesses(db, before, known));
  }

  revision(): Stored<number> {
    return this.#read(newestRevision);
  }

  changesSince(revision: number): Stored<ChangeSet> {
    return this.#read((db) => changesSince(db, revision, this.#options.now(), (rows) => this.#decode(rows)));
  }

  watch(listener: () => void): () => void {
    return this.#feed.add(listener);
  }

  look(): void {
    if (this.#closing === undefined) this.#feed.look();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#feed.end();
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#db.destroy();
    if (this.#database.isOpen) this.#database.close();
    this.#options.onClosed();
  }

  #read<T>(work: (db: Transaction<Tables>) => Promise<T>): Stored<T> {
    return this.#track(this.#attempt(() => this.#db.transaction().setAccessMode('read only').execute(work)));
  }

  async #write<T>(work: (db: Transaction<Tables>) => Promise<T>): Stored<T> {
    const before = this.#feed.appended;
    const outcome = await this.#track(this.#attempt(() => this.#db.transaction().execute(work)));
    if (outcome.ok && this.#feed.appended !== before) this.#feed.wake();
    return outcome;
  }

  /**
   * A write that says no more than "still there", often. It survives the death of the process like any other, but
   * doesn't wait for the disk: after a power cut nobody is still there anyway.
   */
  #lease<T>(work: (db: Transaction<Tables>) => Promise<T>): Stored<T> {
    const run = (): Promise<T> =>
      this.#db.connection().execute(async (connection) => {
        this.#database.exec('pragma synchronous = normal');
        try {
          return await connection.transaction().execute(work);
        } finally {
          this.#database.exec('pragma synchronous = full');
        }
      });
    return this.#track(this.#attempt(run));
  }

  /** Another process that writes at the same moment (a worker of this node, a command) is waited for, between turns. */
  async #attempt<T>(run: () => Promise<T>): Stored<T> {
    for (let tries = 1; ; tries++) {
      if (this.#closing !== undefined) return err(failure('draining'));
      try {
        return ok(await run());
      } catch (error) {
        if (error instanceof Refusal) return err(error.failure);
        const reason = mediumFailure(error, this.#options.path);
        if (reason === undefined) throw error;
        if (reason.code !== 'data_busy' || tries === BUSY_TRIES) return err(reason);
      }
      await pause(BUSY_PAUSE * (0.5 + Math.random()));
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const forget = (): void => void this.#underWay.delete(work);
    this.#underWay.add(work);
    work.then(forget, forget);
    return work;
  }

  async #append(db: Kysely<Tables>, kind: 'service' | 'agent', subject: string, ownerId: string): Promise<number> {
    const change = { kind, subject, owner_id: ownerId, at: this.#options.now() };
    const revision = await appendChange(db, change, this.#options.feedLength);
    this.#feed.appended++;
    return revision;
  }

  async #owned(db: Kysely<Tables>, id: string, ownerId: string): Promise<StoredService> {
    const rows = db.selectFrom('services').selectAll().where('id', '=', id).where('owner_id', '=', ownerId);
    const row = await rows.executeTakeFirst();
    const stored = row === undefined ? undefined : (await this.#complete(db, [row]))[0];
    return stored ?? refuse(failure('service_not_found', { service: id }));
  }

  #complete(db: Kysely<Tables>, rows: readonly Selectable<Tables['services']>[]): Promise<StoredService[]> {
    return withGuards(db, this.#decode(rows), this.#options.now());
  }

  #decode(rows: readonly Selectable<Tables['services']>[]): StoredService[] {
    const services: StoredService[] = [];
    for (const row of rows) {
      const decoded = toService(row);
      if ('fault' in decoded) this.#options.onDamaged(row.id, decoded.fault);
      else services.push(decoded);
    }
    return services;
  }
}

/** Refuses with `domain_taken` when another service has the domain, naming it. */
async function refuseTaken(db: Kysely<Tables>, service: Service): Promise<void> {
  const rows = db.selectFrom('services').selectAll().where('domain', '=', service.domain).where('id', '!=', service.id);
  const row = await rows.executeTakeFirst();
  if (row === undefined) return;
  const decoded = toService(row);
  const owner = 'fault' in decoded ? row.id : decoded.service.name;
  refuse(failure('domain_taken', { domain: service.domain, owner }, 'subdomain'));
}

/** Refuses with `port_taken` when another service listens on the same port and can't share it, naming that service. */
async function refusePortTaken(db: Kysely<Tables>, { id, mode, listenPort }: Service): Promise<void> {
  if (listenPort === undefined) return;
  const rows = db
    .selectFrom('services')
    .selectAll()
    .where(sql`json_extract(body, '$.listenPort')`, '=', listenPort)
    .where('id', '!=', id);
  for (const row of await rows.execute()) {
    const decoded = toService(row);
    if ('fault' in decoded || !portsClash(mode, decoded.service.mode)) continue;
    refuse(failure('port_taken', { port: listenPort, owner: decoded.service.name }, 'listenPort'));
  }
}
