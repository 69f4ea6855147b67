import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';
import { t } from '../strings/strings.ts';
import { formatDuration, formatExact, formatWhen } from '../time/format.ts';

/** Columns of the log; service and duration give way where the list (not the window) is narrower than 640 px. */
export const COLUMNS =
  'grid grid-cols-[40px_48px_minmax(0,1fr)_56px] items-center gap-x-3 px-3 @min-[640px]:px-4 @min-[640px]:grid-cols-[40px_64px_minmax(0,3fr)_minmax(0,1fr)_76px_60px]';

/** What a line is about: the path that was asked for, or the name that was connected to. */
export const subjectOf = (record: AccessRecord): string => (isPassage(record) ? record.host : record.path);

/** The method, or what stands in its place. */
export const verbOf = (record: AccessRecord): string =>
  isPassage(record) ? record.protocol.toUpperCase() : record.method;

const statusInk = ({ protocol, status, failure }: AccessRecord): string => {
  if (isPassage({ protocol })) return failure === undefined ? 'text-muted' : 'text-warn';
  if (status >= 500) return 'text-bad';
  if (status >= 400 || status === 0) return 'text-warn';
  return 'text-text';
};

const statusOf = ({ protocol, status }: AccessRecord): string | number => {
  if (isPassage({ protocol })) return t.log.noStatus;
  return status === 0 ? t.log.left : status;
};

interface LogRowProps {
  readonly record: AccessRecord;
  readonly service: string;
  readonly now: number;
}

/** The cells of one line, 32 px high. */
export const LogCells = ({ record, service, now }: LogRowProps) => (
  <>
    <span className={`tabular font-semibold ${statusInk(record)}`}>{statusOf(record)}</span>
    <span className="truncate font-mono text-12">{verbOf(record)}</span>
    <span className="truncate font-mono text-12" title={subjectOf(record)}>
      {subjectOf(record)}
      {record.kind !== 'request' && (
        <span className="ml-2 font-sans text-muted">
          {record.kind === 'connection' && record.failure !== undefined ? record.failure : t.log.kind[record.kind]}
        </span>
      )}
    </span>
    <span className="hidden truncate text-muted @min-[640px]:block" title={service}>
      {service}
    </span>
    <span className="tabular hidden text-right @min-[640px]:block">
      {record.kind === 'open' ? '' : formatDuration(record.duration)}
    </span>
    <span className="tabular text-right whitespace-nowrap text-muted" title={formatExact(record.time)}>
      {formatWhen(record.time, now)}
    </span>
  </>
);
