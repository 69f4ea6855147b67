import { wildcardOf } from './dns-names.ts';
import type { KeyPair } from './key-pair.ts';

/** Whether `pair` is within its time of validity at `now`, milliseconds since the epoch. */
export const isValidAt = (pair: Pick<KeyPair, 'notBefore' | 'notAfter'>, now: number): boolean =>
  pair.notBefore <= now && now < pair.notAfter;

/**
 * Which pair answers for which name; built once and never changed. Of several pairs with the same name the one that is
 * valid at `now` wins, then the one that lasts longest, then the first.
 */
export class NameTable {
  /** `example.com` and `*.example.com` alike. */
  readonly #pairs = new Map<string, KeyPair>();

  constructor(pairs: Iterable<KeyPair>, now: number) {
    for (const pair of pairs) {
      for (const name of pair.names) {
        const other = this.#pairs.get(name);
        if (other === undefined || isBetter(pair, other, now)) this.#pairs.set(name, pair);
      }
    }
  }

  /** The pair of exactly this name, then that of the wildcard above it. Zero to two. */
  *candidates(name: string): Iterable<KeyPair> {
    const exact = this.#pairs.get(name);
    if (exact !== undefined) yield exact;
    const wildcard = wildcardOf(name);
    const covering = wildcard === undefined ? undefined : this.#pairs.get(wildcard);
    if (covering !== undefined) yield covering;
  }

  /** Every name, wildcards as such, with its pair. */
  entries(): Iterable<readonly [string, KeyPair]> {
    return this.#pairs;
  }
}

function isBetter(pair: KeyPair, other: KeyPair, now: number): boolean {
  const valid = isValidAt(pair, now);
  return valid === isValidAt(other, now) ? pair.notAfter > other.notAfter : valid;
}
