/** Runs fuzz cases, round by round; each round depends on the seed, the case's name and its own number only. */
import { Chance } from './chance.ts';

export interface FuzzCase {
  readonly name: string;
  /** One round; throws when a promise is broken. Says what it came to, so that a run in which all is refused shows. */
  run(chance: Chance): string | Promise<string>;
}

/** What a case came to, and how often. */
export type Tally = ReadonlyMap<string, number>;

/** A broken promise, with all that is needed to see it again. */
export class FuzzFailure extends Error {
  constructor(name: string, seed: number, round: number, cause: unknown) {
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`${name} fails; again with: npm run fuzz -- --seed ${seed} --only ${name} --round ${round}\n${why}`);
    this.name = 'FuzzFailure';
  }
}

/** Runs `round` of the case. Fails with a FuzzFailure. */
export async function runRound(fuzzCase: FuzzCase, seed: number, round: number): Promise<string> {
  try {
    return await fuzzCase.run(Chance.of(seed, fuzzCase.name, round));
  } catch (error) {
    throw new FuzzFailure(fuzzCase.name, seed, round, error);
  }
}

/** Runs rounds from 0 on for as long as `goesOn` says so. */
export async function runRounds(
  fuzzCase: FuzzCase,
  seed: number,
  goesOn: (round: number) => boolean,
): Promise<{ readonly rounds: number; readonly tally: Tally }> {
  const tally = new Map<string, number>();
  let round = 0;
  for (; goesOn(round); round++) {
    const outcome = await runRound(fuzzCase, seed, round);
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
  }
  return { rounds: round, tally };
}
