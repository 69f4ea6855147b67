import type { ExchangeTiming } from '../../shared/contract/inspect.ts';
import { t } from '../strings/strings.ts';
import { formatDuration } from '../time/format.ts';
import { type TimingPart, timingParts } from './timing.ts';

const FILL: Record<TimingPart['name'], string> = {
  connect: 'bg-muted',
  send: 'bg-edge',
  wait: 'bg-accent',
  receive: 'bg-line',
};

const words = t.inspector.timing;

/** Where the time of an exchange went, as a bar and in numbers. */
export function TimingView({ timing }: { readonly timing: ExchangeTiming }) {
  const parts = timingParts(timing);
  if (parts.length === 0) return <p className="text-13 text-muted">{words.none}</p>;
  return (
    <div className="flex flex-col gap-2">
      <div aria-hidden="true" className="forced-bar flex h-3 gap-px overflow-hidden rounded-8">
        {parts.map(({ name, ms }) => (
          <span key={name} className={`min-w-0.5 ${FILL[name]}`} style={{ flexGrow: ms }} />
        ))}
      </div>
      <ul className="tabular grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 text-13">
        {parts.map(({ name, ms }) => (
          <li key={name} className="contents">
            <span className="flex items-center gap-2">
              <span aria-hidden="true" className={`size-2.5 rounded-full border border-edge ${FILL[name]}`} />
              {words[name]}
            </span>
            <span className="text-right">{formatDuration(ms)}</span>
          </li>
        ))}
        {timing.end !== undefined && (
          <li className="contents font-semibold">
            <span>{words.total}</span>
            <span className="text-right">{formatDuration(timing.end)}</span>
          </li>
        )}
      </ul>
    </div>
  );
}
