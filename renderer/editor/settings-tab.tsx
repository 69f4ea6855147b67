import type { ServiceView } from '../../shared/contract/control-api.ts';
import { targetLabel } from '../../shared/domain/service.ts';
import { Button, IconButton } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { t } from '../strings/strings.ts';
import type { TabProps } from './details-tab.tsx';
import { newKey, type ServiceDraft, type TargetDraft } from './draft.ts';
import type { Problems } from './patch.ts';
import { Card, Section, SwitchRow } from './rows.tsx';
import { TextField } from './text-field.tsx';

interface OptionProps {
  readonly target: TargetDraft;
  readonly problems: Problems;
  readonly onChange: (target: TargetDraft) => void;
}

/** How a target is called in headings. */
const nameOf = ({ type, host, port }: TargetDraft): string => targetLabel({ type, host, port: Number(port) || 0 });

function CustomHeaders({ target, problems, onChange }: OptionProps) {
  const { headers } = target;
  const set = (key: string, change: { readonly name?: string; readonly value?: string } | undefined): void =>
    onChange({
      ...target,
      headers: headers.flatMap((one) =>
        one.key !== key ? [one] : change === undefined ? [] : [{ ...one, ...change }],
      ),
    });
  return (
    <fieldset aria-label={t.editor.customHeaders} className="flex min-w-0 flex-col gap-3">
      <div>
        <p className="text-15">{t.editor.customHeaders}</p>
        <p className="max-w-[68ch] text-13 text-muted">{t.editor.customHeadersHint}</p>
      </div>
      {headers.map(({ key, name, value }) => (
        <div key={key} className="flex items-start gap-2">
          <div className="grid min-w-0 flex-1 gap-2 sm:grid-cols-2">
            <TextField
              label={t.editor.headerName}
              problem={problems[`target ${target.key} header ${key}`]}
              value={name}
              onChange={(next) => set(key, { name: next })}
              maxLength={200}
              mono
            />
            <TextField
              label={t.editor.headerValue}
              value={value}
              onChange={(next) => set(key, { value: next })}
              maxLength={4096}
              mono
            />
          </div>
          <IconButton
            className="mt-5"
            aria-label={`${t.editor.removeHeader}: ${name}`}
            onClick={() => set(key, undefined)}
          >
            <Icon name="close" />
          </IconButton>
        </div>
      ))}
      <Button
        className="self-start"
        onClick={() => onChange({ ...target, headers: [...headers, { key: newKey(), name: '', value: '' }] })}
      >
        {t.editor.addCustomHeader}
      </Button>
    </fieldset>
  );
}

function Times({ mode, target, problems, onChange }: OptionProps & Pick<ServiceView, 'mode'>) {
  const set = (change: Partial<TargetDraft>): void => onChange({ ...target, ...change });
  const problem = (part: string): string | undefined => problems[`target ${target.key} ${part}`];
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <TextField
        label={t.editor.connectTimeout}
        problem={problem('connectTimeout')}
        value={target.connectTimeout}
        onChange={(connectTimeout) => set({ connectTimeout })}
        maxLength={20}
        mono
      />
      {mode === 'http' ? (
        <TextField
          label={t.editor.responseTimeout}
          hint={t.editor.responseTimeoutHint}
          problem={problem('responseTimeout')}
          value={target.responseTimeout}
          onChange={(responseTimeout) => set({ responseTimeout })}
          maxLength={20}
          mono
        />
      ) : (
        <TextField
          label={t.editor.idleTimeout}
          hint={t.editor.idleTimeoutHint}
          problem={problem('idleTimeout')}
          value={target.idleTimeout}
          onChange={(idleTimeout) => set({ idleTimeout })}
          maxLength={20}
          mono
        />
      )}
    </div>
  );
}

function TargetOptions({ mode, target, problems, onChange }: OptionProps & Pick<ServiceView, 'mode'>) {
  const set = (change: Partial<TargetDraft>): void => onChange({ ...target, ...change });
  return (
    <Card label={t.editor.options(nameOf(target))}>
      {mode === 'http' && target.protocol === 'https' && (
        <SwitchRow label={t.editor.verify} checked={target.verify} onChange={(verify) => set({ verify })} />
      )}
      {mode === 'http' && (
        <SwitchRow
          label={t.editor.http2}
          hint={t.editor.http2Hint}
          checked={target.http2}
          onChange={(http2) => set({ http2 })}
        />
      )}
      {mode === 'http' && target.path !== '/' && (
        <SwitchRow
          label={t.editor.preservePath}
          checked={target.pathRewrite === 'preserve'}
          onChange={(keep) => set({ pathRewrite: keep ? 'preserve' : 'strip' })}
        />
      )}
      {(mode === 'tcp' || mode === 'tls') && (
        <SwitchRow
          label={t.editor.proxyProtocol}
          checked={target.proxyProtocol}
          onChange={(proxyProtocol) => set({ proxyProtocol })}
        />
      )}
      <Times mode={mode} target={target} problems={problems} onChange={onChange} />
      {mode === 'http' && <CustomHeaders target={target} problems={problems} onChange={onChange} />}
    </Card>
  );
}

/** How requests and connections are carried. */
export function SettingsTab({ service, draft, problems, onChange }: TabProps) {
  const set = (change: Partial<ServiceDraft>): void => onChange({ ...draft, ...change });
  return (
    <>
      {service.mode === 'http' && (
        <Section title={t.editor.tabs.settings}>
          <Card>
            <SwitchRow
              label={t.editor.passHostHeader}
              hint={t.editor.passHostHeaderHint}
              checked={draft.passHostHeader}
              onChange={(passHostHeader) => set({ passHostHeader })}
            />
            <SwitchRow
              label={t.editor.rewriteRedirects}
              hint={t.editor.rewriteRedirectsHint}
              checked={draft.rewriteRedirects}
              onChange={(rewriteRedirects) => set({ rewriteRedirects })}
            />
          </Card>
        </Section>
      )}
      {draft.targets.map((target) => (
        <Section key={target.key} title={t.editor.options(nameOf(target))}>
          <TargetOptions
            mode={service.mode}
            target={target}
            problems={problems}
            onChange={(next) => set({ targets: draft.targets.map((one) => (one.key === target.key ? next : one)) })}
          />
        </Section>
      ))}
    </>
  );
}
