import { useEffect } from 'react';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useMirror } from '../state/porthole.tsx';
import { standingOf } from '../state/standing.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';

const NAMED = 5;

/** Asks before quitting, and names what goes offline. */
export function QuitDialog({ onClose }: { readonly onClose: () => void }) {
  const state = useMirror((mirror) => mirror.state);
  const gone = useMirror((mirror) => mirror.connection !== 'open');
  const quit = useCall('app:quit');
  // Main may be gone before it could answer: then it has quit, and the banner says so.
  useEffect(() => {
    if (gone) onClose();
  }, [gone, onClose]);
  const live = state?.services.filter((service) => standingOf(service, state).key === 'active') ?? [];
  return (
    <Dialog
      title={t.quitting.title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="primary"
            busy={quit.pending}
            onClick={() => void quit.run(undefined).then((done) => done === null && onClose())}
          >
            {quit.pending ? t.quitting.working : t.quitting.confirm}
          </Button>
        </>
      }
    >
      {live.length === 0 ? (
        <p>{t.quitting.none}</p>
      ) : (
        <>
          <p>{t.quitting.some(live.length)}</p>
          <ul className="flex flex-col gap-1 text-13 wrap-anywhere">
            {live.slice(0, NAMED).map((service) => (
              <li key={service.id}>{service.name}</li>
            ))}
            {live.length > NAMED && <li className="text-muted">{t.quitting.more(live.length - NAMED)}</li>}
          </ul>
          <p className="text-muted">{t.quitting.back(live.length)}</p>
        </>
      )}
      <Refusal failure={quit.failure} />
    </Dialog>
  );
}
