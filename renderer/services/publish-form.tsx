import { useId, useRef, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Icon } from '../controls/icons.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import {
  AUDIENCES,
  audienceOfDraft,
  EMPTY_DRAFT,
  fieldOf,
  hasPort,
  hasSecret,
  PROTOCOLS,
  type PublishDraft,
  toInput,
} from './publish-input.ts';

interface FormProps {
  readonly domain: string;
  readonly online: boolean;
  readonly onPublished: (service: ServiceView) => void;
}

interface AudienceProps {
  readonly draft: PublishDraft;
  readonly problemOf: (name: keyof PublishDraft) => string | undefined;
  readonly onChange: (change: Partial<PublishDraft>) => void;
}

/** Whom a new web service lets in. */
function AudienceFields({ draft, problemOf, onChange }: AudienceProps) {
  const { audience, secret } = draft;
  return (
    <>
      <Field label={t.form.audience} problem={problemOf('audience')}>
        {(ids) => (
          <select
            {...ids}
            value={audience}
            onChange={(event) =>
              onChange({ audience: AUDIENCES.find((known) => known === event.target.value) ?? 'anyone', secret: '' })
            }
            className={INPUT}
          >
            {AUDIENCES.map((known) => (
              <option key={known} value={known}>
                {t.form.audiences[known]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {hasSecret(audience) && (
        <Field label={t.form.secrets[audience]} hint={t.form.secretHint} problem={problemOf('secret')}>
          {(ids) => (
            <input
              {...ids}
              name="secret"
              value={secret}
              inputMode={audience === 'pin' ? 'numeric' : 'text'}
              autoComplete="off"
              maxLength={audience === 'pin' ? 6 : 1024}
              onChange={(event) => onChange({ secret: event.target.value })}
              className={`${INPUT} font-mono`}
            />
          )}
        </Field>
      )}
    </>
  );
}

/** A port, host or protocol that isn't in the list, folded away until it is asked for. */
export function PublishForm({ domain, online, onPublished }: FormProps) {
  const [draft, setDraft] = useState<PublishDraft>(EMPTY_DRAFT);
  const [typed, setTyped] = useState<Failure | undefined>(undefined);
  const publish = useCall('services:publish');
  const form = useRef<HTMLFormElement>(null);
  const fold = useRef<HTMLDetailsElement>(null);
  const titleId = useId();
  const problem = typed ?? publish.failure;
  const field = problem === undefined ? undefined : fieldOf(problem);
  const problemOf = (name: keyof PublishDraft): string | undefined =>
    field === name ? sayFailure(problem) : undefined;
  const set = (change: Partial<PublishDraft>): void => setDraft((before) => ({ ...before, ...change }));

  const submit = async (): Promise<void> => {
    const input = toInput(draft);
    setTyped(input.ok ? undefined : input.error);
    publish.clear();
    if (!input.ok) return form.current?.querySelector<HTMLInputElement>(`input[name=${input.error.field}]`)?.focus();
    const made = await publish.run(input.value);
    if (made === undefined) return;
    setDraft(EMPTY_DRAFT);
    fold.current?.removeAttribute('open');
    onPublished(made);
  };

  return (
    <details ref={fold} className="group rounded-8 border border-line bg-surface">
      <summary
        id={titleId}
        className="flex min-h-11 list-none items-center justify-between gap-2 rounded-8 px-4 text-13 font-semibold text-accent hover:bg-accent-soft [&::-webkit-details-marker]:hidden"
      >
        {t.form.title}
        <span className="transition-transform duration-120 ease-out group-open:rotate-180">
          <Icon name="chevron" />
        </span>
      </summary>
      <form
        ref={form}
        aria-labelledby={titleId}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        className="flex flex-col gap-4 border-t border-line p-4"
      >
        <div className="grid grid-cols-[112px_minmax(0,1fr)] gap-x-3 gap-y-1">
          <Field column="first" label={t.form.port} problem={problemOf('port')}>
            {(ids) => (
              <input
                {...ids}
                name="port"
                value={draft.port}
                inputMode="numeric"
                autoComplete="off"
                maxLength={40}
                placeholder="3000"
                onChange={(event) => set({ port: event.target.value })}
                className={`${INPUT} tabular font-mono`}
              />
            )}
          </Field>
          <Field
            column="second"
            label={t.form.protocol}
            {...(hasPort(draft.protocol) ? { hint: t.form.protocolHint[draft.protocol] } : {})}
            problem={problemOf('protocol')}
          >
            {(ids) => (
              <select
                {...ids}
                value={draft.protocol}
                onChange={(event) =>
                  set({ protocol: PROTOCOLS.find((known) => known === event.target.value) ?? 'http' })
                }
                className={INPUT}
              >
                {PROTOCOLS.map((protocol) => (
                  <option key={protocol} value={protocol}>
                    {protocol}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        {hasPort(draft.protocol) && (
          <Field
            label={t.form.listenPort}
            hint={draft.protocol === 'tls' ? t.form.listenPortTls : t.form.listenPortHint}
            problem={problemOf('listenPort')}
          >
            {(ids) => (
              <input
                {...ids}
                name="listenPort"
                value={draft.listenPort ?? ''}
                inputMode="numeric"
                autoComplete="off"
                maxLength={40}
                onChange={(event) => set({ listenPort: event.target.value })}
                className={`${INPUT} tabular font-mono`}
              />
            )}
          </Field>
        )}
        <Field label={t.form.host} hint={t.form.hostHint} problem={problemOf('host')}>
          {(ids) => (
            <input
              {...ids}
              value={draft.host}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={253}
              placeholder="localhost"
              onChange={(event) => set({ host: event.target.value })}
              className={`${INPUT} font-mono`}
            />
          )}
        </Field>
        <Field label={t.form.name} hint={t.form.nameHint} problem={problemOf('name')}>
          {(ids) => (
            <span className="flex min-w-0 items-center gap-1">
              <input
                {...ids}
                value={draft.name}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                maxLength={255}
                onChange={(event) => set({ name: event.target.value })}
                className={`${INPUT} flex-1 font-mono`}
              />
              <span
                className="max-w-[50%] shrink-0 truncate font-mono text-13 text-muted"
                title={t.form.suffix(domain)}
              >
                {t.form.suffix(domain)}
              </span>
            </span>
          )}
        </Field>
        {!hasPort(draft.protocol) && <AudienceFields draft={draft} problemOf={problemOf} onChange={set} />}
        {field === undefined && <Refusal failure={problem} />}
        <p className="text-13 text-muted">
          {hasPort(draft.protocol) ? t.form.noteDirect : t.form.notes[draft.audience]}
        </p>
        <Button look="primary" type="submit" busy={publish.pending} disabled={!online} className="sm:self-start">
          {publish.pending
            ? t.ports.making
            : audienceOfDraft(draft) === 'anyone'
              ? t.form.submit
              : t.form.submitGuarded}
        </Button>
      </form>
    </details>
  );
}
