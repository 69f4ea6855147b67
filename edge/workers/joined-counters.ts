import type { Clock } from '../../shared/node/clock.ts';
import type { MetricSources } from '../health/metrics.ts';
import type { Counters } from './protocol.ts';

/** Milliseconds that workers have to say what they counted, when somebody asks for the metrics. */
const PATIENCE = 1_000;

type Numbers = Readonly<Record<string, number>>;

/** What stays of a worker that is gone. */
type Past = Pick<Counters, 'totals' | 'responses' | 'denied' | 'refused'>;

/** Levels that are the same in every worker, not parts of a whole. */
const COMMON: ReadonlySet<string> = new Set(['services_routed', 'service_ports', 'route_revision']);

/**
 * The counters of all workers, added up. What a worker had counted when it ended stays in the totals, so that they
 * never go back.
 */
export class JoinedCounters {
  readonly #ask: (id: number) => void;
  readonly #clock: Clock;
  readonly #latest = new Map<number, Counters>();
  #gone: Past | undefined;
  /** Questions that some workers have yet to answer. */
  readonly #rounds = new Map<number, { readonly missing: Set<number>; readonly complete: () => void }>();
  #round = 0;

  /** `ask` sends the question to every worker that serves, with the number to answer under. */
  constructor(ask: (id: number) => void, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Asks the workers in `serving`; resolves when all have answered, or after a second with what is known. */
  async refresh(serving: readonly number[]): Promise<void> {
    if (serving.length === 0) return;
    const round = ++this.#round;
    await new Promise<void>((resolve) => {
      const complete = (): void => {
        cancel();
        this.#rounds.delete(round);
        resolve();
      };
      const cancel = this.#clock.setTimeout(complete, PATIENCE);
      this.#rounds.set(round, { missing: new Set(serving), complete });
      this.#ask(round);
    });
  }

  /** Worker `index` has answered question `id`. */
  take(index: number, id: number, counters: Counters): void {
    this.#latest.set(index, counters);
    const round = this.#rounds.get(id);
    round?.missing.delete(index);
    if (round?.missing.size === 0) round.complete();
  }

  /** Worker `index` is gone; what it counted stays. */
  remove(index: number): void {
    const last = this.#latest.get(index);
    this.#latest.delete(index);
    if (last === undefined) return;
    const { totals, responses, denied, refused } = last;
    const gone = this.#gone;
    this.#gone = {
      totals: gone === undefined ? totals : sum([gone.totals, totals]),
      responses: gone === undefined ? responses : sum([gone.responses, responses]),
      denied: gone === undefined ? denied : sum([gone.denied, denied]),
      refused: gone === undefined ? refused : sum([gone.refused, refused]),
    };
  }

  /** As the metrics read them; `own` is what the control process itself counts. */
  sources(own: MetricSources): MetricSources {
    const all = (): readonly Counters[] => [...this.#latest.values()];
    const gone = (): readonly Past[] => (this.#gone === undefined ? [] : [this.#gone]);
    return {
      totals: () => sum([own.totals(), ...[...all(), ...gone()].map(({ totals }) => totals)]),
      responses: () => sum([own.responses(), ...[...all(), ...gone()].map(({ responses }) => responses)]),
      denied: () => sum([own.denied(), ...[...all(), ...gone()].map(({ denied }) => denied)]),
      refused: () => sum([own.refused(), ...[...all(), ...gone()].map(({ refused }) => refused)]),
      levels: () => {
        const levels = own.levels();
        // An agent has links to all workers and is one agent.
        const { agents_connected } = levels;
        return { ...sum([levels, ...all().map((counters) => counters.levels)], COMMON), agents_connected };
      },
      certificateEnds: own.certificateEnds,
    };
  }
}

/** Adds number to number by name; of those in `common` the largest counts. */
function sum<T extends Numbers>([first, ...rest]: readonly [T, ...T[]], common: ReadonlySet<string> = new Set()): T {
  const total: Record<string, number> = { ...first };
  for (const part of rest)
    for (const [name, value] of Object.entries(part)) {
      const before = total[name] ?? 0;
      total[name] = common.has(name) ? Math.max(before, value) : before + value;
    }
  // The names are those of `first`, or of its like.
  return total as T;
}
