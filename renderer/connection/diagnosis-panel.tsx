import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { DiagnosisStep } from '../../shared/contract/diagnosis.ts';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { Mark, type MarkState } from '../controls/mark.tsx';
import { Problem, Refusal } from '../controls/notice.tsx';
import { useCopy } from '../services/use-copy.ts';
import { diagnosisText, diagnosisVerdict, stepName, stepWords } from '../state/connection-view.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { formatAgo } from '../time/ago.ts';
import { formatExact } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';
import { Panel } from './panel.tsx';

const LOOK: Record<DiagnosisStep['state'], { readonly mark: MarkState; readonly ink: string }> = {
  waiting: { mark: 'off', ink: 'text-muted' },
  running: { mark: 'connecting', ink: 'text-muted' },
  ok: { mark: 'on', ink: 'text-live' },
  warn: { mark: 'attention', ink: 'text-warn' },
  fail: { mark: 'error', ink: 'text-bad' },
  skipped: { mark: 'off', ink: 'text-muted' },
};

const Step = ({ step }: { readonly step: DiagnosisStep }) => {
  const { mark, ink } = LOOK[step.state];
  return (
    <li data-step={step.id} data-step-state={step.state} className="flex min-w-0 gap-3 px-4 py-2">
      <span className={`pt-0.5 ${ink}`}>
        <Mark state={mark} />
      </span>
      <div className="max-w-[68ch] min-w-0 text-13 wrap-anywhere">
        <p>
          <strong className="font-semibold">{stepName(step)}</strong>{' '}
          <span className={ink}>{t.diagnosis.state[step.state]}</span>
        </p>
        <p className={step.state === 'fail' || step.state === 'warn' ? '' : 'text-muted'}>{stepWords(step)}</p>
      </div>
    </li>
  );
};

/** Finds the broken link of the line, and says what mends it. */
export function DiagnosisPanel({ state, online }: { readonly state: AgentState; readonly online: boolean }) {
  const diagnose = useCall('connection:diagnose');
  const { copied, copy } = useCopy('no');
  const now = useNow(10_000);
  const { diagnosis } = state;
  const running = diagnose.pending || (diagnosis !== undefined && diagnosis.finishedAt === undefined);
  const broken = diagnosis?.broken !== undefined;
  return (
    <Panel
      title={t.diagnosis.title}
      action={
        <div className="flex flex-wrap gap-2">
          {diagnosis?.finishedAt !== undefined && (
            <Button onClick={() => copy(diagnosisText(diagnosis, state.host.version, state.edge.domain))}>
              <Icon name={copied === 'yes' ? 'check' : 'copy'} />
              {copied === 'yes' ? t.diagnosis.copied : t.diagnosis.copy}
            </Button>
          )}
          <Button
            look={state.edge.link.state === 'up' || state.edge.link.state === 'paused' ? 'plain' : 'primary'}
            disabled={!online}
            busy={running}
            onClick={() => void diagnose.run(undefined)}
          >
            {running ? t.diagnosis.running : diagnosis === undefined ? t.diagnosis.run : t.diagnosis.again}
          </Button>
        </div>
      }
    >
      {diagnosis === undefined ? (
        <p className="max-w-[68ch] text-13 text-muted">{t.diagnosis.body}</p>
      ) : (
        <div className="rounded-8 border border-line bg-surface py-2">
          <p role="status" className={`px-4 py-2 text-15 font-semibold ${broken ? 'text-bad' : ''}`}>
            {running ? t.diagnosis.running : diagnosisVerdict(diagnosis)}
            {diagnosis.finishedAt !== undefined && (
              <span className="ml-2 text-12 font-regular text-muted" title={formatExact(diagnosis.finishedAt)}>
                {t.diagnosis.ran(formatAgo(diagnosis.finishedAt, now))}
              </span>
            )}
          </p>
          <ol aria-label={t.diagnosis.list}>
            {diagnosis.steps.map((step) => (
              <Step key={step.id} step={step} />
            ))}
          </ol>
        </div>
      )}
      {copied === 'failed' && <Problem>{t.services.copyFailed}</Problem>}
      <Refusal failure={diagnose.failure} />
    </Panel>
  );
}
