import { useId } from 'react';
import type { LogStats } from '../../shared/contract/control-api.ts';
import { t } from '../strings/strings.ts';

/** One kind of value over time. */
export interface Series {
  readonly name: string;
  /** Classes that colour it: `fill-…` for bars, `stroke-…` for lines, `bg-…` for its key. */
  readonly ink: string;
  readonly key: string;
  /** A value for each point; undefined where there is none. */
  readonly values: readonly (number | undefined)[];
}

interface ChartProps {
  readonly title: string;
  readonly stats: LogStats;
  readonly series: readonly Series[];
  /** Bars that stand on each other, or a line each. */
  readonly shape: 'bars' | 'lines';
  readonly format: (value: number) => string;
  readonly formatTime: (time: number) => string;
}

const HEIGHT = 100;

/** The highest value: of the bars on each other, or of any line. */
export function highest(series: readonly Series[], shape: ChartProps['shape'], count: number): number {
  let most = 0;
  for (let i = 0; i < count; i++) {
    const values = series.map(({ values }) => values[i] ?? 0);
    most = Math.max(most, shape === 'bars' ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values));
  }
  return most;
}

/** Lines between the points that have a value; a point between two that have none is a short stroke. */
export function linePath(values: readonly (number | undefined)[], most: number): string {
  let path = '';
  let drawing = false;
  for (const [i, value] of values.entries()) {
    if (value === undefined || most <= 0) {
      drawing = false;
      continue;
    }
    const y = (HEIGHT * (1 - value / most)).toFixed(2);
    path += drawing ? `L${i + 0.5} ${y}` : `M${i + 0.2} ${y}H${i + 0.8}`;
    drawing = true;
  }
  return path;
}

/** For each of the series one path with all its bars, each on top of those of the series before. */
export function barPaths(series: readonly Series[], most: number, count: number): readonly string[] {
  const tops = new Array<number>(count).fill(HEIGHT);
  return series.map(({ values }) => {
    let path = '';
    for (const [i, top] of tops.entries()) {
      const height = most <= 0 ? 0 : (HEIGHT * (values[i] ?? 0)) / most;
      if (height <= 0) continue;
      tops[i] = top - height;
      path += `M${i + 0.1} ${top.toFixed(2)}h.8V${(top - height).toFixed(2)}h-.8Z`;
    }
    return path;
  });
}

const Key = ({ series }: { readonly series: readonly Series[] }) => (
  <ul className="flex flex-wrap gap-x-4 gap-y-1 text-12 text-muted">
    {series.map(({ name, key }) => (
      <li key={name} className="flex items-center gap-1.5">
        <span aria-hidden="true" className={`size-2.5 shrink-0 rounded-full border border-edge ${key}`} />
        {name}
      </li>
    ))}
  </ul>
);

/** Values over time as a picture, which says in words what it shows; the table below the charts has the figures. */
export function Chart({ title, stats, series, shape, format, formatTime }: ChartProps) {
  const id = useId();
  const { points, until } = stats;
  const count = points.length;
  const most = highest(series, shape, count);
  const paths = shape === 'bars' ? barPaths(series, most, count) : series.map(({ values }) => linePath(values, most));
  const from = formatTime(points[0]?.time ?? until);
  const to = formatTime(until);
  return (
    <figure className="flex min-w-0 flex-col gap-2 rounded-8 border border-line bg-surface p-4">
      <figcaption className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h2 className="text-15 font-semibold">{title}</h2>
        <span className="tabular text-12 text-muted">{t.log.chart.most(format(most))}</span>
      </figcaption>
      <svg
        role="img"
        aria-labelledby={`${id}-title ${id}-said`}
        viewBox={`0 0 ${Math.max(1, count)} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="forced-shape h-32 w-full border-b border-edge"
      >
        <title id={`${id}-title`}>{title}</title>
        <desc id={`${id}-said`}>{t.log.chart.said(title, from, to, format(most))}</desc>
        <line
          x1={0}
          x2={count}
          y1={HEIGHT / 2}
          y2={HEIGHT / 2}
          className="stroke-line"
          vectorEffect="non-scaling-stroke"
        />
        {series.map(({ name, ink }, i) => (
          <path
            key={name}
            d={paths[i]}
            fill="none"
            strokeWidth={shape === 'bars' ? 0 : 2}
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
            className={ink}
          />
        ))}
        {points.map((point, i) => (
          <rect key={point.time} x={i} width={1} y={0} height={HEIGHT} className="fill-transparent">
            <title>
              {[
                formatTime(point.time),
                ...series.map(({ name, values }) => {
                  const value = values[i];
                  return `${name}: ${value === undefined ? t.log.noStatus : format(value)}`;
                }),
              ].join('\n')}
            </title>
          </rect>
        ))}
      </svg>
      <div className="tabular flex justify-between text-12 text-muted" aria-hidden="true">
        <span>{from}</span>
        <span>{to}</span>
      </div>
      {series.length > 1 && <Key series={series} />}
    </figure>
  );
}
