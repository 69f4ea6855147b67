import { type Cidr, parseCidr, spell } from '../../shared/domain/cidr.ts';
import { NetworkMap, type VisitorAddress } from './network-map.ts';
import type { Remedy } from './policy.ts';

/** A decision of CrowdSec, as far as it matters here. */
export interface Decision {
  /** An address or a network. */
  readonly value: string;
  /** `ban`, `captcha`, `throttle`, or a word that only its author knows. */
  readonly type: string;
}

/** A decision that holds for another `lasts` milliseconds. */
export interface LastingDecision extends Decision {
  readonly lasts: number;
}

/** Decisions kept at most. Community lists hold some tens of thousands. */
export const MOST_DECISIONS = 500_000;

interface Kept {
  readonly cidr: Cidr;
  /** Until when each remedy holds. */
  readonly until: Map<Remedy, number>;
}

const BY_SEVERITY: readonly Remedy[] = ['ban', 'captcha', 'throttle'];

/**
 * CrowdSec's decisions by network. The narrowest network counts; of several remedies for it, the most severe. Decisions
 * are told apart by network and remedy, not by their ids: of several alike, CrowdSec's stream names one alone, when it
 * comes and when the last of them is gone.
 */
export class Decisions {
  readonly #networks = new NetworkMap<Kept>();
  readonly #now: () => number;
  #size = 0;

  /** `now` in monotonic milliseconds: decisions run out by themselves, also while CrowdSec can't be reached. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a decision that lasts another `lasts` milliseconds, or prolongs it; false when there are too many. One on
   * something else than addresses is passed over.
   */
  add({ value, type }: Decision, lasts: number): boolean {
    const cidr = parseCidr(value);
    if (cidr === undefined || lasts <= 0) return true;
    const known = this.#networks.get(cidr);
    const kept = known ?? { cidr, until: new Map() };
    const remedy = remedyOf(type);
    const before = kept.until.get(remedy);
    if (before === undefined && this.#size >= MOST_DECISIONS) return false;
    if (known === undefined) this.#networks.set(cidr, kept);
    if (before === undefined) this.#size++;
    kept.until.set(remedy, Math.max(before ?? 0, this.#now() + lasts));
    return true;
  }

  remove({ value, type }: Decision): void {
    const cidr = parseCidr(value);
    const kept = cidr === undefined ? undefined : this.#networks.get(cidr);
    if (kept !== undefined) this.#drop(kept, remedyOf(type));
  }

  /** All decisions that hold now. */
  *lasting(): IterableIterator<LastingDecision> {
    for (const { cidr, until } of this.#networks.values())
      for (const [type, end] of until)
        if (end > this.#now())
          yield {
            value: `${spell({ family: cidr.family, value: cidr.base })}/${cidr.bits}`,
            type,
            lasts: end - this.#now(),
          };
  }

  /** What is to be done about an address, now. */
  remedy(address: VisitorAddress): Remedy | undefined {
    for (;;) {
      const kept = this.#networks.narrowest(address);
      if (kept === undefined) return undefined;
      for (const remedy of BY_SEVERITY) {
        const until = kept.until.get(remedy);
        if (until === undefined) continue;
        if (until > this.#now()) return remedy;
        this.#drop(kept, remedy);
      }
      // All of them have run out, which made way for a wider network.
    }
  }

  #drop({ cidr, until }: Kept, remedy: Remedy): void {
    if (!until.delete(remedy)) return;
    this.#size--;
    if (until.size === 0) this.#networks.delete(cidr);
  }
}

/** A kind of decision that nobody here knows is taken for the gravest. */
const remedyOf = (type: string): Remedy => {
  const known = type.toLowerCase();
  return known === 'captcha' || known === 'throttle' ? known : 'ban';
};
