import type { GuessRow } from '../store/store.ts';

/**
 * How often somebody may be wrong: pure, on rows that nodes share through the store. An attempt is counted as a failure
 * before anything is compared, and taken back when it turns out right, so that many at once can't slip through.
 */

/** What can be guessed at. */
export type Guessable = 'password' | 'pin' | 'header' | 'share';

/** Failures that one address may have with one service within `WINDOW` milliseconds; one more locks the pair. */
export const FREE = 5;
export const WINDOW = 60_000;
/** Milliseconds that the first lock lasts; each further one twice as long, up to the longest. */
export const FIRST_LOCK = 30_000;
export const LONGEST_LOCK = 3_600_000;
/** Milliseconds after a lock until it is forgotten, and with it how long the next one would be. */
export const FORGET = 3_600_000;
/** Milliseconds that an address counts as known after it came in: it is not held up by what strangers do. */
export const KNOWN = 30 * 24 * 3_600_000;

/** Milliseconds after which an address or service that nobody has tried at since has nothing to be held against it. */
export const REMEMBERED = 24 * 3_600_000;

/** A bucket of failures: so many at once, then one every so many milliseconds. */
export interface Rate {
  readonly burst: number;
  readonly every: number;
}

/**
 * What all strangers together may get wrong, by what they guess at. At one PIN in three minutes, half of a million take
 * three years.
 */
export const SERVICE_RATES: Readonly<Record<Guessable, Rate>> = {
  pin: { burst: 60, every: 180_000 },
  password: { burst: 120, every: 10_000 },
  header: { burst: 120, every: 10_000 },
  share: { burst: 600, every: 1_000 },
};
/** What one address may get wrong at all services of the cluster. */
export const ADDRESS_RATE: Rate = { burst: 40, every: 30_000 };

const NONE: GuessRow = { failures: 0, since: 0, level: 0, lockedUntil: 0 };

/** Milliseconds that an address still has to wait; 0 when it may try. */
export const pairWait = (row: GuessRow | undefined, now: number): number => Math.max(0, (row?.lockedUntil ?? 0) - now);

/** Whether the address has come in before, lately. */
export const isKnown = (row: GuessRow | undefined, now: number): boolean =>
  row?.succeededAt !== undefined && now - row.succeededAt < KNOWN;

/** The row of an address and a service after one more failure. */
export function pairFailed(row: GuessRow = NONE, now: number): GuessRow {
  const forgotten = row.level > 0 && now >= row.lockedUntil + FORGET;
  const level = forgotten ? 0 : row.level;
  const fresh = forgotten || row.failures === 0 || (level === 0 && now - row.since >= WINDOW);
  const failures = fresh ? 1 : row.failures + 1;
  const since = fresh ? now : row.since;
  // Once it was locked, every further failure locks it again.
  if (failures <= FREE && level === 0) return { ...row, failures, since, level };
  const delay = Math.min(LONGEST_LOCK, FIRST_LOCK * 2 ** Math.min(level, 20));
  return { ...row, failures, since, level: level + 1, lockedUntil: now + delay };
}

/** The same after a success, which forgives everything. */
export const pairSucceeded = (now: number): GuessRow => ({ ...NONE, succeededAt: now });

/** The same when an attempt was never made after all, the lock that it brought included. */
export const pairUndone = (row: GuessRow = NONE): GuessRow => ({
  ...row,
  failures: Math.max(0, row.failures - 1),
  level: Math.max(0, row.level - 1),
  lockedUntil: 0,
});

/**
 * Milliseconds until a bucket has room for one failure more; 0 when it has. `since` is when the bucket will be empty
 * again (the generic cell rate algorithm).
 */
export const bucketWait = (row: GuessRow | undefined, { burst, every }: Rate, now: number): number =>
  Math.max(0, (row?.since ?? 0) - now - (burst - 1) * every);

/** The bucket with one failure more. */
export const bucketFailed = (row: GuessRow = NONE, { every }: Rate, now: number): GuessRow => ({
  ...row,
  failures: row.failures + 1,
  since: Math.max(row.since, now) + every,
});

/** The bucket with one failure taken back. */
export const bucketUndone = (row: GuessRow = NONE, { every }: Rate): GuessRow => ({
  ...row,
  failures: Math.max(0, row.failures - 1),
  since: Math.max(0, row.since - every),
});
