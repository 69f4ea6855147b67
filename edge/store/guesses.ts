import type { Kysely } from 'kysely';
import type { GuessKey, GuessRow } from './store.ts';
import type { Tables } from './tables.ts';

/** The rows of `keys`, in their order. */
export async function readGuesses(
  db: Kysely<Tables>,
  keys: readonly GuessKey[],
): Promise<readonly (GuessRow | undefined)[]> {
  const rows: (GuessRow | undefined)[] = [];
  for (const { serviceId, subject } of keys) {
    const all = db.selectFrom('guesses').selectAll().where('service_id', '=', serviceId);
    const row = await all.where('subject', '=', subject).executeTakeFirst();
    rows.push(
      row && {
        failures: row.failures,
        since: row.since,
        level: row.level,
        lockedUntil: row.locked_until,
        ...(row.succeeded_at === null ? {} : { succeededAt: row.succeeded_at }),
      },
    );
  }
  return rows;
}

/** Writes one row. */
export async function writeGuess(
  db: Kysely<Tables>,
  { serviceId, subject }: GuessKey,
  row: GuessRow,
  now: number,
): Promise<void> {
  const update = {
    failures: row.failures,
    since: row.since,
    level: row.level,
    locked_until: row.lockedUntil,
    succeeded_at: row.succeededAt ?? null,
    updated_at: now,
  };
  await db
    .insertInto('guesses')
    .values({ service_id: serviceId, subject, ...update })
    .onConflict((conflict) => conflict.columns(['service_id', 'subject']).doUpdateSet(update))
    .execute();
}
