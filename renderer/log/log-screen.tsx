import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { Button } from '../controls/button.tsx';
import { INPUT } from '../controls/field.tsx';
import { Icon } from '../controls/icons.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Problem } from '../controls/notice.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { isOpen, MAX_TEXT, NO_FILTER } from './filter.ts';
import { LogDetail } from './log-detail.tsx';
import { LogList } from './log-list.tsx';
import type { LogView } from './log-store.ts';
import { lineKey } from './merge.ts';
import { useServiceNames } from './service-names.ts';

/** Typing settles for this long (ms) before the edge is asked. */
const TYPING = 200;

function Filters({ view }: { readonly view: LogView }) {
  const { log } = usePorthole();
  const services = useMirror((mirror) => mirror.state?.services);
  const [text, setText] = useState(view.filter.text);
  const { filter } = view;
  useEffect(() => setText(filter.text), [filter.text]);
  useEffect(() => {
    if (text === filter.text) return undefined;
    const timer = window.setTimeout(() => log.setFilter({ ...filter, text }), TYPING);
    return () => window.clearTimeout(timer);
  }, [text, filter, log]);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <input
        type="search"
        value={text}
        maxLength={MAX_TEXT}
        onChange={(event) => setText(event.target.value)}
        aria-label={t.log.text}
        placeholder={t.log.text}
        className={`${INPUT} flex-[1_1_240px] md:max-w-96`}
      />
      <select
        value={filter.service}
        onChange={(event) => log.setFilter({ ...filter, service: event.target.value })}
        aria-label={t.log.service}
        className={`${INPUT} max-w-64 flex-[1_1_140px]`}
      >
        <option value="">{t.log.allServices}</option>
        {services?.map((service) => (
          <option key={service.id} value={service.id}>
            {service.name}
          </option>
        ))}
      </select>
      <Button onClick={() => log.setPaused(!view.paused)}>
        <Icon name={view.paused ? 'play' : 'pause'} />
        {view.paused ? t.log.resume : t.log.pause}
      </Button>
    </div>
  );
}

function Nothing({ view }: { readonly view: LogView }) {
  const { log } = usePorthole();
  if (view.failure !== undefined) return null;
  if (!view.known) return view.loading ? <Skeleton rows={8} label={t.common.loading} /> : null;
  const open = isOpen(view.filter);
  return (
    <div className="flex flex-col items-start gap-2 p-4">
      <p className="text-18 font-semibold">{open ? t.log.empty : t.log.noMatch}</p>
      {open ? (
        <p className="text-muted">{t.log.emptyBody}</p>
      ) : (
        <Button onClick={() => log.setFilter(NO_FILTER)}>{t.log.clear}</Button>
      )}
    </div>
  );
}

/** Reads the newest page when the screen opens, and again after the connection was away. */
function useFreshLog(): void {
  const { log } = usePorthole();
  const online = useMirror((mirror) => mirror.connection === 'open');
  useEffect(() => {
    if (online) void log.refresh();
  }, [online, log]);
}

/** Access log: who is knocking? */
export function LogScreen() {
  const { log } = usePorthole();
  const view = useStore(log.store);
  const names = useServiceNames();
  const [chosen, setChosen] = useState<AccessRecord | undefined>(undefined);
  useFreshLog();
  const content = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setChosen(undefined);
    // The button that was pressed goes away; the list takes the keyboard on.
    content.current?.querySelector<HTMLElement>('[role="listbox"]')?.focus({ preventScroll: true });
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 px-4 py-4 md:px-6 md:py-6 lg:px-8">
      <div className="flex flex-wrap items-baseline gap-x-4">
        <h1 className="text-24 font-semibold md:text-32">{t.log.title}</h1>
        {view.dropped > 0 && (
          <p role="status" className="tabular text-13 font-semibold text-warn">
            {t.log.dropped(formatCount(view.dropped), view.dropped === 1)}
          </p>
        )}
      </div>
      <Filters view={view} />
      {view.failure !== undefined && (
        <div className="flex flex-wrap items-center gap-3">
          <Problem>
            {t.log.failed} {view.failure.message}
          </Problem>
          <Button onClick={() => void log.refresh()}>{t.common.tryAgain}</Button>
        </div>
      )}
      <div ref={content} className="relative flex min-h-0 flex-1 gap-4">
        <div
          hidden={view.failure !== undefined && view.lines.length === 0}
          className="@container relative flex min-h-0 min-w-0 flex-1 flex-col rounded-8 border border-line bg-surface"
        >
          {view.lines.length === 0 ? (
            <Nothing view={view} />
          ) : (
            <LogList
              view={view}
              names={names}
              chosen={chosen === undefined ? undefined : lineKey(chosen)}
              onChoose={setChosen}
            />
          )}
        </div>
        {chosen !== undefined && <LogDetail record={chosen} names={names} onClose={close} />}
      </div>
    </div>
  );
}
