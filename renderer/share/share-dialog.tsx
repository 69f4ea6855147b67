import { type RefObject, useCallback, useEffect, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { isProtected, type ShareLink } from '../../shared/domain/auth.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Notice, Problem } from '../controls/notice.tsx';
import { goTo } from '../state/route.ts';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { CopyLine } from './copy-line.tsx';
import { LinkList } from './link-list.tsx';
import { MakeLink } from './make-link.tsx';

interface ShareProps {
  readonly service: ServiceView;
  readonly url: string;
  readonly onClose: () => void;
  readonly returnTo: RefObject<HTMLElement | null>;
}

/** Links of a protected service: making one, and those that there are. */
function Links({ serviceId }: { readonly serviceId: string }) {
  const { run, failure } = useCall('shares:list');
  const [shares, setShares] = useState<readonly ShareLink[] | undefined>(undefined);
  const load = useCallback(
    () => void run({ serviceId }).then((list) => list !== undefined && setShares(list)),
    [run, serviceId],
  );
  useEffect(load, [load]);
  return (
    <>
      <MakeLink serviceId={serviceId} onMade={load} />
      {failure !== undefined && (
        <Problem>
          {t.share.failed} {sayFailure(failure)}
        </Problem>
      )}
      {shares !== undefined && (
        <LinkList
          shares={shares}
          onRevoked={(revoked) => setShares(shares.map((one) => (one.id === revoked.id ? revoked : one)))}
        />
      )}
    </>
  );
}

function PublicNote({ service, onClose }: Pick<ShareProps, 'service' | 'onClose'>) {
  if (service.mode !== 'http') return <p className="text-13 text-muted">{t.share.directNote}</p>;
  return (
    <Notice tone="warn" mark="attention">
      {t.share.publicNote} {t.share.publicHint}{' '}
      <Button
        look="quiet"
        className="-ml-3"
        onClick={() => {
          onClose();
          goTo('services', service.id, 'auth');
        }}
      >
        {t.share.protect}
      </Button>
    </Notice>
  );
}

/** Everything with which a service is handed on: its address, and links that let their holders in. */
export function ShareDialog({ service, url, onClose, returnTo }: ShareProps) {
  const guarded = service.mode === 'http' && isProtected(service.auth);
  return (
    <Dialog
      title={t.share.title(service.name)}
      onClose={onClose}
      returnTo={returnTo}
      actions={<Button onClick={onClose}>{t.common.close}</Button>}
    >
      {!service.enabled && (
        <Notice tone="quiet" mark="off">
          {t.share.offNote}
        </Notice>
      )}
      <section aria-label={t.share.address} className="flex flex-col gap-2">
        <h3 className="text-15 font-semibold">{t.share.address}</h3>
        <CopyLine url={url} primary={!guarded} />
      </section>
      {guarded ? <Links serviceId={service.id} /> : <PublicNote service={service} onClose={onClose} />}
    </Dialog>
  );
}
