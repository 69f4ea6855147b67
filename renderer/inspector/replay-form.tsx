import { type FormEvent, type RefObject, useId, useMemo, useState } from 'react';
import type { ExchangeDetail, ExchangeSummary } from '../../shared/contract/inspect.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { editOf, fieldsOf } from './replay-edit.ts';

const words = t.inspector.form;
const AREA = `${INPUT} py-2 font-mono text-12`;

interface FormProps {
  readonly detail: ExchangeDetail;
  readonly returnTo: RefObject<HTMLElement | null>;
  readonly onClose: () => void;
  readonly onReplayed: (exchange: ExchangeSummary) => void;
}

/** A request to be changed and sent to the same target again. */
export function ReplayForm({ detail, returnTo, onClose, onReplayed }: FormProps) {
  const { run, pending, failure } = useCall('inspector:replay');
  const before = useMemo(() => fieldsOf(detail), [detail]);
  const [fields, setFields] = useState(before);
  const [bad, setBad] = useState<'headers' | 'body' | undefined>(undefined);
  const formId = useId();
  const cut = detail.unrepeatable === 'cut';
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const edit = editOf(fields, before, cut);
    setBad(edit.ok ? undefined : edit.field);
    if (!edit.ok) return;
    const made = await run({ id: detail.summary.id, edit: edit.edit });
    if (made === undefined) return;
    onReplayed(made);
    onClose();
  };
  const problemOf = (field: string): string | undefined => (failure?.field === field ? sayFailure(failure) : undefined);
  const bodyHint = fields.body === undefined ? words.bodyKept : cut ? words.bodyMissing : undefined;
  return (
    <Dialog
      title={words.title}
      onClose={onClose}
      returnTo={returnTo}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" form={formId} look="primary" busy={pending}>
            {pending ? t.inspector.replaying : words.send}
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={(event) => void send(event)} className="flex flex-col gap-3">
        <Field label={words.method} problem={problemOf('method')}>
          {(ids) => (
            <input
              {...ids}
              value={fields.method}
              maxLength={128}
              spellCheck={false}
              autoCapitalize="off"
              onChange={(event) => setFields({ ...fields, method: event.target.value })}
              className={`${INPUT} font-mono`}
            />
          )}
        </Field>
        <Field label={words.path} problem={problemOf('path')}>
          {(ids) => (
            <input
              {...ids}
              value={fields.path}
              maxLength={16_384}
              spellCheck={false}
              autoCapitalize="off"
              onChange={(event) => setFields({ ...fields, path: event.target.value })}
              className={`${INPUT} font-mono`}
            />
          )}
        </Field>
        <Field
          label={words.headers}
          hint={words.headersHint}
          problem={bad === 'headers' ? words.headersBad : problemOf('headers')}
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={7}
              value={fields.headers}
              spellCheck={false}
              onChange={(event) => setFields({ ...fields, headers: event.target.value })}
              className={AREA}
            />
          )}
        </Field>
        <Field
          label={words.body}
          {...(bodyHint === undefined ? {} : { hint: bodyHint })}
          problem={bad === 'body' ? words.bodyLarge : problemOf('body')}
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={6}
              disabled={fields.body === undefined}
              value={fields.body ?? ''}
              spellCheck={false}
              onChange={(event) => setFields({ ...fields, body: event.target.value })}
              className={AREA}
            />
          )}
        </Field>
        {failure?.field === undefined && <Refusal failure={failure} />}
      </form>
    </Dialog>
  );
}
