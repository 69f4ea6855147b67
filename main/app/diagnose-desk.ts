import type { Diagnosis } from '../../shared/contract/diagnosis.ts';
import type { Clock } from '../../shared/node/clock.ts';
import { diagnose, type Probes } from './diagnose.ts';

/** Keeps the last diagnosis; at most one runs at a time, and who asks meanwhile gets that one. */
export class DiagnoseDesk {
  readonly #probes: () => Probes;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #closing = new AbortController();
  #running: Promise<Diagnosis> | undefined;
  #last: Diagnosis | undefined;

  constructor(probes: () => Probes, clock: Clock, onChange: () => void) {
    this.#probes = probes;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get last(): Diagnosis | undefined {
    return this.#last;
  }

  run(): Promise<Diagnosis> {
    this.#running ??= diagnose(this.#probes(), this.#clock, (now) => this.#show(now), this.#closing.signal).finally(
      () => {
        this.#running = undefined;
      },
    );
    return this.#running;
  }

  /** What was found in another cluster says nothing any more. */
  forget(): void {
    if (this.#running === undefined) this.#show(undefined);
  }

  close(): void {
    this.#closing.abort();
  }

  #show(diagnosis: Diagnosis | undefined): void {
    this.#last = diagnosis;
    this.#onChange();
  }
}
