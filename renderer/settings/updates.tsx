import { useState } from 'react';
import type { AgentState, Preferences, UpdateLook, UpdateState } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Refusal } from '../controls/notice.tsx';
import { standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { locale, t } from '../strings/strings.ts';
import { formatAgo } from '../time/ago.ts';
import { formatExact } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';
import { Row, Section, Toggle } from './row.tsx';

const NAMED = 5;
/** Milliseconds after which `3 min ago` is looked at again. */
const AGING = 15_000;

/** The services that a restart takes offline for a moment. */
const liveOf = (state: AgentState) => state.services.filter((service) => standingOf(service, state).key === 'active');

/** Asks before the restart, and names what goes offline meanwhile. */
function RestartDialog({ state, version, onClose }: { state: AgentState; version: string; onClose: () => void }) {
  const install = useCall('update:install');
  const live = liveOf(state);
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
      <Refusal failure={install.failure} />
    </Dialog>
  );
}

/** What comes after a version's name: what to expect, or what to do. */
function nextOf({ state, progress = 0, why = 'unreachable' }: UpdateState, live: number): string | undefined {
  if (state === 'downloading') return t.preferences.progress(progress.toLocaleString(locale, { style: 'percent' }));
  if (state === 'ready') return live === 0 ? t.preferences.restartNone : t.preferences.restartDrops(live);
  return state === 'failed' ? t.preferences.downloadTroubles[why] : undefined;
}

/** A newer version: what it is, and the one step that comes next. */
function UpdateRow({ state, update, online }: { state: AgentState; update: UpdateState; online: boolean }) {
  const [asking, setAsking] = useState(false);
  const download = useCall('update:install');
  const { version } = update;
  const ready = update.state === 'ready';
  const downloading = update.state === 'downloading';
  const step = ready ? t.preferences.restart : t.preferences.download;
  return (
    <>
      <Row
        label={t.preferences[update.state](version)}
        hint={nextOf(update, liveOf(state).length)}
        control={
          // One button through all of it, so that the focus stays.
          <Button
            look="primary"
            disabled={!online}
            busy={downloading || download.pending}
            onClick={() => (ready ? setAsking(true) : void download.run(undefined))}
          >
            {update.state === 'failed' ? t.common.tryAgain : step}
          </Button>
        }
      >
        <Refusal failure={download.failure} />
      </Row>
      {asking && <RestartDialog state={state} version={version} onClose={() => setAsking(false)} />}
    </>
  );
}

/** How the last look went, for the ear: without a time, which would be said again as it passes. */
function saysOf({ state, why = 'unreachable' }: UpdateLook): string {
  if (state === 'found') return '';
  return state === 'failed' ? t.preferences.lookTroubles[why] : t.preferences.looks[state];
}

/** When a look was; main's clock may be a little ahead. */
function LookedAt({ look: { state, at }, now }: { look: UpdateLook; now: number }) {
  if (state === 'looking') return null;
  const when = formatAgo(at, Math.max(now, at));
  return <span title={formatExact(at)}>{t.preferences.lookedAt[state](when)}</span>;
}

/** When Porthole looked last, how that went, and the way to look now. */
function LookRow({ state, online }: { state: AgentState; online: boolean }) {
  const now = useNow(AGING);
  const call = useCall('update:look');
  const { updateLook: look, update } = state;
  return (
    <Row
      label={look === undefined || look.state === 'found' ? t.preferences.newer : t.preferences.looks[look.state]}
      hint={look === undefined ? t.preferences.notLooked : <LookedAt look={look} now={now} />}
      control={
        <Button
          disabled={!online}
          busy={call.pending || look?.state === 'looking' || update?.state === 'downloading'}
          onClick={() => void call.run(undefined)}
        >
          {t.preferences.lookNow}
        </Button>
      }
    >
      {look?.state === 'failed' && (
        <p className="max-w-[68ch] text-13 text-warn">{t.preferences.lookTroubles[look.why ?? 'unreachable']}</p>
      )}
      <Refusal failure={call.failure} />
    </Row>
  );
}

/** Why there is nothing to look with. */
function offOf({ updatesOff }: AgentState): string {
  return updatesOff === undefined ? t.preferences.updatesNot : t.preferences.updatesOff[updatesOff];
}

interface UpdatesProps {
  readonly state: AgentState;
  readonly preferences: Preferences;
  readonly online: boolean;
}

/** Newer versions: what is there, when that was looked up, and whether it is looked up again by itself. */
export function UpdatesSection({ state, preferences, online }: UpdatesProps) {
  const { update, updateLook } = state;
  const version = t.preferences.version(state.host.version);
  if (state.abilities?.includes('updates') !== true)
    return (
      <Section title={t.preferences.updates}>
        <Row label={version} hint={offOf(state)} />
      </Section>
    );
  return (
    <Section title={t.preferences.updates}>
      {/* There before they have something to say, as screen readers want it. */}
      <p role="status" className="sr-only">
        {updateLook === undefined ? '' : saysOf(updateLook)}
      </p>
      <p role="status" className="sr-only">
        {update === undefined ? '' : t.preferences[update.state](update.version)}
      </p>
      {update !== undefined && <UpdateRow state={state} update={update} online={online} />}
      <LookRow state={state} online={online} />
      <Toggle
        label={t.preferences.look}
        hint={`${version} ${t.preferences.lookHint}`}
        checked={preferences.checkForUpdates}
        online={online}
        patch={(checkForUpdates) => ({ checkForUpdates })}
      />
    </Section>
  );
}
