import type { Insertable, Kysely, Selectable } from 'kysely';
import type { Service } from '../../shared/domain/service.ts';
import type { Guard } from '../guard.ts';
import { withGuards } from './guards.ts';
import type { ChangeSet, ServiceChange, StoredService } from './store.ts';
import type { Tables } from './tables.ts';

/** Changed services, and agents, that are looked up by id at most; past that, reading all of them is no dearer. */
const LOOKUP_LIMIT = 500;

/** Appends a row to the feed and forgets those that are `length` revisions back. Yields the new revision. */
export async function appendChange(
  db: Kysely<Tables>,
  change: Insertable<Tables['changes']>,
  length: number,
): Promise<number> {
  const { revision } = await db.insertInto('changes').values(change).returning('revision').executeTakeFirstOrThrow();
  await db
    .deleteFrom('changes')
    .where('revision', '<=', revision - length)
    .execute();
  return revision;
}

/** The newest revision; 0 when nothing was ever written. */
export async function newestRevision(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('changes')
    .select((e) => e.fn.max('revision').as('revision'))
    .executeTakeFirst();
  return row?.revision ?? 0;
}

/** What happened after `since`; call it inside a transaction, so that all of it is one view. */
export async function changesSince(
  db: Kysely<Tables>,
  since: number,
  now: number,
  decode: (rows: readonly Selectable<Tables['services']>[]) => readonly StoredService[],
): Promise<ChangeSet> {
  const revision = await newestRevision(db);
  if (revision === since) return { revision, reset: false, services: [], removedAgents: [] };
  const oldest = await db
    .selectFrom('changes')
    .select((e) => e.fn.min('revision').as('revision'))
    .executeTakeFirst();
  const reaches = since > 0 && since < revision && (oldest?.revision ?? 0) <= since + 1;
  const changes = reaches
    ? await db.selectFrom('changes').selectAll().where('revision', '>', since).orderBy('revision').execute()
    : [];
  const touched = new Map(changes.filter((c) => c.kind === 'service').map((c) => [c.subject, c.owner_id]));
  const agents = new Set(changes.filter((c) => c.kind === 'agent').map((c) => c.subject));
  if (!reaches || touched.size > LOOKUP_LIMIT || agents.size > LOOKUP_LIMIT) {
    const all = await withGuards(db, decode(await db.selectFrom('services').selectAll().execute()), now);
    const services = all.map(({ service, guard }) => toChange(service.id, service.ownerId, { service, guard }));
    return { revision, reset: true, services, removedAgents: [] };
  }
  const rows =
    touched.size === 0
      ? []
      : await db
          .selectFrom('services')
          .selectAll()
          .where('id', 'in', [...touched.keys()])
          .execute();
  const current = new Map((await withGuards(db, decode(rows), now)).map((stored) => [stored.service.id, stored]));
  const services = Array.from(touched, ([id, ownerId]) => toChange(id, ownerId, current.get(id)));
  return { revision, reset: false, services, removedAgents: await missing(db, agents) };
}

const toChange = (
  id: string,
  ownerId: string,
  stored: { readonly service: Service; readonly guard?: Guard | undefined } | undefined,
): ServiceChange => ({
  id,
  ownerId,
  service: stored?.service,
  ...(stored?.guard === undefined ? {} : { guard: stored.guard }),
});

/** Those of `agents` that are not there any more. */
async function missing(db: Kysely<Tables>, agents: ReadonlySet<string>): Promise<string[]> {
  if (agents.size === 0) return [];
  const left = await db
    .selectFrom('agents')
    .select('id')
    .where('id', 'in', [...agents])
    .execute();
  const alive = new Set(left.map((a) => a.id));
  return [...agents].filter((id) => !alive.has(id));
}
