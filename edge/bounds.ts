import type { CancelTimer, Clock } from '../shared/node/clock.ts';
import type { LogFields, Logger } from '../shared/node/logger.ts';
import { LIMIT_NAMES, type LimitName, type Limits, settingName } from './limits.ts';

/** Refuse too, and are no settings: how many resets a laptop bears is up to the laptop. */
const OTHERS = ['tunnelResets'] as const;

/** A bound has the name of its setting, where it is one. */
export type BoundName = LimitName | (typeof OTHERS)[number];

const NAMES: readonly BoundName[] = [...LIMIT_NAMES, ...OTHERS];

/** Milliseconds between two lines in the log about one bound. */
export const LOG_INTERVAL = 10_000;

interface Tally {
  total: number;
  /** Since the last line in the log. */
  untold: number;
  /** Of the newest one since then. */
  fields: LogFields | undefined;
  /** Cancels its next line, or the look whether there is one to write; none while it is quiet. */
  next: CancelTimer | undefined;
}

/** Who is told that somebody was turned away, cut or held up at a bound. Costs next to nothing: floods come here. */
export interface BoundWatch {
  /** `fields`: who, for the log; only some of many are told. */
  hit(bound: BoundName, fields?: LogFields): void;
}

/** Nobody is told. */
export const unwatched: BoundWatch = { hit() {} };

/**
 * Counts what each bound has refused, and says so in the log: the first time at once, then no more than one line a
 * bound in `LOG_INTERVAL`, with the number of those in between. However much comes, the log grows by a few lines.
 */
export class Bounds implements BoundWatch {
  readonly #limits: Partial<Readonly<Record<BoundName, number>>>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #tallies = new Map<BoundName, Tally>();

  constructor(limits: Limits, clock: Clock, log: Logger) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
    for (const name of NAMES) this.#tallies.set(name, { total: 0, untold: 0, fields: undefined, next: undefined });
  }

  hit(bound: BoundName, fields?: LogFields): void {
    const tally = this.#tallies.get(bound);
    if (tally === undefined) return;
    tally.total++;
    tally.untold++;
    tally.fields = fields;
    // At once, but not within the refusal itself: a flood has work to do before the log does.
    tally.next ??= this.#clock.setTimeout(() => this.#look(bound, tally), 0);
  }

  /** Refusals since the start, by the bound's name as operators write it. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#tallies].map(([name, { total }]) => [settingName(name), total]));
  }

  /** Says what is still unsaid, and no more afterwards. */
  close(): void {
    for (const [bound, tally] of this.#tallies) {
      tally.next?.();
      tally.next = () => {};
      if (tally.untold > 0) this.#tell(bound, tally);
    }
  }

  #look(bound: BoundName, tally: Tally): void {
    tally.next = undefined;
    if (tally.untold === 0) return;
    this.#tell(bound, tally);
    tally.next = this.#clock.setTimeout(() => this.#look(bound, tally), LOG_INTERVAL);
  }

  #tell(bound: BoundName, tally: Tally): void {
    const { untold: refused, total, fields } = tally;
    tally.untold = 0;
    tally.fields = undefined;
    const limit = this.#limits[bound];
    this.#log.warn('a bound was reached', { bound: settingName(bound), limit, refused, total, ...fields });
  }
}
