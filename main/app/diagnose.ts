import type {
  Diagnosis,
  DiagnosisKind,
  DiagnosisStep,
  DiagnosisValues,
  Finding,
} from '../../shared/contract/diagnosis.ts';
import { because } from '../../shared/domain/reason.ts';
import type { Clock } from '../../shared/node/clock.ts';

/** Milliseconds that one step may take. */
export const STEP_LIMIT = 5_000;
/** Targets of this laptop that are tried, and how many at once. */
export const MOST_ORIGINS = 50;
const ORIGINS_AT_ONCE = 10;

/** What came out of one step. */
export interface Verdict {
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly finding: Finding;
  readonly values?: DiagnosisValues;
}

/** What is broken. */
export const fail = (finding: Finding, values: NonNullable<Verdict['values']> = {}): Verdict => ({
  state: 'fail',
  finding,
  values,
});

/** Looks at one thing, and gives up when `signal` says so. Never rejects. */
export type Probe = (signal: AbortSignal) => Promise<Verdict>;

export interface OriginProbe {
  /** Of the target. */
  readonly id: string;
  readonly service: string;
  /** What to say when no answer came in time. */
  readonly target: string;
  readonly look: Probe;
}

/** What there is to look at. The steps before `origins` build on one another in this order. */
export interface Probes {
  readonly proxy: Probe;
  /** Of what this laptop connects to itself: the edge, or the proxy. */
  readonly name: Probe;
  readonly port: Probe;
  readonly certificate: Probe;
  readonly clock: Probe;
  readonly credential: Probe;
  readonly tunnel: Probe;
  readonly origins: readonly OriginProbe[];
}

/** The steps that build on one another. */
const LINE = ['proxy', 'name', 'port', 'certificate', 'clock', 'credential'] as const;
const SKIPPED: Verdict = { state: 'skipped', finding: 'after_broken' };
const NEEDS_ANSWER: readonly DiagnosisKind[] = ['proxy', 'name', 'port', 'certificate'];

/** What a step that didn't end in time has found. */
const TOO_LATE: Readonly<Record<DiagnosisKind, Verdict>> = {
  proxy: { state: 'warn', finding: 'proxy_untold' },
  name: { state: 'fail', finding: 'name_unanswered' },
  port: { state: 'fail', finding: 'port_silent' },
  certificate: { state: 'fail', finding: 'certificate_failed', values: { reason: because('silent') } },
  clock: { state: 'warn', finding: 'clock_untold' },
  credential: { state: 'fail', finding: 'credential_failed', values: { reason: because('silent') } },
  tunnel: { state: 'warn', finding: 'tunnel_connecting' },
  origin: { state: 'fail', finding: 'origin_silent' },
};

/**
 * Looks along the line from this laptop to its edge, then at its own servers, and tells `report` after every step. A
 * step past a broken one of the line is skipped, since it could only fail for the same reason; the servers are looked
 * at in any case. Each step ends within `STEP_LIMIT`, the whole within nine of them. `signal` ends it early.
 */
export async function diagnose(
  probes: Probes,
  clock: Clock,
  report: (diagnosis: Diagnosis) => void,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const run = new Run(probes, clock, report, signal);
  await run.line(probes);
  await run.origins(probes.origins.slice(0, MOST_ORIGINS));
  return run.finish();
}

class Run {
  readonly #steps: DiagnosisStep[];
  readonly #clock: Clock;
  readonly #report: (diagnosis: Diagnosis) => void;
  readonly #signal: AbortSignal;
  readonly #startedAt: number;
  /** A step that the following ones need has failed. */
  #cut = false;

  constructor(probes: Probes, clock: Clock, report: (diagnosis: Diagnosis) => void, signal: AbortSignal) {
    this.#clock = clock;
    this.#report = report;
    this.#signal = signal;
    this.#startedAt = clock.now();
    const line = [...LINE, 'tunnel'] as const;
    this.#steps = [
      ...line.map((kind): DiagnosisStep => ({ id: kind, kind, state: 'waiting' })),
      ...probes.origins
        .slice(0, MOST_ORIGINS)
        .map(({ id, service }): DiagnosisStep => ({ id: `origin:${id}`, kind: 'origin', state: 'waiting', service })),
    ];
    this.#tell();
  }

  async line(probes: Probes): Promise<void> {
    for (const kind of LINE) await this.#step(kind, kind, probes[kind]);
    // What the link itself knows is worth saying even where nothing can be reached.
    await this.#look('tunnel', 'tunnel', probes.tunnel);
  }

  async origins(origins: readonly OriginProbe[]): Promise<void> {
    const left = [...origins];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift())
        await this.#look(`origin:${next.id}`, 'origin', next.look, { target: next.target });
    };
    await Promise.all(Array.from({ length: ORIGINS_AT_ONCE }, work));
  }

  finish(): Diagnosis {
    const diagnosis = { ...this.#now(), finishedAt: this.#clock.now() };
    this.#report(diagnosis);
    return diagnosis;
  }

  async #step(id: string, kind: DiagnosisKind, probe: Probe): Promise<void> {
    if (this.#cut) return this.#end(id, SKIPPED);
    const verdict = await this.#look(id, kind, probe);
    if (verdict.state === 'fail' && NEEDS_ANSWER.includes(kind)) this.#cut = true;
  }

  async #look(id: string, kind: DiagnosisKind, probe: Probe, late: Verdict['values'] = undefined): Promise<Verdict> {
    if (this.#signal.aborted) {
      this.#end(id, SKIPPED);
      return SKIPPED;
    }
    this.#put(id, { state: 'running' });
    const limit = new AbortController();
    const giveUp = (): void => limit.abort();
    this.#signal.addEventListener('abort', giveUp, { once: true });
    const slow = Promise.withResolvers<Verdict>();
    const cancel = this.#clock.setTimeout(() => {
      limit.abort();
      slow.resolve(late === undefined ? TOO_LATE[kind] : { ...TOO_LATE[kind], values: late });
    }, STEP_LIMIT);
    const verdict = await Promise.race([probe(limit.signal), slow.promise]);
    cancel();
    this.#signal.removeEventListener('abort', giveUp);
    this.#end(id, verdict);
    return verdict;
  }

  #end(id: string, { state, finding, values }: Verdict): void {
    this.#put(id, { state, finding, ...(values === undefined ? {} : { values }) });
  }

  #put(id: string, change: Partial<DiagnosisStep>): void {
    const at = this.#steps.findIndex((s) => s.id === id);
    const before = this.#steps[at];
    if (before === undefined) return;
    this.#steps[at] = { ...before, ...change };
    this.#tell();
  }

  #now(): Diagnosis {
    const broken = this.#steps.find((s) => s.state === 'fail')?.id;
    return {
      startedAt: this.#startedAt,
      steps: [...this.#steps],
      ...(broken === undefined ? {} : { broken }),
    };
  }

  #tell(): void {
    this.#report(this.#now());
  }
}
