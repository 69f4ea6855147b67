import { useState } from 'react';
import { type AgentState, DEFAULT_PREFERENCES, type Preferences } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Problem, Refusal } from '../controls/notice.tsx';
import { Switch } from '../controls/switch.tsx';
import { useMirror, usePorthole, useSnapshot } from '../state/porthole.tsx';
import { useCall } from '../state/use-call.ts';
import { LANGUAGES, type Language, rememberLanguage } from '../strings/language.ts';
import { t } from '../strings/strings.ts';
import { Row, Section, Toggle } from './row.tsx';
import { UpdatesSection } from './updates.tsx';

/** What quiet hours are when they are switched on. */
const USUAL_QUIET = { from: '22:00', to: '07:00' } as const;

interface PartProps {
  readonly state: AgentState;
  readonly preferences: Preferences;
  readonly online: boolean;
}

function LanguageRow({ preferences, online }: PartProps) {
  const { run, failure } = useCall('preferences:set');
  const choose = async (language: Language | undefined): Promise<void> => {
    const kept = await run({ language: language ?? null });
    if (kept === undefined) return;
    // The words are chosen as the page loads.
    rememberLanguage(language);
    window.location.reload();
  };
  return (
    <Row
      label={t.preferences.language}
      hint={t.preferences.languageHint}
      control={
        <select
          aria-label={t.preferences.language}
          value={preferences.language ?? 'system'}
          disabled={!online}
          onChange={({ target }) => void choose(LANGUAGES.find((one) => one === target.value))}
          className={`${INPUT} basis-44`}
        >
          <option value="system">{t.preferences.languages.system}</option>
          {LANGUAGES.map((one) => (
            <option key={one} value={one} lang={one}>
              {t.preferences.languages[one]}
            </option>
          ))}
        </select>
      }
    >
      <Refusal failure={failure} />
    </Row>
  );
}

function QuietRow({ preferences, online }: PartProps) {
  const { run, pending, failure } = useCall('preferences:set');
  const { quiet } = preferences;
  const change = (end: 'from' | 'to', time: string): void => {
    // An emptied field is on its way to another time.
    if (quiet !== undefined && time !== '' && time !== quiet[end]) void run({ quiet: { ...quiet, [end]: time } });
  };
  return (
    <Row
      label={t.preferences.quiet}
      hint={t.preferences.quietHint}
      control={
        <Switch
          checked={pending ? quiet === undefined : quiet !== undefined}
          busy={pending}
          disabled={!online || !preferences.notifications}
          label={t.preferences.quiet}
          onChange={(wanted) => void run({ quiet: wanted ? USUAL_QUIET : null })}
        />
      }
    >
      {quiet !== undefined && (
        <div className="flex flex-wrap gap-4">
          {(['from', 'to'] as const).map((end) => (
            <Field key={end} label={t.preferences[end]}>
              {(ids) => (
                <input
                  {...ids}
                  // Main's word, once it has one.
                  key={quiet[end]}
                  type="time"
                  defaultValue={quiet[end]}
                  disabled={!online}
                  onBlur={({ target }) => change(end, target.value)}
                  className={INPUT}
                />
              )}
            </Field>
          ))}
        </div>
      )}
      <Refusal failure={failure} />
    </Row>
  );
}

function Diagnostics({ online }: Pick<PartProps, 'online'>) {
  const { transport } = usePorthole();
  const { run, pending, failure } = useCall('app:diagnostics');
  const [copied, setCopied] = useState<'yes' | { readonly text: string } | undefined>(undefined);
  const copy = async (): Promise<void> => {
    const diagnostics = await run(undefined);
    if (diagnostics === undefined) return;
    setCopied((await transport.copy(diagnostics.text)) ? 'yes' : { text: diagnostics.text });
  };
  return (
    <Row
      label={t.preferences.diagnosticsText}
      hint={t.preferences.diagnosticsHint}
      control={
        <Button busy={pending} disabled={!online} onClick={() => void copy()}>
          {pending ? t.preferences.diagnosticsCopying : t.preferences.diagnostics}
        </Button>
      }
    >
      <p role="status" className="text-13 text-live empty:hidden">
        {copied === 'yes' ? t.preferences.diagnosticsCopied : ''}
      </p>
      {typeof copied === 'object' && (
        <>
          <Problem>{t.preferences.diagnosticsFailed}</Problem>
          <textarea
            readOnly
            rows={8}
            aria-label={t.preferences.diagnosticsText}
            value={copied.text}
            className="w-full rounded-8 border border-edge bg-surface p-2 font-mono text-12"
          />
        </>
      )}
      <Refusal failure={failure} />
    </Row>
  );
}

function General(props: PartProps) {
  const { state, preferences, online } = props;
  const can = new Set(state.abilities ?? []);
  const paused = state.edge.link.state === 'paused';
  const pause = useCall('agent:pause');
  return (
    <Section title={t.preferences.general}>
      <LanguageRow {...props} />
      {can.has('startAtLogin') ? (
        <Toggle
          label={t.preferences.start}
          hint={t.preferences.startHint}
          checked={preferences.startAtLogin}
          online={online}
          patch={(startAtLogin) => ({ startAtLogin })}
        />
      ) : (
        <Row label={t.preferences.start} hint={t.preferences.startNot} />
      )}
      <Row
        label={t.preferences.pause}
        hint={t.preferences.pauseHint}
        control={
          <Switch
            checked={pause.pending ? !paused : paused}
            busy={pause.pending}
            disabled={!online}
            label={t.preferences.pause}
            onChange={(wanted) => void pause.run({ paused: wanted })}
          />
        }
      >
        <Refusal failure={pause.failure} />
      </Row>
    </Section>
  );
}

function Parts(props: PartProps) {
  const { state, preferences, online } = props;
  const can = new Set(state.abilities ?? []);
  return (
    <>
      <General {...props} />
      <Section title={t.preferences.notifications}>
        {can.has('notifications') ? (
          <>
            <Toggle
              label={t.preferences.notificationsOn}
              hint={t.preferences.notificationsHint}
              checked={preferences.notifications}
              online={online}
              patch={(notifications) => ({ notifications })}
            />
            <QuietRow {...props} />
          </>
        ) : (
          <Row label={t.preferences.notificationsOn} hint={t.preferences.notificationsNot} />
        )}
      </Section>
      <UpdatesSection {...props} />
      <Section title={t.preferences.help}>
        <Diagnostics online={online} />
        <Row label={t.preferences.data} hint={t.preferences.dataHint}>
          <code className="font-mono text-13 select-all wrap-anywhere">{state.host.home}</code>
        </Row>
        <Row label={t.preferences.secrets} hint={t.preferences.vaults[state.vault]} />
        <Row
          label={t.preferences.about}
          hint={`${t.preferences.aboutText(state.host.version, t.preferences.hosts[state.host.kind])} ${t.preferences.license}`}
        />
      </Section>
    </>
  );
}

/** Settings: how does Porthole behave on this laptop? Only what this shell can do is offered; the rest is explained. */
export function SettingsScreen() {
  const state = useSnapshot();
  const online = useMirror((mirror) => mirror.connection === 'open');
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="flex w-full max-w-[760px] flex-col gap-6 px-4 py-4 md:px-6 md:py-6 lg:px-8">
        <h1 className="text-24 font-semibold md:text-32">{t.preferences.title}</h1>
        {state === undefined ? (
          <Skeleton rows={4} label={t.common.loading} />
        ) : (
          <Parts state={state} preferences={state.preferences ?? DEFAULT_PREFERENCES} online={online} />
        )}
      </div>
    </div>
  );
}
