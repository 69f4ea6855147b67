import { useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { type AgentState, offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { isProtected } from '../../shared/domain/auth.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Mark } from '../controls/mark.tsx';
import { Notice, Problem, Refusal } from '../controls/notice.tsx';
import { useMirror, useSnapshot } from '../state/porthole.tsx';
import { hrefOf } from '../state/route.ts';
import { standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { AccessTab } from './access-tab.tsx';
import { AuthTab } from './auth-tab.tsx';
import { DetailsTab } from './details-tab.tsx';
import { draftOf, protects, type ServiceDraft, sameDraft } from './draft.ts';
import { desk, discard, edit, guardUnsaved, latestOf, settle } from './drafts.ts';
import { planOf } from './patch.ts';
import { SettingsTab } from './settings-tab.tsx';

const TABS = ['details', 'auth', 'access', 'settings'] as const;
type Tab = (typeof TABS)[number];

const NO_PROBLEMS = {};

/** Which tab a field is on, so that a refusal can be found. */
function tabOf(field: string): Tab {
  if (field.startsWith('auth') || field.startsWith('header')) return 'auth';
  if (field.startsWith('access')) return 'access';
  return / (?:verify|http2|pathRewrite|connectTimeout|responseTimeout|idleTimeout|proxyProtocol|header)/.test(field)
    ? 'settings'
    : 'details';
}

function Tabs({
  id,
  current,
  marked,
}: {
  readonly id: string;
  readonly current: Tab;
  readonly marked: ReadonlySet<Tab>;
}) {
  const bar = useRef<HTMLElement>(null);
  // Where they don't all fit, the one that is open has to be in view.
  useEffect(() => {
    bar.current?.querySelector(`[data-tab="${current}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return (
    <nav ref={bar} aria-label={t.editor.tabsLabel} className="-mb-px flex gap-1 overflow-x-auto border-b border-line">
      {TABS.map((tab) => (
        <a
          key={tab}
          data-tab={tab}
          href={hrefOf('services', id, tab)}
          aria-current={tab === current ? 'page' : undefined}
          className="flex min-h-11 items-center gap-2 border-b-2 border-transparent px-3 text-15 whitespace-nowrap text-muted hover:text-text aria-[current=page]:border-accent aria-[current=page]:font-semibold aria-[current=page]:text-text"
        >
          {t.editor.tabs[tab]}
          {marked.has(tab) && (
            <span className="text-bad">
              <Mark state="error" />
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

/** The form of one service: what stands in it, and saving it. */
function useForm(service: ServiceView, cluster: string) {
  const kept = useStore(desk, ({ editing }) => editing[service.id]);
  const current = useMemo(() => draftOf(service, cluster), [service, cluster]);
  const base = kept?.base ?? current;
  const draft = kept?.draft ?? current;
  const call = useCall('services:update');
  const [tried, setTried] = useState(false);
  const plan = useMemo(() => planOf(base, draft, service), [base, draft, service]);
  const refusal = call.failure === undefined ? undefined : { field: plan.fieldOf(call.failure), failure: call.failure };
  const problems = tried
    ? {
        ...plan.problems,
        ...(refusal === undefined || refusal.field === '' ? {} : { [refusal.field]: sayFailure(refusal.failure) }),
      }
    : NO_PROBLEMS;
  return {
    draft,
    problems,
    refusal,
    dirty: kept !== undefined,
    stale: kept !== undefined && !sameDraft(kept.base, current),
    pending: call.pending,
    change(next: ServiceDraft): void {
      call.clear();
      edit(service.id, base, next);
    },
    forget(): void {
      call.clear();
      setTried(false);
      discard(service.id);
    },
    async save(): Promise<boolean> {
      setTried(true);
      if (Object.keys(plan.problems).length > 0) return false;
      const saved = await call.run({ id: service.id, patch: plan.patch });
      if (saved === undefined) return false;
      settle(saved);
      setTried(false);
      return true;
    },
  };
}

interface SaveBarProps {
  readonly form: ReturnType<typeof useForm>;
  readonly online: boolean;
  readonly onSave: () => void;
}

function SaveBar({ form, online, onSave }: SaveBarProps) {
  const count = Object.keys(form.problems).length;
  return (
    <footer className="sticky bottom-0 flex flex-col gap-2 border-t border-line bg-surface px-4 py-3 md:px-6 lg:px-8">
      {!online && <Problem>{t.editor.offline}</Problem>}
      {form.refusal?.field === '' && <Refusal failure={form.refusal.failure} />}
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-40 flex-1 text-13">
          {count > 0 ? (
            <strong className="font-semibold text-bad">{t.editor.problems(count)}</strong>
          ) : (
            <>
              <strong className="font-semibold">{t.editor.unsaved}</strong>{' '}
              <span className="text-muted">{form.stale ? t.editor.changedElsewhere : t.editor.unsavedHint}</span>
            </>
          )}
        </p>
        <Button onClick={form.forget}>{t.editor.discard}</Button>
        <Button look="primary" busy={form.pending} disabled={!online} onClick={onSave}>
          {form.pending ? t.editor.saving : t.editor.save}
        </Button>
      </div>
    </footer>
  );
}

interface OpenDialogProps {
  readonly url: string;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** Asks before the last thing that protects a service goes. */
const OpenDialog = ({ url, onClose, onConfirm }: OpenDialogProps) => (
  <Dialog
    title={t.editor.openTitle}
    onClose={onClose}
    actions={
      <>
        <Button onClick={onClose}>{t.common.cancel}</Button>
        <Button look="destructive" onClick={onConfirm}>
          {t.editor.openConfirm}
        </Button>
      </>
    }
  >
    <p className="wrap-anywhere">{t.editor.openBody(url)}</p>
  </Dialog>
);

interface EditorProps {
  readonly service: ServiceView;
  readonly state: AgentState;
  readonly tab: Tab;
  readonly online: boolean;
}

function Editor({ service: told, state, tab, online }: EditorProps) {
  const cluster = state.edge.domain;
  const answer = useStore(desk, ({ answers }) => answers[told.id]);
  const service = latestOf(told, answer);
  const form = useForm(service, cluster);
  const [asking, setAsking] = useState(false);
  const [saved, setSaved] = useState(false);
  useEffect(guardUnsaved, []);
  const url = offeredUrl(service.urls, state.trust);
  const standing = standingOf(told, state);
  const submit = (): void => {
    setAsking(false);
    setSaved(false);
    void form.save().then(setSaved);
  };
  const opens = service.mode === 'http' && isProtected(service.auth) && !protects(form.draft);
  const props = { service, draft: form.draft, problems: form.problems, cluster, onChange: form.change };
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <form
        aria-label={service.name}
        onSubmit={(event) => {
          event.preventDefault();
          if (form.dirty && online) (opens ? () => setAsking(true) : submit)();
        }}
        className="flex w-full max-w-[860px] flex-1 flex-col gap-6 px-4 py-4 md:px-6 md:py-6 lg:px-8"
      >
        <header className="flex flex-col gap-2">
          <a href={hrefOf('services')} className="self-start text-13 font-semibold text-accent hover:underline">
            {t.editor.back}
          </a>
          <h1 className="line-clamp-2 text-24 font-semibold wrap-anywhere md:text-32" title={service.name}>
            {service.name}
          </h1>
          <p className="flex flex-wrap items-center gap-x-3 text-13 text-muted">
            <span className="inline-flex items-center gap-1.5 font-semibold text-text">
              <Mark state={standing.mark} />
              {t.services.status[standing.key]}
            </span>
            <span className="font-mono wrap-anywhere">{url}</span>
          </p>
        </header>
        <Tabs id={service.id} current={tab} marked={new Set(Object.keys(form.problems).map(tabOf))} />
        {tab === 'details' && <DetailsTab {...props} />}
        {tab === 'auth' && <AuthTab {...props} providers={state.edge.providers ?? []} />}
        {tab === 'access' && <AccessTab {...props} />}
        {tab === 'settings' && <SettingsTab {...props} />}
        {/* Enter in a field saves, as in every form. */}
        <button type="submit" tabIndex={-1} aria-hidden="true" className="hidden" />
      </form>
      <p role="status" className="sr-only">
        {saved && !form.dirty ? t.editor.saved : ''}
      </p>
      {form.dirty && <SaveBar form={form} online={online} onSave={() => (opens ? setAsking(true) : submit())} />}
      {asking && <OpenDialog url={url} onClose={() => setAsking(false)} onConfirm={submit} />}
    </div>
  );
}

/** The editor of the service that the place names. */
export function EditorScreen({ id, tab }: { readonly id: string; readonly tab: string | undefined }) {
  const state = useSnapshot();
  const open = useMirror((mirror) => mirror.connection === 'open');
  if (state?.servicesKnown !== true)
    return (
      <div className="p-4 md:p-6 lg:p-8">
        <h1 className="sr-only">{t.services.title}</h1>
        <Skeleton rows={6} label={t.common.loading} />
      </div>
    );
  const service = state.services.find((one) => one.id === id);
  if (service === undefined)
    return (
      <div className="flex flex-col gap-4 p-4 md:p-6 lg:p-8">
        <h1 className="text-24 font-semibold">{t.editor.gone}</h1>
        <Notice tone="quiet" mark="off">
          {t.editor.goneBody}
        </Notice>
        <a href={hrefOf('services')} className="self-start text-15 font-semibold text-accent hover:underline">
          {t.editor.back}
        </a>
      </div>
    );
  return (
    <Editor
      key={service.id}
      service={service}
      state={state}
      tab={TABS.find((known) => known === tab) ?? 'details'}
      online={open && state.edge.link.state === 'up'}
    />
  );
}
