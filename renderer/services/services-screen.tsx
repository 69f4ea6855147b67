import { useCallback, useId, useRef, useState } from 'react';
import { type AgentState, offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { LetOthersIn, TryHere } from '../connection/onboarding.tsx';
import { Button } from '../controls/button.tsx';
import { INPUT } from '../controls/field.tsx';
import { Skeleton } from '../controls/late.tsx';
import { useMirror, usePorthole, useSnapshot } from '../state/porthole.tsx';
import { summarise } from '../state/summary.ts';
import { t } from '../strings/strings.ts';
import { TrustNote } from '../trust/trust-note.tsx';
import type { Fresh } from './fresh.ts';
import { PortList } from './port-list.tsx';
import { PublishForm } from './publish-form.tsx';
import { ServiceRow } from './service-row.tsx';

/** From this many services on, finding one takes a filter. */
const FILTER_FROM = 9;

/** From this many services on, what could be made public lies below the fold where the two stand under each other. */
const JUMP_FROM = 3;

const matches = (service: ServiceView, text: string): boolean =>
  `${service.name} ${service.domain} ${service.targets.map((target) => target.port).join(' ')}`
    .toLowerCase()
    .includes(text.trim().toLowerCase());

function Heading({ state, portsId }: { readonly state: AgentState; readonly portsId: string }) {
  const summary = summarise(state);
  return (
    <header className="flex flex-col gap-1">
      <h1 className="text-24 font-semibold md:text-32">{summary.title}</h1>
      {summary.body !== '' && <p className="max-w-[68ch] text-15 text-muted">{summary.body}</p>}
      {state.services.length >= JUMP_FROM && (
        <Button
          look="quiet"
          className="-ml-3 self-start lg:hidden"
          onClick={() => {
            const ports = document.getElementById(portsId);
            ports?.scrollIntoView({ block: 'start' });
            ports?.focus({ preventScroll: true });
          }}
        >
          {t.services.jumpToPorts}
        </Button>
      )}
    </header>
  );
}

interface ListProps {
  readonly state: AgentState;
  readonly online: boolean;
  readonly fresh: Fresh | undefined;
  /** The service whose share dialog is asked for by the place. */
  readonly sharing: string | undefined;
}

function ServiceList({ state, online, fresh, sharing }: ListProps) {
  const [text, setText] = useState('');
  const filtered = state.services.length >= FILTER_FROM;
  const shown = filtered
    ? state.services.filter((service) => matches(service, text) || [fresh?.id, sharing].includes(service.id))
    : state.services;
  return (
    <section aria-label={t.services.list} className="flex min-w-0 flex-col gap-3">
      {filtered && (
        <input
          type="search"
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-label={t.services.filter}
          placeholder={t.services.filter}
          className={`${INPUT} sm:max-w-72`}
        />
      )}
      <ul className="rounded-8 border border-line bg-surface">
        {shown.map((service) => (
          <ServiceRow
            key={service.id}
            service={service}
            state={state}
            online={online}
            fresh={service.id === fresh?.id ? fresh : undefined}
            sharing={service.id === sharing}
          />
        ))}
        {shown.length === 0 && <li className="p-4 text-muted">{t.services.noMatch(text)}</li>}
      </ul>
      <TrustNote state={state} online={online} />
      {state.edge.kind === 'embedded' && (
        <p className="max-w-[68ch] text-13 text-muted">
          {t.services.toReachOthers} <code className="font-mono">porthole join URL --token TOKEN</code>
        </p>
      )}
    </section>
  );
}

/** Services: what of mine is public right now, and to whom? And, beside it, what could be. */
export function ServicesScreen({ sharing }: { readonly sharing?: string | undefined }) {
  const { transport } = usePorthole();
  const state = useSnapshot();
  const connection = useMirror((mirror) => mirror.connection);
  const online = connection === 'open';
  const [fresh, setFresh] = useState<Fresh | undefined>(undefined);
  const trust = useRef<AgentState['trust']>('none');
  const portsId = useId();
  if (state !== undefined) trust.current = state.trust;
  const published = useCallback(
    async (service: ServiceView) => {
      setFresh({ id: service.id, copied: await transport.copy(offeredUrl(service.urls, trust.current)) });
    },
    [transport],
  );

  if (state === undefined || !state.servicesKnown)
    return (
      <div className="flex flex-col gap-6 p-4 md:p-6 lg:px-8">
        <h1 className="text-24 font-semibold md:text-32">{t.services.title}</h1>
        {(online || connection === 'connecting') && <Skeleton rows={4} label={t.common.loading} />}
      </div>
    );

  const empty = state.services.length === 0;
  const first = empty && state.edge.kind === 'embedded';
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="flex w-full max-w-[1240px] flex-col gap-6 px-4 py-4 md:px-6 md:py-6 lg:px-8">
        <Heading state={state} portsId={portsId} />
        <div
          className={
            empty && !first
              ? 'max-w-[720px]'
              : 'grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_minmax(320px,372px)] lg:gap-8'
          }
        >
          {!empty && <ServiceList state={state} online={online} fresh={fresh} sharing={sharing} />}
          <section aria-labelledby={portsId} className="flex min-w-0 flex-col gap-3">
            {first && <TryHere />}
            <div className="flex flex-col gap-1">
              <h2 id={portsId} tabIndex={-1} className="text-18 font-semibold">
                {t.ports.title}
              </h2>
              <p className="text-13 text-muted">{t.ports.promise}</p>
            </div>
            <PortList state={state} online={online} onPublished={published} />
            <PublishForm domain={state.edge.domain} online={online} onPublished={published} />
          </section>
          {first && <LetOthersIn online={online} />}
        </div>
      </div>
    </div>
  );
}
