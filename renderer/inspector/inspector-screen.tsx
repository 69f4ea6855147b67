import { useEffect, useMemo, useRef, useState } from 'react';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { UnreadConnections } from '../../shared/contract/inspect.ts';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Notice, Problem } from '../controls/notice.tsx';
import { useMirror } from '../state/porthole.tsx';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { ExchangeDetail } from './exchange-detail.tsx';
import { ExchangeList } from './exchange-list.tsx';
import { Filters } from './filters.tsx';
import { ServiceSwitches } from './service-switches.tsx';
import { type InspectorStore, useInspector } from './use-inspector.ts';
import { type InspectorFilter, NO_FILTER, passes, shownOf } from './view.ts';

const words = t.inspector;

function Nothing({ known, filtered, onClear }: { known: boolean; filtered: boolean; onClear: () => void }) {
  const on = useMirror((mirror) => (mirror.state?.inspecting?.length ?? 0) > 0);
  if (!known) return <Skeleton rows={6} label={t.common.loading} />;
  if (filtered)
    return (
      <div className="flex flex-col items-start gap-2 p-4">
        <p className="text-18 font-semibold">{words.noMatch}</p>
        <Button onClick={onClear}>{words.clearFilter}</Button>
      </div>
    );
  return (
    <div className="flex flex-col gap-2 p-4">
      <p className="text-18 font-semibold">{on ? words.emptyTitle : words.offTitle}</p>
      <p className="max-w-[68ch] text-muted">{on ? words.emptyBody : words.offBody}</p>
    </div>
  );
}

interface UnreadProps {
  readonly unread: UnreadConnections;
  readonly names: ReadonlyMap<string, string>;
}

/** What passes and isn't shown, and why. */
function Unread({ unread: { unreadable, before }, names }: UnreadProps) {
  const mute = unreadable.map((id) => names.get(id)).filter((name) => name !== undefined);
  const known = before.filter(({ serviceId }) => names.has(serviceId));
  const count = known.reduce((sum, { connections }) => sum + connections, 0);
  if (mute.length === 0 && count === 0) return null;
  return (
    <Notice tone="quiet" mark="attention">
      {mute.length > 0 && <p>{words.unreadable(mute.join(', '))}</p>}
      {count > 0 && <p>{words.before(known.map(({ serviceId }) => names.get(serviceId)).join(', '), count)}</p>}
    </Notice>
  );
}

function useNames(): ReadonlyMap<string, string> {
  const services = useMirror((mirror) => mirror.state?.services);
  return useMemo(() => new Map(services?.map(({ id, name }) => [id, name])), [services]);
}

/** What waits while the list is held. */
function News({ store, filter }: { readonly store: InspectorStore; readonly filter: InspectorFilter }) {
  const { exchanges, upTo } = store.view;
  const held = upTo === undefined ? 0 : exchanges.filter((one) => one.id > upTo && passes(one, filter)).length;
  if (held === 0) return null;
  return (
    <div className="pointer-events-none absolute inset-x-0 top-10 z-10 flex justify-center">
      <Button look="primary" className="tabular pointer-events-auto shadow-float" onClick={() => store.showNew()}>
        <Icon name="up" />
        {words.news(held)}
      </Button>
    </div>
  );
}

/** Inspector: what did they send, and what was answered? */
export function InspectorScreen({ path: [service = ''] }: { readonly path: readonly string[] }) {
  const store = useInspector();
  const { view, hold, showNew } = store;
  const online = useMirror((mirror) => mirror.connection === 'open');
  const services = useMirror((mirror) => mirror.state?.services);
  const names = useNames();
  const clear = useCall('inspector:clear');
  const [filter, setFilter] = useState<InspectorFilter>({ ...NO_FILTER, service });
  useEffect(() => setFilter((old) => ({ ...old, service })), [service]);
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [chosenId, setChosen] = useState<number | undefined>(undefined);
  useEffect(() => hold(paused || scrolled || chosenId !== undefined), [hold, paused, scrolled, chosenId]);
  const shown = shownOf(view).filter((exchange) => passes(exchange, filter));
  const chosen = view.exchanges.find(({ id }) => id === chosenId);
  const urls = services?.find(({ id }) => id === chosen?.serviceId)?.urls;
  const content = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setChosen(undefined);
    content.current?.querySelector<HTMLElement>('[role="listbox"]')?.focus({ preventScroll: true });
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-4 py-4 md:px-6 md:py-6 lg:px-8">
      <div className="flex flex-col gap-1">
        <h1 className="text-24 font-semibold md:text-32">{words.title}</h1>
        <p className="max-w-[72ch] text-13 text-muted">{words.about}</p>
      </div>
      <ServiceSwitches online={online} />
      <Unread unread={view} names={names} />
      <Filters
        filter={filter}
        onFilter={setFilter}
        methods={view.exchanges.map(({ method }) => method)}
        paused={paused}
        onPause={setPaused}
        online={online}
        onClear={() => {
          setChosen(undefined);
          void clear.run({}).then(store.refresh);
        }}
      />
      {(view.failure ?? clear.failure) !== undefined && (
        <Problem>
          {words.failed} {sayFailure(view.failure ?? clear.failure)}
        </Problem>
      )}
      <div ref={content} className="relative flex min-h-72 flex-1 gap-4">
        <div className="@container relative flex min-h-0 min-w-0 flex-1 flex-col rounded-8 border border-line bg-surface">
          <News store={store} filter={filter} />
          {shown.length === 0 ? (
            <Nothing
              known={view.known || !online}
              filtered={view.exchanges.length > 0}
              onClear={() => setFilter(NO_FILTER)}
            />
          ) : (
            <ExchangeList
              exchanges={shown}
              names={names}
              chosen={chosenId}
              onChoose={setChosen}
              onScrolled={setScrolled}
            />
          )}
        </div>
        {chosen !== undefined && (
          <ExchangeDetail
            exchange={chosen}
            origin={urls === undefined ? undefined : externalUrl(urls)}
            online={online}
            onClose={close}
            onReplayed={({ id }) => {
              showNew(id);
              setChosen(id);
            }}
          />
        )}
      </div>
    </div>
  );
}
