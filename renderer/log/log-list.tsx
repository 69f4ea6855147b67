import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';
import { COLUMNS, LogCells } from './log-row.tsx';
import type { LogView } from './log-store.ts';
import { lineKey, MAX_LINES } from './merge.ts';
import type { ServiceNames } from './service-names.ts';
import { stepFrom } from './step.ts';

const ROW = 32;
/** The next page is asked for this many rows before the end. */
const AHEAD = 40;

interface LogListProps {
  readonly view: LogView;
  readonly names: ServiceNames;
  /** The key of the line whose details are open. */
  readonly chosen: string | undefined;
  readonly onChoose: (record: AccessRecord | undefined) => void;
}

const Foot = ({ view }: { readonly view: LogView }) => (
  <p className="px-3 py-2 text-12 text-muted @min-[640px]:px-4">
    {view.lines.length >= MAX_LINES
      ? t.log.bound(formatCount(MAX_LINES))
      : view.cursor === undefined && view.known
        ? t.log.end
        : ''}
  </p>
);

function useOlderPages(view: LogView, lastShown: number): void {
  const { log } = usePorthole();
  const near = lastShown >= view.lines.length - AHEAD;
  useEffect(() => {
    if (near && view.cursor !== undefined && view.failure === undefined) void log.older();
  }, [near, view.cursor, view.failure, log]);
}

/**
 * The lines, newest first, of which only those in view exist in the page. While the reader is anywhere but at the top, or
 * has a line open, new lines wait behind a button, so that nothing moves under the eye.
 */
export function LogList({ view, names, chosen, onChoose }: LogListProps) {
  const { log } = usePorthole();
  const scroller = useRef<HTMLDivElement>(null);
  const listId = useId();
  const now = useNow(5000);
  const { lines, held } = view;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => {
      const line = lines[index];
      return line === undefined ? index : lineKey(line);
    },
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  useOlderPages(view, items.at(-1)?.index ?? 0);
  const [scrolled, setScrolled] = useState(false);
  const reading = scrolled || chosen !== undefined;
  useEffect(() => {
    log.setReading(reading);
    // Leaving the screen ends the reading: what waited is there on return.
    return () => log.setReading(false);
  }, [log, reading]);

  const chosenIndex = chosen === undefined ? -1 : lines.findIndex((line) => lineKey(line) === chosen);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') onChoose(undefined);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 2);
    const next = stepFrom(event.key, chosenIndex, lines.length, page);
    if (next === undefined) return;
    event.preventDefault();
    onChoose(lines[next]);
    virtual.scrollToIndex(next, { align: 'auto' });
  };

  return (
    <>
      <div
        className={`${COLUMNS} min-h-8 shrink-0 overflow-hidden border-b border-line text-12 text-muted [scrollbar-gutter:stable]`}
        aria-hidden="true"
      >
        <span>{t.log.columns.status}</span>
        <span>{t.log.columns.method}</span>
        <span>{t.log.columns.path}</span>
        <span className="hidden @min-[640px]:block">{t.log.columns.service}</span>
        <span className="hidden text-right @min-[640px]:block">{t.log.columns.duration}</span>
        <span className="text-right">{t.log.columns.time}</span>
      </div>
      {held.length > 0 && (
        <div className="pointer-events-none absolute inset-x-0 top-10 z-10 flex justify-center">
          <Button
            look="primary"
            className="tabular pointer-events-auto shadow-float"
            onClick={() => {
              log.showNew();
              scroller.current?.scrollTo({ top: 0 });
            }}
          >
            <Icon name="up" />
            {t.log.news(formatCount(held.length), held.length === 1)}
          </Button>
        </div>
      )}
      <div
        ref={scroller}
        role="listbox"
        aria-label={t.log.list}
        aria-activedescendant={chosenIndex < 0 ? undefined : `${listId}-${chosenIndex}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop > ROW / 2)}
        className="min-h-0 flex-1 overflow-y-auto rounded-b-8 -outline-offset-2 [scrollbar-gutter:stable]"
      >
        <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const record = lines[item.index];
            if (record === undefined) return null;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys
              <div
                key={item.key}
                id={`${listId}-${item.index}`}
                role="option"
                tabIndex={-1}
                aria-setsize={lines.length}
                aria-posinset={item.index + 1}
                aria-selected={item.index === chosenIndex}
                onClick={() => {
                  onChoose(record);
                  scroller.current?.focus({ preventScroll: true });
                }}
                style={{ transform: `translateY(${item.start}px)`, height: ROW }}
                className={`${COLUMNS} absolute inset-x-0 top-0 cursor-default text-13 hover:bg-sunken aria-selected:bg-accent-soft`}
              >
                <LogCells record={record} service={names(record)} now={now} />
              </div>
            );
          })}
        </div>
        <Foot view={view} />
      </div>
    </>
  );
}
