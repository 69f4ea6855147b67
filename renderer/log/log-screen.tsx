import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { Button } from '../controls/button.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Problem } from '../controls/notice.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { Charts } from './charts.tsx';
import { ExportMenu } from './export-menu.tsx';
import { isOpen, NO_FILTER } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { LogDetail } from './log-detail.tsx';
import { LogList } from './log-list.tsx';
import type { LogView } from './log-store.ts';
import { useServiceNames } from './service-names.ts';
import { Views } from './views.tsx';

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

/** The lines, and all of one of them. */
function Lines({ view }: { readonly view: LogView }) {
  const { log } = usePorthole();
  const names = useServiceNames();
  const [chosen, setChosen] = useState<AccessRecord | undefined>(undefined);
  useFreshLog();
  const content = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setChosen(undefined);
    // The button that was pressed goes away; the list takes the keyboard on, or the screen while there is no list.
    const list = content.current?.querySelector<HTMLElement>('[role="listbox"]');
    (list ?? document.getElementById('content'))?.focus({ preventScroll: true });
  };
  return (
    <>
      <FilterBar view={view} />
      {view.failure !== undefined && (
        <div className="flex flex-wrap items-center gap-3">
          <Problem>
            {t.log.failed} {sayFailure(view.failure)}
          </Problem>
          <Button onClick={() => void log.refresh()}>{t.common.tryAgain}</Button>
        </div>
      )}
      <div ref={content} className="relative flex min-h-72 flex-1 gap-4">
        <div
          hidden={view.failure !== undefined && view.lines.length === 0}
          className="@container relative flex min-h-0 min-w-0 flex-1 flex-col rounded-8 border border-line bg-surface"
        >
          {view.lines.length === 0 ? (
            <Nothing view={view} />
          ) : (
            <LogList view={view} names={names} chosen={chosen} onChoose={setChosen} />
          )}
        </div>
        {chosen !== undefined && <LogDetail record={chosen} names={names} onClose={close} />}
      </div>
    </>
  );
}

/** Access log: who is knocking? As lines, or (`#/log/charts`) as pictures. */
export function LogScreen({ path: [what] }: { readonly path: readonly string[] }) {
  const { log } = usePorthole();
  const view = useStore(log.store);
  const shown = what === 'charts' ? 'charts' : 'lines';
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-4 py-4 md:px-6 md:py-6 lg:px-8">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="text-24 font-semibold md:text-32">{t.log.title}</h1>
        <Views shown={shown} />
        {shown === 'lines' && <ExportMenu filter={view.filter} />}
        {view.dropped > 0 && (
          <p role="status" className="tabular text-13 font-semibold text-warn">
            {t.log.dropped(formatCount(view.dropped), view.dropped === 1)}
          </p>
        )}
      </div>
      {shown === 'lines' ? <Lines view={view} /> : <Charts filter={view.filter} />}
    </div>
  );
}
