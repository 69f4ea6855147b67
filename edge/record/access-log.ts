import type { z } from 'zod';
import type { LogPage, LogStats, logQuerySchema, logStatsQuerySchema } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';

/** Whose records somebody may see: those of these services, and those that this agent answered. */
export interface LogScope {
  readonly agentId: string;
  readonly serviceIds: readonly string[];
}

export type LogFilter = z.output<typeof logQuerySchema>;
export type StatsQuery = z.output<typeof logStatsQuerySchema>;

/** New records for one listener, oldest first. */
export interface TailBatch {
  readonly records: readonly AccessRecord[];
  /** Matching records left out since the batch before, because there were too many. */
  readonly dropped: number;
}

/** Where requests are noted down. Costs the caller next to nothing and never fails: what can't be kept is counted. */
export interface AccessSink {
  record(record: AccessRecord): void;
}

/** What records are chosen by as they come. */
export type RecordHead = Pick<AccessRecord, 'serviceId' | 'agentId'>;

/** The access log, for reading. */
export interface AccessLog {
  /** A page of records in the order they were noted, newest first. Fails with `busy` or a `data_*` failure. */
  query(scope: LogScope, filter: LogFilter): Promise<Result<LogPage, Failure>>;
  /** Counts over time, of at most 120 stretches. Fails as `query` does. */
  stats(scope: LogScope, query: StatsQuery): Promise<Result<LogStats, Failure>>;
  /**
   * Calls `listener` with new records that `wants` takes, at most 4 times a second and 200 records a time. `wants`
   * is asked for every record, so it must be quick. Returns how to stop.
   */
  tail(wants: (record: RecordHead) => boolean, listener: (batch: TailBatch) => void): () => void;
}

/** How many records, and of when. */
export interface RecordSpan {
  readonly count: number;
  /** When they began, milliseconds since the epoch, and when the last of them was over. */
  readonly oldest: number;
  readonly newest: number;
  readonly ended: number;
}

/** Records on their way between processes and threads, as `RecordPacker` packs them. */
export interface PackedRecords extends RecordSpan {
  /** A JSON array of the texts that occur in them. */
  readonly texts: string;
  readonly rows: Uint8Array;
}

/** What became of the records since the start. */
export interface RecordCounts {
  readonly written: number;
  /** Not kept: the writer was behind, the disk was full. */
  readonly dropped: number;
  /** On their way. */
  readonly queued: number;
}

export interface Recorder extends AccessSink, AccessLog {
  /** Notes down what another process has gathered (`RecordPacker`); `done` is called when it is written, or given up. */
  recordPacked(packed: PackedRecords, done: () => void): void;
  counts(): RecordCounts;
  /** Writes what is on its way, then ends the writer. Idempotent. */
  close(): Promise<void>;
}
