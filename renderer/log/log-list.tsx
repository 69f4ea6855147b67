import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';
import { COLUMNS, LogCells, LogHead } from './log-row.tsx';
import type { LogView } from './log-store.ts';
import { indexOfLine, lineKey, MAX_LINES } from './merge.ts';
import type { ServiceNames } from './service-names.ts';
import { stepFrom } from './step.ts';

const ROW = 32;
/** The next page is asked for this many rows before the end. */
const AHEAD = 40;

interface LogListProps {
  readonly view: LogView;
  readonly names: ServiceNames;
  /** The line whose details are open. */
  readonly chosen: AccessRecord | undefined;
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
 * The lines, newest first, of which only those in view exist in the page. While the reader is anywhere but at the top, has
 * a line open or the pointer over the list, new lines wait behind a button, so that nothing moves under eye or pointer.
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
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  useOlderPages(view, items.at(-1)?.index ?? 0);
  const [scrolled, setScrolled] = useState(false);
  const [under, setUnder] = useState(false);
  const reading = scrolled || under || chosen !== undefined;
  // Before the next line can come in, not some time after the page is painted.
  useLayoutEffect(() => {
    log.setReading(reading);
    // Leaving the screen ends the reading: what waited is there on return.
    return () => log.setReading(false);
  }, [log, reading]);

  const chosenIndex = chosen === undefined ? -1 : indexOfLine(lines, chosen);
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
    <div
      // A finger that has gone leaves no pointer behind.
      onPointerMove={(event) => event.pointerType !== 'touch' && setUnder(true)}
      onPointerLeave={() => setUnder(false)}
      className="flex min-h-0 flex-1 flex-col"
    >
      <LogHead />
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
                key={lineKey(record)}
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
    </div>
  );
}
