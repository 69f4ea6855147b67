import { useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';

/** Takes a join link; what it names is shown by the dialog before anything is joined. The link is not kept here. */
export function JoinForm({ online }: { readonly online: boolean }) {
  const [link, setLink] = useState('');
  const preview = useCall('join:preview');
  const look = async (): Promise<void> => {
    if ((await preview.run({ link })) !== undefined) setLink('');
  };
  return (
    <form
      aria-label={t.join.title}
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void look();
      }}
    >
      <p className="max-w-[68ch] text-13 text-muted">{t.join.body}</p>
      <Field label={t.join.field} hint={t.join.safe} problem={sayFailure(preview.failure)}>
        {(ids) => (
          <input
            {...ids}
            type="text"
            value={link}
            onChange={(event) => {
              setLink(event.target.value);
              preview.clear();
            }}
            placeholder={t.join.placeholder}
            autoComplete="off"
            spellCheck={false}
            className={`${INPUT} font-mono`}
          />
        )}
      </Field>
      <Button type="submit" className="self-start" disabled={!online || link.trim() === ''} busy={preview.pending}>
        {preview.pending ? t.join.looking : t.join.look}
      </Button>
    </form>
  );
}
