import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hash as argon2, verify } from '@node-rs/argon2';

/** Argon2id (its number among the algorithms), at the cost that OWASP's cheat sheet on password storage recommends. */
const COST = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;
const SALT = 16;

/** `busy`: too many wait already. `gone`: nobody waited any more when its turn came, so nothing was compared. */
export type Compared = boolean | 'busy' | 'gone';

/**
 * Slow hashes, off the main thread: they run on the thread pool that files and names are looked up with too, so few run
 * at once, a bounded number waits, and whoever comes then is sent away.
 */
export class Hasher {
  readonly #slots: number;
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { readonly slots?: number; readonly places?: number } = {}) {
    this.#slots = options.slots ?? Math.max(1, Math.min(2, availableParallelism() - 1));
    this.#places = options.places ?? 64;
  }

  /** Nobody more can wait. */
  get full(): boolean {
    return this.#waiting.length >= this.#places;
  }

  /** `secret` as a PHC string. */
  async hash(secret: string): Promise<string | 'busy'> {
    if (!(await this.#enter())) return 'busy';
    try {
      return await argon2(secret, { ...COST, salt: randomBytes(SALT) });
    } finally {
      this.#leave();
    }
  }

  /** Whether `secret` is what `phc` was made of; in constant time, as far as that goes. */
  async matches(phc: string, secret: string, gone?: AbortSignal): Promise<Compared> {
    if (!(await this.#enter())) return 'busy';
    try {
      return gone?.aborted === true ? 'gone' : await verify(phc, secret);
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<boolean> {
    if (this.#running < this.#slots) {
      this.#running++;
      return true;
    }
    if (this.full) return false;
    // Whoever leaves hands its slot on.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
