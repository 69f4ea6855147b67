import type { LogPage, LogStats } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { AccessFileOptions } from './access-file.ts';
import type { LogFilter, LogScope, PackedRecords, StatsQuery } from './access-log.ts';

/** Marks the thread that writes the access log: an entry file that sees it in its `workerData` runs `runWriter`. */
export const WRITER_ROLE = 'access-log-writer';

export interface WriterData extends AccessFileOptions {
  readonly role: typeof WRITER_ROLE;
}

export type ToWriter =
  | { readonly type: 'append'; readonly packed: PackedRecords }
  | { readonly type: 'query'; readonly id: number; readonly scope: LogScope; readonly filter: LogFilter }
  | {
      readonly type: 'stats';
      readonly id: number;
      readonly scope: LogScope;
      readonly query: StatsQuery;
      readonly now: number;
    }
  | { readonly type: 'close' };

export type FromWriter =
  /** A batch is done with: written, or dropped because of `failure`. */
  | { readonly type: 'appended'; readonly failure?: Failure }
  | { readonly type: 'page'; readonly id: number; readonly page: Result<LogPage, Failure> }
  | { readonly type: 'stats'; readonly id: number; readonly stats: Result<LogStats, Failure> }
  | { readonly type: 'closed' };
