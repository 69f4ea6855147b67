import { useState } from 'react';
import type { AgentState, UpdateState } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Problem } from '../controls/notice.tsx';
import { standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { locale, t } from '../strings/strings.ts';
import { Row } from './row.tsx';

const NAMED = 5;

/** Asks before the restart, and names what goes offline meanwhile. */
function RestartDialog({ state, version, onClose }: { state: AgentState; version: string; onClose: () => void }) {
  const install = useCall('update:install');
  const live = state.services.filter((service) => standingOf(service, state).key === 'active');
  return (
    <Dialog
      title={t.preferences.restartTitle(version)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="primary" busy={install.pending} onClick={() => void install.run(undefined)}>
            {install.pending ? t.preferences.restarting : t.preferences.restartConfirm}
          </Button>
        </>
      }
    >
      {live.length === 0 ? (
        <p>{t.preferences.restartNone}</p>
      ) : (
        <>
          <p>{t.preferences.restartSome(live.length)}</p>
          <ul className="flex flex-col gap-1 text-13 wrap-anywhere">
            {live.slice(0, NAMED).map((service) => (
              <li key={service.id}>{service.name}</li>
            ))}
            {live.length > NAMED && <li className="text-muted">{t.preferences.restartMore(live.length - NAMED)}</li>}
          </ul>
          <p className="text-muted">{t.preferences.restartBack}</p>
        </>
      )}
      {install.failure !== undefined && <Problem>{install.failure.message}</Problem>}
    </Dialog>
  );
}

function saysOf({ state, version, progress = 0 }: UpdateState): string {
  if (state === 'downloading')
    return t.preferences.downloading(version, progress.toLocaleString(locale, { style: 'percent' }));
  return t.preferences[state](version);
}

/** A newer version: what it is, and the one step that comes next. */
export function UpdateRow({ state, update }: { readonly state: AgentState; readonly update: UpdateState }) {
  const [asking, setAsking] = useState(false);
  const download = useCall('update:install');
  const { version } = update;
  return (
    <>
      <Row
        label={saysOf(update)}
        hint={update.failure?.message}
        control={
          update.state === 'ready' ? (
            <Button look="primary" onClick={() => setAsking(true)}>
              {t.preferences.restart}
            </Button>
          ) : (
            update.state !== 'downloading' && (
              <Button look="primary" busy={download.pending} onClick={() => void download.run(undefined)}>
                {update.state === 'failed' ? t.common.tryAgain : t.preferences.download}
              </Button>
            )
          )
        }
      >
        {download.failure !== undefined && <Problem>{download.failure.message}</Problem>}
      </Row>
      {asking && <RestartDialog state={state} version={version} onClose={() => setAsking(false)} />}
    </>
  );
}
