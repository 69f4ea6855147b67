import { useCallback, useState } from 'react';
import type { AgentState, EdgeCertificate } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Refusal } from '../controls/notice.tsx';
import { groupHex } from '../state/connection-view.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { Fact, Panel } from './panel.tsx';

/** How an edge proves who it is, and the fingerprint to compare with what its operator says. */
export const CertificateFacts = ({ certificate }: { readonly certificate: EdgeCertificate }) => (
  <>
    <Fact name={t.connection.certificate}>
      {certificate.kind === 'public' ? t.connection.publicCertificate : t.connection.privateCertificate}
    </Fact>
    {certificate.fingerprint !== '' && (
      <Fact name={t.connection.fingerprint}>
        <code className="font-mono text-12 select-all">{groupHex(certificate.fingerprint)}</code>
      </Fact>
    )}
  </>
);

function LeaveDialog({ state, onClose }: { readonly state: AgentState; readonly onClose: () => void }) {
  const leave = useCall('cluster:leave');
  const count = state.services.length;
  return (
    <Dialog
      title={t.connection.leaveTitle(state.edge.domain)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="destructive"
            busy={leave.pending}
            onClick={() => void leave.run(undefined).then((done) => done === null && onClose())}
          >
            {leave.pending ? t.connection.leaving : count === 0 ? t.connection.leave : t.connection.leaveConfirm}
          </Button>
        </>
      }
    >
      <p>{count === 0 ? t.connection.leaveNone : t.connection.leaveEnds(count)}</p>
      <p className="text-muted">{t.connection.leaveStays}</p>
      <Refusal failure={leave.failure} />
    </Dialog>
  );
}

/** What this cluster is, who runs it, how it is known; and the way out of it. */
export function ClusterCard({ state, online }: { readonly state: AgentState; readonly online: boolean }) {
  const [leaving, setLeaving] = useState(false);
  const stay = useCallback(() => setLeaving(false), []);
  const { edge } = state;
  const { cluster } = edge;
  return (
    <Panel title={t.connection.cluster}>
      <div className="flex flex-col gap-4 rounded-8 border border-line bg-surface p-4">
        <dl className="flex flex-col gap-3">
          <Fact name={t.connection.domain}>
            <strong className="text-15 font-semibold">{edge.domain}</strong>
          </Fact>
          <Fact name={t.connection.kind}>
            {edge.kind === 'embedded' ? t.connection.kindEmbedded : t.connection.kindJoined}
          </Fact>
          {cluster?.operator !== undefined && <Fact name={t.connection.operator}>{cluster.operator}</Fact>}
          {edge.process !== undefined && (
            <Fact name={t.connection.process}>{t.connection.processState[edge.process]}</Fact>
          )}
          {cluster !== undefined && (
            <>
              <Fact name={t.connection.version}>{cluster.version}</Fact>
              <CertificateFacts certificate={cluster.certificate} />
            </>
          )}
        </dl>
        {edge.kind === 'joined' && (
          <Button className="self-start" disabled={!online} onClick={() => setLeaving(true)}>
            {t.connection.leave}
          </Button>
        )}
      </div>
      {leaving && <LeaveDialog state={state} onClose={stay} />}
    </Panel>
  );
}
