import { formatDuration } from '../time/format.ts';

const FILL = { before: 'bg-muted', there: 'bg-edge', origin: 'bg-accent', back: 'bg-line' } as const;

/** One stretch of time. */
export interface Stretch {
  readonly words: string;
  /** Milliseconds. */
  readonly ms: number;
  /** Where it was spent: before the way, on the way there, at the origin, on the way back. */
  readonly fill: keyof typeof FILL;
}

interface BarProps {
  readonly parts: readonly Stretch[];
  /** Said where there are no parts. */
  readonly none: string;
  /** The last line; absent while the end is not known. */
  readonly total: { readonly words: string; readonly ms: number } | undefined;
}

/** Where time went, as a bar and in numbers. */
export function TimeBar({ parts, none, total }: BarProps) {
  if (parts.length === 0) return <p className="text-13 text-muted">{none}</p>;
  const whole = parts.reduce((sum, { ms }) => sum + ms, 0);
  return (
    <div className="flex flex-col gap-2">
      <div aria-hidden="true" className="forced-bar flex h-3 gap-px overflow-hidden rounded-8">
        {parts.map(({ words, ms, fill }) => (
          // As shares: what grows by less than 1 in all leaves a part of the bar empty.
          <span key={words} className={`min-w-0.5 ${FILL[fill]}`} style={{ flexGrow: ms / whole }} />
        ))}
      </div>
      <ul className="tabular grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 text-13">
        {parts.map(({ words, ms, fill }) => (
          <li key={words} className="contents">
            <span className="flex items-center gap-2">
              <span aria-hidden="true" className={`size-2.5 rounded-full border border-edge ${FILL[fill]}`} />
              {words}
            </span>
            <span className="text-right">{formatDuration(ms)}</span>
          </li>
        ))}
        {total !== undefined && (
          <li className="contents font-semibold">
            <span>{total.words}</span>
            <span className="text-right">{formatDuration(total.ms)}</span>
          </li>
        )}
      </ul>
    </div>
  );
}
