import { type KeyboardEvent, useEffect, useId, useRef } from 'react';
import type { ExchangeSummary } from '../../shared/contract/inspect.ts';
import { stepFrom } from '../log/step.ts';
import { t } from '../strings/strings.ts';
import { formatBytes, formatDuration, formatExact, formatWhen } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';

const COLUMNS =
  'grid min-h-8 grid-cols-[40px_60px_minmax(0,1fr)_64px] items-center gap-x-3 px-3 @min-[640px]:grid-cols-[40px_72px_minmax(0,3fr)_minmax(0,1fr)_72px_76px_60px] @min-[640px]:px-4';
const WIDE = 'hidden @min-[640px]:block';

const inkOf = ({ status = 0 }: ExchangeSummary): string =>
  status >= 500 ? 'text-bad' : status >= 400 ? 'text-warn' : status === 0 ? 'text-muted' : 'text-text';

/** What kind of exchange it is, where that needs saying. */
export function noteOf({ state, replayOf, edited }: ExchangeSummary): string {
  const notes = [
    ...(replayOf === undefined ? [] : [edited === true ? t.inspector.edited : t.inspector.replayed]),
    ...(state === 'done' ? [] : [t.inspector[state]]),
  ];
  return notes.join(', ');
}

function Cells({ exchange, service, now }: { exchange: ExchangeSummary; service: string; now: number }) {
  const note = noteOf(exchange);
  return (
    <>
      <span className={`tabular font-semibold ${inkOf(exchange)}`}>{exchange.status ?? t.log.noStatus}</span>
      <span className="truncate font-mono text-12">{exchange.method}</span>
      <span className="flex min-w-0 items-baseline gap-2">
        <span className="truncate font-mono" title={exchange.path}>
          {exchange.path}
        </span>
        {note !== '' && <span className="hidden shrink-0 text-12 text-muted @min-[480px]:inline">{note}</span>}
      </span>
      <span className={`${WIDE} truncate text-muted`} title={service}>
        {service}
      </span>
      <span className={`${WIDE} tabular text-right`}>{formatBytes(exchange.responseBytes)}</span>
      <span className={`${WIDE} tabular text-right`}>
        {exchange.duration === undefined ? '' : formatDuration(exchange.duration)}
      </span>
      <span className="tabular text-right whitespace-nowrap text-muted" title={formatExact(exchange.time)}>
        {formatWhen(exchange.time, now)}
      </span>
    </>
  );
}

interface ListProps {
  readonly exchanges: readonly ExchangeSummary[];
  readonly names: ReadonlyMap<string, string>;
  readonly chosen: number | undefined;
  readonly onChoose: (id: number | undefined) => void;
  /** The reader is further down. */
  readonly onScrolled: (scrolled: boolean) => void;
}

/** At most two hundred rows, newest first. */
export function ExchangeList({ exchanges, names, chosen, onChoose, onScrolled }: ListProps) {
  const listId = useId();
  const now = useNow(5000);
  const list = useRef<HTMLDivElement>(null);
  const index = exchanges.findIndex(({ id }) => id === chosen);
  useEffect(() => {
    if (chosen !== undefined) document.getElementById(`${listId}-${chosen}`)?.scrollIntoView({ block: 'nearest' });
  }, [listId, chosen]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') onChoose(undefined);
    const next = stepFrom(event.key, index, exchanges.length, 10);
    const exchange = next === undefined ? undefined : exchanges[next];
    if (exchange === undefined) return;
    event.preventDefault();
    onChoose(exchange.id);
  };
  return (
    <>
      <div
        aria-hidden="true"
        className={`${COLUMNS} shrink-0 overflow-hidden border-b border-line text-12 text-muted [scrollbar-gutter:stable]`}
      >
        <span>{t.log.columns.status}</span>
        <span>{t.log.columns.method}</span>
        <span>{t.log.columns.path}</span>
        <span className={WIDE}>{t.log.columns.service}</span>
        <span className={`${WIDE} text-right`}>{t.inspector.size}</span>
        <span className={`${WIDE} text-right`}>{t.log.columns.duration}</span>
        <span className="text-right">{t.log.columns.time}</span>
      </div>
      <div
        ref={list}
        role="listbox"
        aria-label={t.inspector.list}
        aria-activedescendant={index < 0 ? undefined : `${listId}-${chosen}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={(event) => onScrolled(event.currentTarget.scrollTop > 16)}
        className="min-h-0 flex-1 overflow-y-auto rounded-b-8 -outline-offset-2 [scrollbar-gutter:stable]"
      >
        {exchanges.map((exchange) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys
          <div
            key={exchange.id}
            id={`${listId}-${exchange.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={exchange.id === chosen}
            onClick={() => {
              onChoose(exchange.id);
              list.current?.focus({ preventScroll: true });
            }}
            className={`${COLUMNS} cursor-default text-13 hover:bg-sunken aria-selected:bg-accent-soft`}
          >
            <Cells exchange={exchange} service={names.get(exchange.serviceId) ?? t.log.removedService} now={now} />
          </div>
        ))}
      </div>
    </>
  );
}
