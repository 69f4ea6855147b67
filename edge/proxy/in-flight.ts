import type { BoundName } from '../bounds.ts';
import type { Limits } from '../limits.ts';

/** What is under way to one target. */
export class TargetLoad {
  requests = 0;
  /** Upgraded connections; these are no requests any more. */
  upgrades = 0;
  /** Requests of this second whose visitors left before there was an answer. */
  cancelled = 0;
  /** Requests by source. */
  readonly bySource = new Map<string, number>();

  /** A request is over, or is one no more. */
  leave(source: string): void {
    this.requests--;
    const left = (this.bySource.get(source) ?? 1) - 1;
    if (left === 0) this.bySource.delete(source);
    else this.bySource.set(source, left);
  }
}

/**
 * Requests under way, by target. A target that is slow or held up fills its own share of the edge and nobody else's,
 * and one visitor can't take all of a target.
 */
export class InFlight {
  readonly #limits: Limits;
  /** By id, so that a new route table begins with what is still under way. Idle ones go at the next look. */
  readonly #targets = new Map<string, TargetLoad>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Takes in a request from `source` (see `sourceOf`): where it is counted until it `leave`s, or the bound that leaves no room. */
  enter(targetId: string, source: string, wantsUpgrade: boolean): TargetLoad | BoundName {
    let load = this.#targets.get(targetId);
    if (load === undefined) {
      load = new TargetLoad();
      this.#targets.set(targetId, load);
    }
    if (load.requests >= this.#limits.requestsPerTarget) return 'requestsPerTarget';
    if (load.cancelled >= this.#limits.cancelsPerTarget) return 'cancelsPerTarget';
    if (wantsUpgrade && load.upgrades >= this.#limits.upgradesPerTarget) return 'upgradesPerTarget';
    const own = load.bySource.get(source) ?? 0;
    if (own >= this.#limits.requestsPerTargetAndAddress) return 'requestsPerTargetAndAddress';
    load.bySource.set(source, own + 1);
    load.requests++;
    return load;
  }

  /** A second is over: forgets what was cancelled, and targets without load. */
  expire(): void {
    for (const [id, load] of this.#targets) {
      load.cancelled = 0;
      if (load.requests === 0 && load.upgrades === 0) this.#targets.delete(id);
    }
  }

  /** Targets remembered. */
  get size(): number {
    return this.#targets.size;
  }
}
