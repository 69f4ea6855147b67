import { useState } from 'react';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { Outputs, TrustStep } from '../../shared/contract/ipc.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Mark, type MarkState } from '../controls/mark.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { sayReason } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';

const LOOK: Record<TrustStep['outcome'], { readonly mark: MarkState; readonly ink: string }> = {
  installed: { mark: 'on', ink: 'text-live' },
  already: { mark: 'on', ink: 'text-live' },
  skipped: { mark: 'off', ink: 'text-muted' },
  failed: { mark: 'error', ink: 'text-bad' },
};

function Steps({ result }: { readonly result: Outputs['trust:install'] }) {
  return (
    <>
      <p role="status">{result.trusted ? t.trust.trusted : t.trust.partly}</p>
      <ul aria-label={t.trust.steps} className="flex flex-col gap-3 text-13">
        {result.steps.map((step) => (
          <li key={step.store} className="flex gap-2">
            <span className={`pt-0.5 ${LOOK[step.outcome].ink}`}>
              <Mark state={LOOK[step.outcome].mark} />
            </span>
            <div className="min-w-0 wrap-anywhere">
              <p>
                <strong className="font-semibold">{sayReason(step.said?.store ?? step.store)}</strong>
                <span className={`ml-2 ${LOOK[step.outcome].ink}`}>{t.trust.outcome[step.outcome]}</span>
              </p>
              <p className="text-muted">{sayReason(step.said?.note ?? step.note)}</p>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Says what trusting the private CA means, does it, and then says honestly what was done where. */
export function TrustDialog({ state, onClose }: { readonly state: AgentState; readonly onClose: () => void }) {
  const install = useCall('trust:install');
  const [result, setResult] = useState<Outputs['trust:install'] | undefined>(undefined);
  const what =
    state.edge.kind === 'embedded' ? t.trust.whatEmbedded(state.host.home) : t.trust.whatJoined(state.edge.domain);
  const confirm = async (): Promise<void> => {
    const done = await install.run(undefined);
    if (done !== undefined) setResult(done);
  };
  return (
    <Dialog
      title={t.trust.title}
      onClose={onClose}
      actions={
        result?.trusted === true ? (
          <Button look="primary" onClick={onClose}>
            {t.common.close}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{result === undefined ? t.common.cancel : t.common.close}</Button>
            <Button look="primary" busy={install.pending} onClick={() => void confirm()}>
              {install.pending ? t.trust.working : result === undefined ? t.trust.confirm : t.common.tryAgain}
            </Button>
          </>
        )
      }
    >
      {result === undefined ? (
        <>
          <p className="wrap-anywhere">{what}</p>
          <p>{t.trust.does}</p>
        </>
      ) : (
        <Steps result={result} />
      )}
      <Refusal failure={install.failure} />
    </Dialog>
  );
}
