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

/** Rows that are kept at most, and that one step forgets: a few milliseconds. */
const KEPT = 200_000;
const STEP = 1_000;

/** One step of forgetting; see `Store.pruneGuesses`. */
export async function pruneGuesses(db: Kysely<Tables>, before: number, known: number): Promise<boolean> {
  const aged = db
    .selectFrom('guesses')
    .select(['service_id', 'subject'])
    .where((e) =>
      e.or([
        e.and([e('updated_at', '<', before), e('succeeded_at', 'is', null)]),
        e.and([e('updated_at', '<', known), e('succeeded_at', 'is not', null)]),
      ]),
    );
  const { rows } = await db
    .selectFrom('guesses')
    .select((e) => e.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow();
  const surplus = db.selectFrom('guesses').select(['service_id', 'subject']);
  const chosen = rows > KEPT ? surplus : aged;
  const some = await chosen.orderBy('updated_at').limit(STEP).execute();
  for (const { service_id, subject } of some)
    await db.deleteFrom('guesses').where('service_id', '=', service_id).where('subject', '=', subject).execute();
  return some.length === STEP;
}
