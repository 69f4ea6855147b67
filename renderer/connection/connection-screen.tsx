import { useCallback, useState } from 'react';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Icon } from '../controls/icons.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Mark } from '../controls/mark.tsx';
import { Refusal } from '../controls/notice.tsx';
import { connectionHeading } from '../state/connection-view.ts';
import { useMirror, useSnapshot } from '../state/porthole.tsx';
import { standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { ClusterCard } from './cluster-card.tsx';
import { DiagnosisPanel } from './diagnosis-panel.tsx';
import { GuestList } from './guest-list.tsx';
import { JoinForm } from './join-form.tsx';
import { LinkList } from './link-list.tsx';
import { Panel } from './panel.tsx';

const INK = { off: 'text-muted', connecting: 'text-warn', on: 'text-live', attention: 'text-warn', error: 'text-bad' };

/** Takes the laptop offline or online; asks first while visitors would notice. */
function PauseButton({ state, online }: { readonly state: AgentState; readonly online: boolean }) {
  const pause = useCall('agent:pause');
  const [asking, setAsking] = useState(false);
  const stay = useCallback(() => setAsking(false), []);
  const paused = state.edge.link.state === 'paused';
  const live = state.services.filter((service) => standingOf(service, state).key === 'active').length;
  const set = async (wanted: boolean): Promise<void> => {
    if ((await pause.run({ paused: wanted })) === null) setAsking(false);
  };
  return (
    <>
      <Button
        look={paused ? 'primary' : 'plain'}
        disabled={!online}
        busy={pause.pending}
        onClick={() => (paused || live === 0 ? void set(!paused) : setAsking(true))}
      >
        <Icon name={paused ? 'play' : 'pause'} />
        {paused ? t.connection.resume : t.connection.pause}
      </Button>
      {!asking && <Refusal failure={pause.failure} />}
      {asking && (
        <Dialog
          title={t.connection.pauseTitle}
          onClose={stay}
          actions={
            <>
              <Button onClick={stay}>{t.common.cancel}</Button>
              <Button look="primary" busy={pause.pending} onClick={() => void set(true)}>
                {t.connection.pauseConfirm}
              </Button>
            </>
          }
        >
          <p>{t.connection.pauseEnds(live)}</p>
          <Refusal failure={pause.failure} />
        </Dialog>
      )}
    </>
  );
}

function Heading({ state, online }: { readonly state: AgentState; readonly online: boolean }) {
  const { mark, title, body } = connectionHeading(state);
  return (
    <header className="flex flex-col gap-2">
      <h1 className="flex min-w-0 items-center gap-3 text-24 font-semibold md:text-32">
        <span className={INK[mark]}>
          <Mark state={mark} size={24} />
        </span>
        <span className="min-w-0 wrap-anywhere">{title}</span>
      </h1>
      <p className="max-w-[68ch] text-15 text-muted wrap-anywhere">{body}</p>
      <div className="flex flex-wrap items-center gap-3">
        <PauseButton state={state} online={online} />
      </div>
    </header>
  );
}

/** Connection: is the line good, and if not, where is it broken? Who runs it, and what others want from here. */
export function ConnectionScreen() {
  const state = useSnapshot();
  const connection = useMirror((mirror) => mirror.connection);
  const online = connection === 'open';
  if (state === undefined)
    return (
      <div className="flex flex-col gap-6 p-4 md:p-6 lg:px-8">
        <h1 className="text-24 font-semibold md:text-32">{t.connection.title}</h1>
        {(online || connection === 'connecting') && <Skeleton rows={4} label={t.common.loading} />}
      </div>
    );
  const { guests = [] } = state;
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="flex w-full max-w-[1240px] flex-col gap-6 px-4 py-4 md:px-6 md:py-6 lg:px-8">
        <Heading state={state} online={online} />
        <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_minmax(320px,372px)] lg:gap-8">
          <div className="flex min-w-0 flex-col gap-6">
            {guests.length > 0 && <GuestList guests={guests} online={online} />}
            <LinkList state={state} />
            <DiagnosisPanel state={state} online={online} />
          </div>
          <div className="flex min-w-0 flex-col gap-6">
            <ClusterCard state={state} online={online} />
            {state.edge.kind === 'embedded' && (
              <Panel title={t.join.title}>
                <JoinForm online={online} />
              </Panel>
            )}
          </div>
        </div>
      </div>
    </div>
  );
}
