import type { AccessRecord } from '../../shared/domain/access-record.ts';

/** Plain counters of what visitors were answered, for the metrics. */
export class RequestCounts {
  requests = 0;
  /** By hundreds of the status; the first counts visitors who left before an answer. */
  readonly #classes = [0, 0, 0, 0, 0, 0];

  /** Counts a request that is complete, or an upgrade when it opens. */
  count(record: AccessRecord): void {
    if (record.kind === 'close') return;
    this.requests++;
    const at = Math.min(5, Math.max(0, Math.floor(record.status / 100)));
    this.#classes[at] = (this.#classes[at] ?? 0) + 1;
  }

  responses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#classes.map((count, at) => [at === 0 ? 'none' : `${at}xx`, count]));
  }
}
