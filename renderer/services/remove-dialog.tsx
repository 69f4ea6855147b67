import type { RefObject } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Refusal } from '../controls/notice.tsx';
import { describeTarget } from '../state/address.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';

interface RemoveProps {
  readonly service: ServiceView;
  readonly url: string;
  readonly onClose: () => void;
  readonly returnTo: RefObject<HTMLElement | null>;
}

/** Asks before removing a service, and says what ends and what goes on. */
export function RemoveDialog({ service, url, onClose, returnTo }: RemoveProps) {
  const remove = useCall('services:remove');
  const [target] = service.targets;
  const confirm = async (): Promise<void> => {
    if ((await remove.run({ id: service.id })) === null) onClose();
  };
  return (
    <Dialog
      title={t.removal.title(service.name)}
      onClose={onClose}
      returnTo={returnTo}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="destructive" busy={remove.pending} onClick={() => void confirm()}>
            {remove.pending ? t.removal.working : t.removal.confirm}
          </Button>
        </>
      }
    >
      <p className="wrap-anywhere">{t.removal.ends(url)}</p>
      {target !== undefined && <p className="text-muted wrap-anywhere">{t.removal.stays(describeTarget(target))}</p>}
      <Refusal failure={remove.failure} />
    </Dialog>
  );
}
