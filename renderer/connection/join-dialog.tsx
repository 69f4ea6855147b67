import { useState } from 'react';
import type { AgentState, JoinPreview } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useSnapshot } from '../state/porthole.tsx';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { CertificateFacts } from './cluster-card.tsx';
import { Fact } from './panel.tsx';

const title = ({ state, address }: JoinPreview): string => {
  if (state === 'asked') return t.join.openedTitle(address);
  return state === 'failed' ? t.join.failedTitle(address) : t.join.askTitle;
};

/** What the edge says of itself, and how it proved who it is. */
const Facts = ({ join }: { readonly join: JoinPreview }) => (
  <dl className="flex flex-col gap-3">
    <Fact name={t.connection.domain}>
      <strong className="text-15 font-semibold">{join.domain ?? t.join.unknown}</strong>
    </Fact>
    <Fact name={t.connection.address}>{join.address}</Fact>
    <Fact name={t.connection.operator}>{join.operator ?? t.join.unknown}</Fact>
    {join.version !== undefined && <Fact name={t.connection.version}>{join.version}</Fact>}
    {join.certificate !== undefined && <CertificateFacts certificate={join.certificate} />}
  </dl>
);

function Body({ join, state }: { readonly join: JoinPreview; readonly state: AgentState }) {
  if (join.state === 'asked') return <p>{t.join.openedBody}</p>;
  if (join.state === 'checking') return <p role="status">{t.join.checking(join.address)}</p>;
  if (join.state === 'failed') return null;
  return (
    <>
      <Facts join={join} />
      <p className="text-13 text-muted">{t.join.means}</p>
      {state.services.length > 0 && <p className="text-13 text-muted">{t.join.pauses}</p>}
    </>
  );
}

function Asking({ join, state }: { readonly join: JoinPreview; readonly state: AgentState }) {
  const [name, setName] = useState('');
  const check = useCall('join:check');
  const confirm = useCall('join:confirm');
  const dismiss = useCall('join:dismiss');
  const { id } = join;
  const joining = join.state === 'joining' || confirm.pending;
  const close = (): void => {
    if (!joining) void dismiss.run({ id });
  };
  const failure = join.failure ?? confirm.failure ?? check.failure ?? dismiss.failure;
  const ready = join.state === 'ready' || joining;
  return (
    <Dialog
      title={title(join)}
      onClose={close}
      actions={
        <>
          <Button disabled={joining} onClick={close}>
            {t.join.dismiss}
          </Button>
          {ready ? (
            <Button
              look="primary"
              busy={joining}
              onClick={() => void confirm.run({ id, ...(name.trim() === '' ? {} : { name: name.trim() }) })}
            >
              {joining ? t.join.joining : t.join.confirm}
            </Button>
          ) : (
            <Button
              look="primary"
              busy={check.pending || join.state === 'checking'}
              onClick={() => void check.run({ id })}
            >
              {join.state === 'failed' ? t.common.tryAgain : t.join.check}
            </Button>
          )}
        </>
      }
    >
      <Body join={join} state={state} />
      {ready && (
        <Field label={t.join.name} hint={t.join.nameHint}>
          {(ids) => (
            <input
              {...ids}
              type="text"
              value={name}
              maxLength={255}
              onChange={(event) => setName(event.target.value)}
              className={INPUT}
            />
          )}
        </Field>
      )}
      <Refusal failure={failure} />
    </Dialog>
  );
}

/** Asks about the join link that is pending, whichever screen is open. */
export function JoinDialog() {
  const state = useSnapshot();
  const join = state?.join;
  return state === undefined || join === undefined ? null : <Asking key={join.id} join={join} state={state} />;
}
