import { useEffect, useState } from 'react';
import type { LogPoint, LogStats } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { Button } from '../controls/button.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Problem } from '../controls/notice.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { sayFailure } from '../strings/failures.ts';
import { locale, t } from '../strings/strings.ts';
import { formatBytes, formatCount, formatDuration, formatMinute } from '../time/format.ts';
import { Chart, type Series } from './chart.tsx';
import type { LogFilter } from './filter.ts';
import { ServiceSelect } from './filter-bar.tsx';

const words = t.log.chart;
const HOUR = 3_600_000;
const RANGES = { quarter: HOUR / 4, hour: HOUR, day: 24 * HOUR, week: 168 * HOUR } as const;
type Range = keyof typeof RANGES;
const RANGE_NAMES = ['quarter', 'hour', 'day', 'week'] as const satisfies readonly Range[];
/** The charts are read again this often (ms), and less often where a point stands for longer. */
const AGAIN = 10_000;

interface Read {
  readonly stats: LogStats | undefined;
  readonly failure: Failure | undefined;
  readonly again: () => void;
}

/** The counts of a service over a time, kept fresh while somebody can see them. */
function useStats(service: string, range: Range): Read {
  const { transport } = usePorthole();
  const online = useMirror((mirror) => mirror.connection === 'open');
  const [read, setRead] = useState<{ stats?: LogStats; failure?: Failure; of: string }>({ of: '' });
  const [round, setRound] = useState(0);
  const of = `${service} ${range}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads again
  useEffect(() => {
    if (!online) return undefined;
    let over = false;
    let timer: number | undefined;
    const load = async (): Promise<void> => {
      const since = Date.now() - RANGES[range];
      const reply = await transport.call('log:stats', { since, ...(service === '' ? {} : { service }) });
      if (over) return;
      setRead(reply.ok ? { stats: reply.value, of } : { failure: reply.error, of });
      if (reply.ok) timer = window.setTimeout(next, Math.max(AGAIN, reply.value.bucket / 4));
    };
    // Nobody looks at a hidden page; it reads when it is shown.
    const next = (): void => {
      if (document.hidden) document.addEventListener('visibilitychange', next, { once: true });
      else void load();
    };
    next();
    return () => {
      over = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', next);
    };
  }, [transport, online, service, range, round]);
  const own = read.of === of;
  return {
    stats: own ? read.stats : undefined,
    failure: own ? read.failure : undefined,
    again: () => setRound((n) => n + 1),
  };
}

const rate = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const formatRate = (value: number): string => words.perSecond(rate.format(value));
const formatByteRate = (value: number): string => words.perSecond(formatBytes(Math.round(value)));
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Seconds that a point stands for: the last one is still under way. */
const secondsOf = ({ bucket, until }: LogStats, { time }: LogPoint): number =>
  Math.max(1000, Math.min(bucket, until - time)) / 1000;

/** What the charts show, from the counts. */
export function seriesOf(
  stats: LogStats,
): Readonly<Record<'rate' | 'status' | 'duration' | 'bytes', readonly Series[]>> {
  const { points } = stats;
  const values = (of: (point: LogPoint) => number | undefined): Series['values'] => points.map(of);
  const each = (of: (point: LogPoint) => number): Series['values'] =>
    points.map((point) => of(point) / secondsOf(stats, point));
  return {
    rate: [{ name: words.rate, ink: 'fill-accent', key: 'bg-accent', values: each(({ requests }) => requests) }],
    status: [
      { name: words.ok, ink: 'fill-live', key: 'bg-live', values: values((p) => p.ok) },
      { name: words.redirect, ink: 'fill-edge', key: 'bg-edge', values: values((p) => p.redirect) },
      { name: words.clientError, ink: 'fill-warn', key: 'bg-warn', values: values((p) => p.clientError) },
      { name: words.serverError, ink: 'fill-bad', key: 'bg-bad', values: values((p) => p.serverError) },
      {
        name: words.noStatus,
        ink: 'fill-line',
        key: 'bg-line',
        values: values((p) => p.requests - p.ok - p.redirect - p.clientError - p.serverError),
      },
    ],
    duration: [
      { name: words.p50, ink: 'stroke-accent', key: 'bg-accent', values: values((p) => p.p50) },
      { name: words.p95, ink: 'stroke-warn', key: 'bg-warn', values: values((p) => p.p95) },
    ],
    bytes: [
      { name: words.down, ink: 'fill-accent', key: 'bg-accent', values: each((p) => p.bytesDown) },
      { name: words.up, ink: 'fill-edge', key: 'bg-edge', values: each((p) => p.bytesUp) },
    ],
  };
}

type Column = readonly [string, (point: LogPoint) => string];

/** The figures behind the pictures, newest first; times in which nothing came are left out. */
function Figures({ stats, formatTime }: { readonly stats: LogStats; readonly formatTime: (time: number) => string }) {
  const columns: readonly Column[] = [
    [words.requests, (p) => formatCount(p.requests)],
    ['2xx', (p) => formatCount(p.ok)],
    ['3xx', (p) => formatCount(p.redirect)],
    ['4xx', (p) => formatCount(p.clientError)],
    ['5xx', (p) => formatCount(p.serverError)],
    ['p50', (p) => (p.p50 === undefined ? t.log.noStatus : formatDuration(p.p50))],
    ['p95', (p) => (p.p95 === undefined ? t.log.noStatus : formatDuration(p.p95))],
    [words.up, (p) => formatBytes(p.bytesUp)],
    [words.down, (p) => formatBytes(p.bytesDown)],
  ];
  const rows = stats.points.filter((p) => p.requests + p.bytesUp + p.bytesDown > 0).reverse();
  return (
    <details className="rounded-8 border border-line bg-surface text-13">
      <summary className="px-4 py-3 font-semibold">{words.table}</summary>
      <section
        className="overflow-x-auto px-4 pb-4"
        aria-label={words.table}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
        tabIndex={0}
      >
        <table className="tabular w-full text-right whitespace-nowrap">
          <thead>
            <tr className="border-b border-line text-muted">
              <th scope="col" className="py-1 pr-3 text-left font-regular">
                {words.time}
              </th>
              {columns.map(([name]) => (
                <th key={name} scope="col" className="py-1 pl-3 font-regular">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((point) => (
              <tr key={point.time}>
                <th scope="row" className="py-0.5 pr-3 text-left font-regular">
                  {formatTime(point.time)}
                </th>
                {columns.map(([name, say]) => (
                  <td key={name} className="py-0.5 pl-3">
                    {say(point)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

function Pictures({ stats, range }: { readonly stats: LogStats; readonly range: Range }) {
  const formatTime = range === 'quarter' || range === 'hour' ? (time: number) => clock.format(time) : formatMinute;
  const series = seriesOf(stats);
  const same = { stats, formatTime };
  return (
    <>
      {stats.countedFrom !== undefined && (
        <p className="text-13 font-semibold text-warn">{words.counted(formatMinute(stats.countedFrom))}</p>
      )}
      <div className="grid gap-3 lg:grid-cols-2">
        <Chart {...same} title={words.rate} series={series.rate} shape="bars" format={formatRate} />
        <Chart {...same} title={words.status} series={series.status} shape="bars" format={formatCount} />
        <Chart {...same} title={words.duration} series={series.duration} shape="lines" format={formatDuration} />
        <Chart {...same} title={words.bytes} series={series.bytes} shape="bars" format={formatByteRate} />
      </div>
      <Figures stats={stats} formatTime={formatTime} />
    </>
  );
}

function Content({ read: { stats, failure, again }, range }: { readonly read: Read; readonly range: Range }) {
  if (failure !== undefined)
    return (
      <div className="flex flex-wrap items-center gap-3">
        <Problem>
          {words.failed} {sayFailure(failure)}
        </Problem>
        <Button onClick={again}>{t.common.tryAgain}</Button>
      </div>
    );
  if (stats === undefined) return <Skeleton rows={8} label={t.common.loading} />;
  if (stats.points.every(({ requests, bytesUp, bytesDown }) => requests + bytesUp + bytesDown === 0))
    return (
      <div className="flex flex-col gap-2 rounded-8 border border-line bg-surface p-4">
        <p className="text-18 font-semibold">{words.empty}</p>
        <p className="text-muted">{words.emptyBody}</p>
      </div>
    );
  return <Pictures stats={stats} range={range} />;
}

/** The access log as pictures: how much, how well, how fast, how big. */
export function Charts({ filter }: { readonly filter: LogFilter }) {
  const [range, setRange] = useState<Range>('quarter');
  const read = useStats(filter.service, range);
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <ServiceSelect filter={filter} />
        <fieldset className="flex flex-wrap gap-1">
          <legend className="sr-only">{words.range}</legend>
          {RANGE_NAMES.map((name) => (
            <Button
              key={name}
              aria-pressed={name === range}
              className="aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
              onClick={() => setRange(name)}
            >
              {words.ranges[name]}
            </Button>
          ))}
        </fieldset>
      </div>
      <section
        aria-label={t.log.charts}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
        tabIndex={0}
        className="-m-1 flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto p-1"
      >
        <Content read={read} range={range} />
      </section>
    </>
  );
}
