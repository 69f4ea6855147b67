import type { TargetReports } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import { problemOf } from '../../shared/wire/reset-meaning.ts';
import type { AllowList } from './allow-list.ts';
import type { PortFinder } from './local-ports.ts';
import type { DialSignal, OriginConnection, OriginDialler, OriginRefusal } from './origin.ts';
import {
  type DialOutcome,
  dialKey,
  type HealthFacts,
  ownTargets,
  type TargetHolder,
  targetProblems,
  targetsToCheck,
} from './target-health.ts';

/** Milliseconds between two looks while a target has a problem. */
const INTERVAL = 15_000;
/** Milliseconds that changes are collected for before they are acted on. */
const SETTLE = 50;
/** Milliseconds until a report that did not get through is sent again. */
const RESEND = 5_000;
/** Looks at once. */
const PARALLEL = 8;

export interface TargetWatchOptions {
  readonly agentId: string;
  readonly allowed: AllowList;
  readonly ports: PortFinder;
  readonly origin: OriginDialler;
  readonly put: (reports: TargetReports) => Promise<Result<null, Failure>>;
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Knows how this agent's targets are, and tells the edge. */
export interface TargetWatch {
  readonly problems: TargetReports['problems'];
  /** Dials for a visitor, and remembers how it went. */
  dial(target: OpenRequest, signal: DialSignal): Promise<Result<OriginConnection, OriginRefusal>>;
  setServices(services: readonly TargetHolder[]): void;
  /** Whether the edge listens. Once it does again everything is reported anew, since it may have forgotten. */
  setEdgeOpen(open: boolean): void;
  /** The tunnel is back: what the edge knew of this agent's targets went with the last one. */
  reportAnew(): void;
}

/** Watches until `options.signal` aborts. Knows no services at first. */
export function createTargetWatch(options: TargetWatchOptions): TargetWatch {
  return new Watch(options);
}

class Watch implements TargetWatch {
  readonly #options: TargetWatchOptions;
  readonly #outcomes = new Map<string, DialOutcome>();
  #services: readonly TargetHolder[] = [];
  #problems: TargetReports['problems'] = [];
  /** What the edge was told last; undefined when it has to be told. */
  #told: string | undefined;
  /** Grows whenever the edge may have forgotten, so that a report sent before is not taken for one after. */
  #epoch = 0;
  #edgeOpen = false;
  #busy = false;
  #again = false;
  #cancel: CancelTimer | undefined;

  constructor(options: TargetWatchOptions) {
    this.#options = options;
    const stop = [options.allowed.onChange(() => this.#soon()), options.ports.onChange(() => this.#soon())];
    options.signal.addEventListener(
      'abort',
      () => {
        this.#cancel?.();
        for (const end of stop) end();
      },
      { once: true },
    );
  }

  get problems(): TargetReports['problems'] {
    return this.#problems;
  }

  async dial(target: OpenRequest, signal: DialSignal): Promise<Result<OriginConnection, OriginRefusal>> {
    const before = this.#outcomes.get(dialKey(target));
    const dialled = await this.#options.origin.dial(target, signal);
    this.#remember(target, dialled);
    // The edge has seen a failed dial itself; what it can't know is that the problem is over.
    if (this.#outcomes.get(dialKey(target)) !== before) this.#soon();
    return dialled;
  }

  setServices(services: readonly TargetHolder[]): void {
    this.#services = services;
    const keys = new Set(ownTargets(this.#options.agentId, services).map(({ open }) => dialKey(open)));
    for (const key of this.#outcomes.keys()) if (!keys.has(key)) this.#outcomes.delete(key);
    this.#soon();
  }

  setEdgeOpen(open: boolean): void {
    this.#edgeOpen = open;
    this.reportAnew();
  }

  reportAnew(): void {
    this.#told = undefined;
    this.#epoch += 1;
    if (this.#edgeOpen) this.#soon();
  }

  /** Only targets of services are remembered, so that what the edge asks for can't grow the map. */
  #remember(target: OpenRequest, dialled: Result<OriginConnection, OriginRefusal>): void {
    const key = dialKey(target);
    if (!this.#outcomes.has(key) && !this.#isOwn(key)) return;
    const problem = dialled.ok ? 'fine' : problemOf(dialled.error.code);
    if (problem === 'origin_not_allowed') {
      // That one service may not reach the place says nothing of how others find it.
      if (!this.#options.allowed.isAllowed({ ...target, service: undefined })) this.#outcomes.delete(key);
    } else if (problem !== undefined) this.#outcomes.set(key, problem);
  }

  #isOwn(key: string): boolean {
    return ownTargets(this.#options.agentId, this.#services).some(({ open }) => dialKey(open) === key);
  }

  #soon(delay: number = SETTLE): void {
    if (this.#options.signal.aborted) return;
    this.#again = true;
    if (this.#busy) return;
    this.#cancel?.();
    this.#cancel = this.#options.clock.setTimeout(() => void this.#look(), delay);
  }

  async #look(): Promise<void> {
    this.#busy = true;
    this.#again = false;
    await this.#check();
    if (this.#options.signal.aborted) return;
    const reports = targetProblems(this.#facts());
    if (JSON.stringify(reports.problems) !== JSON.stringify(this.#problems)) {
      this.#problems = reports.problems;
      this.#options.onChange();
    }
    const told = await this.#report(reports);
    this.#busy = false;
    if (this.#again) this.#soon();
    else if (!told) this.#soon(RESEND);
    else if (reports.problems.length > 0) this.#soon(INTERVAL);
  }

  /** Dials what needs a look, a few at a time, and hangs up at once. */
  async #check(): Promise<void> {
    const queue = targetsToCheck(this.#facts(), this.#options.ports.ports());
    const worker = async (): Promise<void> => {
      for (let open = queue.pop(); open !== undefined; open = queue.pop()) {
        if (this.#options.signal.aborted) return;
        const dialled = await this.#options.origin.dial(open, this.#options.signal);
        this.#remember(open, dialled);
        // A reset may still arrive before the end is through.
        if (dialled.ok) dialled.value.socket.on('error', () => {}).destroy();
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, queue.length) }, worker));
  }

  /** Whether the edge knows `reports` now, or need not. */
  async #report(reports: TargetReports): Promise<boolean> {
    const text = JSON.stringify(reports);
    if (!this.#edgeOpen || text === this.#told) return true;
    const epoch = this.#epoch;
    const put = await this.#options.put(reports);
    if (put.ok && epoch === this.#epoch) this.#told = text;
    return put.ok;
  }

  #facts(): HealthFacts {
    return {
      agentId: this.#options.agentId,
      services: this.#services,
      isAllowed: (target) => this.#options.allowed.isAllowed(target),
      outcomes: this.#outcomes,
    };
  }
}
