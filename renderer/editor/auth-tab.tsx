import { useState } from 'react';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Notice, Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import type { TabProps } from './details-tab.tsx';
import { type AuthDraft, type HeaderDraft, newKey, protects, type SecretDraft } from './draft.ts';
import type { Problems } from './patch.ts';
import { Card, Section, SwitchRow } from './rows.tsx';
import { TextField } from './text-field.tsx';

interface SecretFieldProps {
  readonly label: string;
  /** One is stored: leaving the field empty keeps it. */
  readonly stored: boolean;
  readonly secret: SecretDraft;
  readonly problem: string | undefined;
  readonly numeric: boolean;
  readonly onChange: (value: string) => void;
  readonly onMake?: () => void;
}

function SecretField({ label, stored, secret, problem, numeric, onChange, onMake }: SecretFieldProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} {...(stored ? { hint: t.editor.secretSet } : {})} problem={problem}>
      {(ids) => (
        <span className="flex flex-wrap gap-2">
          <input
            {...ids}
            type={shown ? 'text' : 'password'}
            value={secret.value}
            autoComplete="new-password"
            inputMode={numeric ? 'numeric' : 'text'}
            maxLength={numeric ? 6 : 1024}
            placeholder={stored ? '••••••' : ''}
            onChange={(event) => onChange(event.target.value)}
            className={`${INPUT} min-w-32 flex-1 font-mono`}
          />
          <Button aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? t.editor.hide : t.editor.show}
          </Button>
          {onMake !== undefined && (
            <Button
              onClick={() => {
                setShown(true);
                onMake();
              }}
            >
              {t.editor.makePin}
            </Button>
          )}
        </span>
      )}
    </Field>
  );
}

/** Six digits, each as likely as any other. */
function randomPin(): string {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  // The few values beyond the last whole million would favour small numbers.
  return value < 4_294_000_000 ? String(value % 1_000_000).padStart(6, '0') : randomPin();
}

interface HeaderProps {
  readonly header: HeaderDraft;
  readonly problems: Problems;
  readonly onChange: (header: HeaderDraft) => void;
  readonly onRemove: () => void;
}

const KINDS = ['bearer', 'basic', 'custom'] as const;

function NewHeader({ header, problems, onChange }: Omit<HeaderProps, 'onRemove'>) {
  const set = (change: Partial<HeaderDraft>): void => onChange({ ...header, ...change });
  const problem = (part: string): string | undefined => problems[`header ${header.key} ${part}`];
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label={t.editor.kind}>
        {(ids) => (
          <select
            {...ids}
            value={header.kind}
            onChange={(event) => set({ kind: KINDS.find((kind) => kind === event.target.value) ?? 'bearer' })}
            className={INPUT}
          >
            {KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {t.editor.kinds[kind]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {header.kind === 'custom' && (
        <TextField
          label={t.editor.headerName}
          problem={problem('name')}
          value={header.name}
          onChange={(name) => set({ name })}
          maxLength={128}
          mono
          placeholder="X-Api-Key"
        />
      )}
      {header.kind === 'basic' && (
        <TextField
          label={t.editor.user}
          problem={problem('user')}
          value={header.user}
          onChange={(user) => set({ user })}
          maxLength={255}
        />
      )}
      <Field label={t.editor.secret[header.kind]} problem={problem('secret')}>
        {(ids) => (
          <input
            {...ids}
            type="password"
            value={header.secret}
            autoComplete="new-password"
            maxLength={4096}
            onChange={(event) => set({ secret: event.target.value })}
            className={`${INPUT} font-mono`}
          />
        )}
      </Field>
    </div>
  );
}

function HeaderCard(props: HeaderProps) {
  const { header, onRemove } = props;
  const name = header.name === '' ? 'Authorization' : header.name;
  return (
    <div className="flex flex-col gap-3 rounded-8 border border-line p-3">
      {header.id === undefined ? (
        <NewHeader {...props} />
      ) : (
        <div>
          <p className="text-15 wrap-anywhere">
            {t.editor.kinds[header.kind]} <span className="font-mono text-13 text-muted">{header.user || name}</span>
          </p>
          <p className="text-13 text-muted">{t.editor.secretKept}</p>
        </div>
      )}
      <Button className="self-start" onClick={onRemove} aria-label={`${t.editor.removeHeader}: ${name}`}>
        {t.editor.removeHeader}
      </Button>
    </div>
  );
}

interface SsoProps {
  readonly auth: AuthDraft;
  readonly providers: NonNullable<AgentState['edge']['providers']>;
  readonly problems: Problems;
  readonly onChange: (sso: AuthDraft['sso']) => void;
}

function Sso({ auth, providers, problems, onChange }: SsoProps) {
  const { sso } = auth;
  const none = providers.length === 0;
  return (
    <SwitchRow
      label={t.editor.sso}
      hint={none ? t.editor.ssoNone : t.editor.ssoHint}
      checked={sso.on}
      disabled={none && !sso.on}
      onChange={(on) => onChange({ ...sso, on })}
    >
      <div className="flex flex-col gap-4">
        {providers.length > 1 && (
          <Field label={t.editor.provider} problem={problems['auth provider']}>
            {(ids) => (
              <select
                {...ids}
                value={sso.provider}
                onChange={(event) => onChange({ ...sso, provider: event.target.value })}
                className={INPUT}
              >
                {providers.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <TextField
          label={t.editor.groups}
          hint={t.editor.groupsHint}
          problem={problems['auth sso']}
          value={sso.groups}
          onChange={(groups) => onChange({ ...sso, groups })}
          maxLength={25_000}
          rows={3}
        />
      </div>
    </SwitchRow>
  );
}

function SignOut({ id }: { readonly id: string }) {
  const call = useCall('services:signOut');
  const [done, setDone] = useState(false);
  return (
    <div className="flex flex-col gap-2">
      <Button
        className="self-start"
        busy={call.pending}
        onClick={() => void call.run({ id }).then((service) => setDone(service !== undefined))}
      >
        {call.pending ? t.editor.signingOut : t.editor.signOut}
      </Button>
      <p role="status" className="text-13 text-muted">
        {done ? t.editor.signedOut : t.editor.signOutHint}
      </p>
      <Refusal failure={call.failure} />
    </div>
  );
}

interface AuthTabProps extends TabProps {
  readonly providers: NonNullable<AgentState['edge']['providers']>;
}

/** How visitors prove who they are. */
export function AuthTab({ service, draft, problems, providers, onChange }: AuthTabProps) {
  if (service.mode !== 'http')
    return (
      <Section title={t.editor.protectionTitle}>
        <p className="max-w-[68ch] text-15">{t.editor.direct}</p>
      </Section>
    );
  const { auth } = draft;
  const set = (change: Partial<AuthDraft>): void => onChange({ ...draft, auth: { ...auth, ...change } });
  const setHeader = (key: string, next: HeaderDraft | undefined): void =>
    set({ headers: auth.headers.flatMap((one) => (one.key !== key ? [one] : next === undefined ? [] : [next])) });
  return (
    <Section title={t.editor.protectionTitle} {...(protects(draft) ? { hint: t.editor.protected } : {})}>
      {!protects(draft) && (
        <Notice tone="warn" mark="attention">
          {t.editor.public}
        </Notice>
      )}
      <Card>
        <SwitchRow
          label={t.editor.password}
          hint={t.editor.passwordHint}
          checked={auth.password.on}
          onChange={(on) => set({ password: { on, value: '' } })}
        >
          <SecretField
            label={t.editor.newPassword}
            stored={service.auth?.password === true}
            secret={auth.password}
            problem={problems['auth password']}
            numeric={false}
            onChange={(value) => set({ password: { on: true, value } })}
          />
        </SwitchRow>
      </Card>
      <Card>
        <SwitchRow
          label={t.editor.pin}
          hint={t.editor.pinHint}
          checked={auth.pin.on}
          onChange={(on) => set({ pin: { on, value: '' } })}
        >
          <SecretField
            label={t.editor.newPin}
            stored={service.auth?.pin === true}
            secret={auth.pin}
            problem={problems['auth pin']}
            numeric
            onChange={(value) => set({ pin: { on: true, value } })}
            onMake={() => set({ pin: { on: true, value: randomPin() } })}
          />
        </SwitchRow>
      </Card>
      <Card>
        <Sso auth={auth} providers={providers} problems={problems} onChange={(sso) => set({ sso })} />
      </Card>
      <Card>
        <SwitchRow
          label={t.editor.link}
          hint={t.editor.linkHint}
          checked={auth.link}
          onChange={(link) => set({ link })}
        />
      </Card>
      <Card>
        <div>
          <p className="text-15">{t.editor.headers}</p>
          <p className="max-w-[68ch] text-13 text-muted">{t.editor.headersHint}</p>
        </div>
        {auth.headers.map((header) => (
          <HeaderCard
            key={header.key}
            header={header}
            problems={problems}
            onChange={(next) => setHeader(header.key, next)}
            onRemove={() => setHeader(header.key, undefined)}
          />
        ))}
        <Button
          className="self-start"
          onClick={() =>
            set({ headers: [...auth.headers, { key: newKey(), kind: 'bearer', name: '', user: '', secret: '' }] })
          }
        >
          {t.editor.addHeader}
        </Button>
      </Card>
      {service.auth !== undefined && <SignOut id={service.id} />}
    </Section>
  );
}
