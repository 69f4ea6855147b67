import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';
import { t } from '../strings/strings.ts';
import { formatDuration, formatExact, formatWhen } from '../time/format.ts';
import { codeWords, countryWords, whoOf } from './labels.ts';

/** Columns of the log; those that say less give way where the list (not the window) is narrower than 640 or 920 px. */
export const COLUMNS =
  'grid grid-cols-[40px_48px_minmax(0,1fr)_56px] items-center gap-x-3 px-3 @min-[640px]:px-4 @min-[640px]:grid-cols-[40px_64px_minmax(0,3fr)_minmax(0,1fr)_76px_60px] @min-[920px]:grid-cols-[40px_64px_minmax(0,4fr)_minmax(0,1.3fr)_52px_minmax(0,1fr)_76px_60px]';

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

/** A CrowdSec decision that is looked at and not enforced. */
export const Observed = ({ code }: { readonly code: string }) => (
  <span
    className="hidden shrink-0 rounded-8 border border-warn px-1.5 font-sans text-12 text-warn @min-[420px]:block"
    title={t.log.observedWords(codeWords(code))}
  >
    {t.log.observed}
  </span>
);

interface LogRowProps {
  readonly record: AccessRecord;
  readonly service: string;
  readonly now: number;
}

/** The cells of one line, 32 px high. */
export function LogCells({ record, service, now }: LogRowProps) {
  const { failure, observed, country, kind } = record;
  const who = whoOf(record);
  return (
    <>
      <span className={`tabular font-semibold ${statusInk(record)}`}>{statusOf(record)}</span>
      <span className="truncate font-mono text-12">{verbOf(record)}</span>
      <span className="flex min-w-0 items-center gap-2">
        <span className="truncate font-mono text-12" title={subjectOf(record)}>
          {subjectOf(record)}
        </span>
        {observed !== undefined && <Observed code={observed} />}
        {failure === undefined ? (
          kind !== 'request' && (
            <span className="hidden shrink-0 text-12 text-muted @min-[480px]:block">{t.log.kind[kind]}</span>
          )
        ) : (
          <span className="hidden max-w-1/2 shrink-0 truncate text-12 text-warn @min-[480px]:block" title={failure}>
            {codeWords(failure)}
          </span>
        )}
      </span>
      <span className="hidden truncate @min-[920px]:block" title={who}>
        {who}
      </span>
      <span className="hidden @min-[920px]:block" title={country === undefined ? undefined : countryWords(country)}>
        {country}
      </span>
      <span className="hidden truncate text-muted @min-[640px]:block" title={service}>
        {service}
      </span>
      <span className="tabular hidden text-right @min-[640px]:block">
        {kind === 'open' ? '' : formatDuration(record.duration)}
      </span>
      <span className="tabular text-right whitespace-nowrap text-muted" title={formatExact(record.time)}>
        {formatWhen(record.time, now)}
      </span>
    </>
  );
}

/** The names of the columns. */
export const LogHead = () => (
  <div
    className={`${COLUMNS} min-h-8 shrink-0 overflow-hidden border-b border-line text-12 text-muted [scrollbar-gutter:stable]`}
    aria-hidden="true"
  >
    <span>{t.log.columns.status}</span>
    <span>{t.log.columns.method}</span>
    <span>{t.log.columns.path}</span>
    <span className="hidden @min-[920px]:block">{t.log.columns.who}</span>
    <span className="hidden @min-[920px]:block">{t.log.columns.country}</span>
    <span className="hidden @min-[640px]:block">{t.log.columns.service}</span>
    <span className="hidden text-right @min-[640px]:block">{t.log.columns.duration}</span>
    <span className="text-right">{t.log.columns.time}</span>
  </div>
);
