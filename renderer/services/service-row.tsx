import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { type AgentState, offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { Icon } from '../controls/icons.tsx';
import { Mark } from '../controls/mark.tsx';
import { Refusal } from '../controls/notice.tsx';
import { Switch } from '../controls/switch.tsx';
import { InspectingBadge } from '../inspector/inspecting-badge.tsx';
import { ShareDialog } from '../share/share-dialog.tsx';
import { describeTarget } from '../state/address.ts';
import { audienceOf } from '../state/audience.ts';
import { goTo } from '../state/route.ts';
import { type Standing, standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { CopyUrl } from './copy-url.tsx';
import type { Fresh } from './fresh.ts';
import { LiveTraffic } from './live-traffic.tsx';
import { RemoveDialog } from './remove-dialog.tsx';
import { RenameDialog } from './rename-dialog.tsx';
import { type RowDialog, ServiceMenu } from './service-menu.tsx';

const INK: Record<Standing['tone'], string> = {
  live: 'text-live',
  quiet: 'text-muted',
  warn: 'text-warn',
  bad: 'text-bad',
};

interface RowProps {
  readonly service: ServiceView;
  readonly state: AgentState;
  /** Main can be reached: actions are offered. */
  readonly online: boolean;
  readonly fresh: Fresh | undefined;
  /** The place asks for its share dialog. */
  readonly sharing: boolean;
}

function Facts({ service, standing }: { readonly service: ServiceView; readonly standing: Standing }) {
  const [target, ...others] = service.targets;
  const who = audienceOf(service);
  return (
    <div className="flex flex-col gap-0.5 text-13">
      <p className={`flex items-center gap-1.5 font-semibold ${INK[standing.tone]}`} data-status={standing.key}>
        <Mark state={standing.mark} />
        {t.services.status[standing.key]}
      </p>
      {standing.reason !== undefined && <p className="max-w-[68ch] wrap-anywhere">{standing.reason}</p>}
      <div className="flex flex-wrap gap-x-3 text-muted">
        <p className="flex items-center gap-1.5" data-audience={who.locked ? 'locked' : 'public'}>
          {who.locked && <Icon name="lock" />}
          {who.words}
        </p>
        {service.shares !== undefined && service.shares > 0 && <p>{t.share.links(service.shares)}</p>}
        {target !== undefined && (
          <p className="wrap-anywhere">
            {t.services.target('')}
            <span className="font-mono">{describeTarget(target)}</span>
            {others.length > 0 && ` +${others.length}`}
          </p>
        )}
        <LiveTraffic serviceId={service.id} />
        <InspectingBadge serviceId={service.id} />
        {service.source === 'ephemeral' && <p>{t.services.ephemeral}</p>}
      </div>
    </div>
  );
}

/** How long a switch waits for the snapshot to agree with a call that was answered, in milliseconds. */
const AGREEMENT = 2000;

/** The switch at the row's edge: shows what was asked for until the snapshot says the same, or the refusal. */
function useToggle(service: ServiceView) {
  const { run, failure } = useCall('services:setEnabled');
  const [wish, setWish] = useState<boolean | undefined>(undefined);
  const [answered, setAnswered] = useState(false);
  const agreed = wish === service.enabled;
  useEffect(() => {
    if (!answered) return undefined;
    const timer = window.setTimeout(() => setWish(undefined), agreed ? 0 : AGREEMENT);
    return () => window.clearTimeout(timer);
  }, [answered, agreed]);
  const change = useCallback(
    (enabled: boolean): void => {
      setWish(enabled);
      setAnswered(false);
      void run({ id: service.id, enabled }).then((done) =>
        done === undefined ? setWish(undefined) : setAnswered(true),
      );
    },
    [run, service.id],
  );
  return { checked: wish ?? service.enabled, busy: wish !== undefined, failure, change };
}

/** A row that goes away with the focus in it hands it to the screen, so that the keyboard isn't lost. */
function useFocusKept() {
  const ref = useRef<HTMLLIElement>(null);
  useLayoutEffect(() => {
    const row = ref.current;
    return () => {
      if (row?.contains(document.activeElement) === true)
        document.getElementById('content')?.focus({ preventScroll: true });
    };
  }, []);
  return ref;
}

/** One service: its URL, how it stands, who may see it; the switch at the right edge, the rest in one menu. */
export function ServiceRow({ service, state, online, fresh, sharing }: RowProps) {
  const [chosen, setChosen] = useState<RowDialog | undefined>(undefined);
  const row = useFocusKept();
  const menu = useRef<HTMLButtonElement>(null);
  const toggle = useToggle(service);
  const standing = standingOf(service, state);
  const url = offeredUrl(service.urls, state.trust);
  // Where the address doesn't hold the name, the name has to be said.
  const told = url.includes(service.domain) ? [service.domain, service.domain.split('.')[0]] : [];
  const named = !told.includes(service.name);
  const dialog = chosen ?? (sharing ? 'share' : undefined);
  const close = (): void => {
    setChosen(undefined);
    if (sharing) goTo('services');
  };
  return (
    <li
      ref={row}
      data-service={service.id}
      className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-2 gap-y-1 border-b border-line px-4 py-3 last:border-b-0"
    >
      <div className="col-span-2 flex min-w-0 flex-col items-start gap-1 sm:col-span-1">
        {named && (
          <p className="line-clamp-2 text-13 font-semibold wrap-anywhere" title={service.name}>
            {service.name}
          </p>
        )}
        <CopyUrl url={url} dim={standing.key !== 'active'} fresh={fresh} />
      </div>
      <div className="flex min-w-0 flex-col gap-1 sm:col-span-2">
        <Facts service={service} standing={standing} />
        <Refusal failure={toggle.failure} />
      </div>
      <div className="-mr-2 flex items-start gap-1 sm:col-start-2 sm:row-start-1">
        <Switch
          checked={toggle.checked}
          busy={toggle.busy}
          disabled={!online}
          label={service.name}
          onChange={toggle.change}
        />
        <ServiceMenu service={service} url={url} online={online} onChoose={setChosen} trigger={menu} />
      </div>
      {dialog === 'share' && <ShareDialog service={service} url={url} onClose={close} returnTo={menu} />}
      {dialog === 'rename' && <RenameDialog service={service} onClose={close} returnTo={menu} />}
      {dialog === 'remove' && <RemoveDialog service={service} url={url} onClose={close} returnTo={menu} />}
    </li>
  );
}
