import { type RefObject, useId, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';

interface RenameProps {
  readonly service: ServiceView;
  readonly onClose: () => void;
  readonly returnTo: RefObject<HTMLElement | null>;
}

/** Changes what a service is called here. */
export function RenameDialog({ service, onClose, returnTo }: RenameProps) {
  const [name, setName] = useState(service.name);
  const rename = useCall('services:rename');
  const form = useId();
  const save = async (): Promise<void> => {
    const trimmed = name.trim();
    if (trimmed === service.name || (await rename.run({ id: service.id, name: trimmed })) !== undefined) onClose();
  };
  return (
    <Dialog
      title={t.renaming.title(service.name)}
      onClose={onClose}
      returnTo={returnTo}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="primary" type="submit" form={form} busy={rename.pending}>
            {rename.pending ? t.renaming.working : t.renaming.confirm}
          </Button>
        </>
      }
    >
      <form
        id={form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label={t.renaming.name} hint={t.renaming.hint} problem={sayFailure(rename.failure)}>
          {(ids) => (
            <input
              {...ids}
              value={name}
              maxLength={255}
              required
              autoComplete="off"
              onFocus={(event) => event.target.select()}
              onChange={(event) => setName(event.target.value)}
              className={INPUT}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
