/** Chance that can be repeated: everything random in a fuzz case comes from one of these. */
import { createHash } from 'node:crypto';
import { seededRandom } from '../support/random.ts';

export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** The chance of round `round` of the case `name`: each round can be repeated by itself. */
  static of(seed: number, name: string, round: number): Chance {
    return new Chance(createHash('sha256').update(`${seed} ${name} ${round}`).digest().readUInt32BE(0));
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** `text` with up to `most` random insertions (of `pieces`), deletions and replacements. */
  mutated(text: string, pieces: readonly string[], most = 3): string {
    let changed = text;
    for (let changes = 1 + this.below(most); changes > 0; changes--) {
      const at = this.below(changed.length + 1);
      const insert = this.oneIn(5) ? '' : this.pick(pieces);
      changed = changed.slice(0, at) + insert + changed.slice(at + this.below(4));
    }
    return changed;
  }

  /** `bytes` with up to `most` bytes changed, and now and then cut short. */
  corrupted(bytes: Uint8Array, most = 3): Buffer {
    const copy = Buffer.from(bytes);
    for (let changes = this.below(most + 1); changes > 0; changes--) copy[this.below(copy.length)] = this.below(256);
    return this.oneIn(10) ? copy.subarray(0, this.below(copy.length + 1)) : copy;
  }

  /** Indices at which `length` bytes are cut into pieces, both ends included. */
  cuts(length: number): readonly number[] {
    const longest = this.pick([1, 3, 17, 200, length + 1]);
    const cuts = [0];
    for (let at = 0; at < length; ) {
      at = Math.min(length, at + 1 + this.below(longest));
      cuts.push(at);
    }
    return cuts;
  }
}
