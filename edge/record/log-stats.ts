import type { LogPoint, LogStats } from '../../shared/contract/control-api.ts';
import type { LogScope, StatsQuery } from './access-log.ts';
import { COLUMN, numberAt, type RecordTable, textAt } from './columns.ts';

/** Stretches of time in one answer at most. */
const POINTS = 120;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Stretches that people can read off an axis. */
const STRETCHES = [
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
] as const;

/**
 * Durations are counted in a histogram, 8 classes to the doubling: a percentile read off it is wrong by 4.5 in a hundred
 * at most, however many requests there were, at 1 KiB for each stretch of time that saw any.
 */
const PER_DOUBLING = 8;
/** From 1 microsecond to 12 days. */
const CLASSES = 320;

/** The class of a duration in microseconds. */
const classOf = (micros: number): number =>
  micros <= 1 ? 0 : Math.min(CLASSES - 1, Math.round(Math.log2(micros) * PER_DOUBLING));
const millisOf = (index: number): number => 2 ** (index / PER_DOUBLING) / 1000;

interface Stretch {
  requests: number;
  /** By the first digit of the status; 0 is none. */
  readonly statuses: number[];
  durations: Uint32Array | undefined;
  timed: number;
  bytesUp: number;
  bytesDown: number;
}

/** Counts records over time, one after the other in any order, in bounded memory. */
export class StatsSum {
  readonly start: number;
  readonly until: number;
  readonly #scope: LogScope;
  readonly #own: ReadonlySet<string>;
  readonly #chosen: ReadonlySet<string> | undefined;
  readonly #bucket: number;
  readonly #stretches: Stretch[];

  /** The range is widened to whole stretches at its end, and as much is left out at its beginning. */
  constructor(scope: LogScope, { service, since, until }: StatsQuery, now: number) {
    this.#scope = scope;
    this.#own = new Set(scope.serviceIds);
    this.#chosen = service === undefined ? undefined : new Set([service].flat());
    this.until = until ?? now;
    const span = Math.max(SECOND, this.until - since);
    this.#bucket = STRETCHES.find((length) => span <= length * POINTS) ?? Math.ceil(span / POINTS / DAY) * DAY;
    const count = Math.ceil(span / this.#bucket);
    this.start = Math.max(0, Math.ceil(this.until / this.#bucket) * this.#bucket - count * this.#bucket);
    this.#stretches = Array.from({ length: count }, () => ({
      requests: 0,
      statuses: [0, 0, 0, 0, 0, 0],
      durations: undefined,
      timed: 0,
      bytesUp: 0,
      bytesDown: 0,
    }));
  }

  /** Counts a record, if it is one of those asked for. */
  add(table: RecordTable, row: number): void {
    const time = numberAt(table, COLUMN.time, row);
    if (time < this.start || time > this.until || !this.#wants(table, row)) return;
    const stretch = this.#stretches[Math.floor((time - this.start) / this.#bucket)];
    if (stretch === undefined) return;
    const kind = textAt(table, COLUMN.kind, row);
    const protocol = textAt(table, COLUMN.protocol, row);
    const direct = protocol === 'tcp' || protocol === 'tls' || protocol === 'udp';
    // What is logged when it opens and when it ends is counted once; its bytes are known at the end.
    const counts = direct ? kind === 'connection' : kind !== 'close';
    if (counts) {
      stretch.requests++;
      const digit = direct ? 0 : Math.floor(numberAt(table, COLUMN.status, row) / 100);
      stretch.statuses[digit] = (stretch.statuses[digit] ?? 0) + 1;
    }
    stretch.bytesUp += numberAt(table, COLUMN.bytesUp, row);
    stretch.bytesDown += numberAt(table, COLUMN.bytesDown, row);
    // How long a connection was held says nothing of how fast the service is.
    if (kind !== 'request') return;
    stretch.durations ??= new Uint32Array(CLASSES);
    const index = classOf(numberAt(table, COLUMN.duration, row));
    stretch.durations[index] = (stretch.durations[index] ?? 0) + 1;
    stretch.timed++;
  }

  /** The sums so far. `countedFrom`: where counting had to end. */
  result(countedFrom?: number): LogStats {
    return {
      bucket: this.#bucket,
      until: this.until,
      points: this.#stretches.map((stretch, i) => pointOf(stretch, this.start + i * this.#bucket)),
      ...(countedFrom === undefined ? {} : { countedFrom }),
    };
  }

  #wants(table: RecordTable, row: number): boolean {
    const service = textAt(table, COLUMN.serviceId, row);
    if (this.#chosen !== undefined && (service === undefined || !this.#chosen.has(service))) return false;
    const own = service !== undefined && this.#own.has(service);
    return own || textAt(table, COLUMN.agentId, row) === this.#scope.agentId;
  }
}

function pointOf(stretch: Stretch, time: number): LogPoint {
  const { requests, statuses, durations, timed, bytesUp, bytesDown } = stretch;
  const [, info = 0, success = 0, redirect = 0, clientError = 0, serverError = 0] = statuses;
  return {
    time,
    requests,
    ok: info + success,
    redirect,
    clientError,
    serverError,
    ...(durations === undefined
      ? {}
      : { p50: percentile(durations, timed, 0.5), p95: percentile(durations, timed, 0.95) }),
    bytesUp,
    bytesDown,
  };
}

/** The duration (ms) that `part` of the `count` requests did not exceed, to the class. */
function percentile(durations: Uint32Array, count: number, part: number): number {
  const rank = Math.max(1, Math.ceil(count * part));
  let seen = 0;
  for (const [index, n] of durations.entries()) {
    seen += n;
    if (seen >= rank) return millisOf(index);
  }
  return 0;
}
