import type { DatabaseSync } from 'node:sqlite';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';

/**
 * One entry a schema version, the first makes version 1. Entries that have been released never change: whoever
 * needs another shape appends the step from the last one.
 */
const MIGRATIONS: readonly string[] = [
  `
  create table join_tokens (
    hash text primary key not null check (length(hash) = 64),
    label text,
    created_at integer not null,
    expires_at integer not null,
    used_at integer
  ) strict, without rowid;

  create table agents (
    id text primary key not null,
    name text not null,
    credential_hash text not null unique check (length(credential_hash) = 64),
    created_at integer not null,
    last_seen_at integer
  ) strict;

  create table services (
    id text primary key not null,
    owner_id text not null references agents (id) on delete cascade,
    domain text not null unique,
    source text not null check (source in ('permanent', 'ephemeral')),
    created_at integer not null,
    expires_at integer check ((source = 'ephemeral') = (expires_at is not null)),
    revision integer not null,
    body text not null check (json_valid(body))
  ) strict;
  create index services_by_owner on services (owner_id);
  create index services_by_expiry on services (expires_at) where expires_at is not null;

  -- autoincrement: a revision is never given out twice, not even after pruning.
  create table changes (
    revision integer primary key autoincrement,
    kind text not null check (kind in ('service', 'agent')),
    subject text not null,
    owner_id text not null,
    at integer not null
  ) strict;
  `,
  `create index services_by_port on services (json_extract(body, '$.listenPort'));`,
  `
  -- methods: what the service says of them, too, so that damage to one of both never makes it public.
  create table service_secrets (
    service_id text primary key not null references services (id) on delete cascade,
    epoch integer not null,
    methods text not null,
    password text,
    pin text,
    headers text not null,
    public_key text not null,
    private_key text not null
  ) strict;

  create table shares (
    id text primary key not null,
    service_id text not null references services (id) on delete cascade,
    token_hash text not null unique check (length(token_hash) = 64),
    label text,
    created_at integer not null,
    expires_at integer not null,
    max_uses integer,
    uses integer not null,
    last_used_at integer,
    revoked_at integer
  ) strict;
  create index shares_by_service on shares (service_id);
  create index shares_by_expiry on shares (expires_at);

  -- service_id is no reference: what concerns all services of an address has ''.
  create table guesses (
    service_id text not null,
    subject text not null,
    failures integer not null,
    since integer not null,
    level integer not null,
    locked_until integer not null,
    succeeded_at integer,
    updated_at integer not null,
    primary key (service_id, subject)
  ) strict, without rowid;
  create index guesses_by_age on guesses (updated_at);
  `,
];

/** The schema that this version of Porthole writes. */
export const SCHEMA = MIGRATIONS.length;

/** Brings `database` to `SCHEMA`, all steps or none. Fails with `data_newer`; throws what SQLite throws. */
export function migrate(database: DatabaseSync, path: string): Result<void, Failure> {
  database.exec('begin immediate');
  try {
    database.exec(
      'create table if not exists schema (id integer primary key check (id = 1), version integer not null) strict',
    );
    const found = Number(database.prepare('select version from schema').get()?.version ?? 0);
    if (found > SCHEMA) {
      database.exec('rollback');
      return err(failure('data_newer', { path, found, known: SCHEMA }));
    }
    for (const step of MIGRATIONS.slice(found)) database.exec(step);
    if (found < SCHEMA)
      database
        .prepare(
          'insert into schema (id, version) values (1, ?) on conflict (id) do update set version = excluded.version',
        )
        .run(SCHEMA);
    database.exec('commit');
    return ok(undefined);
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}
