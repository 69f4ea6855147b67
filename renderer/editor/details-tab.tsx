import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { OriginProtocol, TargetType } from '../../shared/domain/service.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { t } from '../strings/strings.ts';
import { emptyTarget, type ServiceDraft, type TargetDraft } from './draft.ts';
import type { Problems } from './patch.ts';
import { Card, Section, SwitchRow } from './rows.tsx';
import { TextField } from './text-field.tsx';

/** What every tab gets. */
export interface TabProps {
  readonly service: ServiceView;
  readonly draft: ServiceDraft;
  readonly problems: Problems;
  /** The domain of the cluster. */
  readonly cluster: string;
  readonly onChange: (draft: ServiceDraft) => void;
}

const HTTP_TYPES: readonly TargetType[] = ['agent', 'host', 'domain', 'subnet', 'unix'];

interface TargetProps {
  readonly service: ServiceView;
  readonly target: TargetDraft;
  readonly problems: Problems;
  readonly removable: boolean;
  readonly onChange: (target: TargetDraft) => void;
  readonly onRemove: () => void;
}

/** Kinds of places that a target of the service may be in. */
const typesOf = ({ mode }: ServiceView): readonly TargetType[] =>
  mode === 'http' || mode === 'tcp' ? HTTP_TYPES : HTTP_TYPES.filter((type) => type !== 'unix');

function Place({ service, target, problems, onChange }: Omit<TargetProps, 'removable' | 'onRemove'>) {
  const set = (change: Partial<TargetDraft>): void => onChange({ ...target, ...change });
  const problem = (part: string): string | undefined => problems[`target ${target.key} ${part}`];
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label={t.editor.where} problem={problem('type')}>
        {(ids) => (
          <select
            {...ids}
            value={target.type}
            onChange={(event) => {
              const type = HTTP_TYPES.find((known) => known === event.target.value) ?? 'agent';
              set({ type, host: type === 'agent' ? 'localhost' : target.type === 'agent' ? '' : target.host });
            }}
            className={INPUT}
          >
            {typesOf(service).map((type) => (
              <option key={type} value={type}>
                {t.editor.types[type]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {target.type !== 'agent' && (
        <TextField
          label={target.type === 'unix' ? t.editor.socketPath : t.editor.host}
          problem={problem('host')}
          value={target.host}
          onChange={(host) => set({ host })}
          maxLength={253}
          mono
          placeholder={target.type === 'unix' ? '/run/app.sock' : ''}
        />
      )}
      {target.type === 'subnet' && (
        <TextField
          label={t.editor.subnet}
          hint={t.editor.subnetHint}
          problem={problem('subnet')}
          value={target.subnet}
          onChange={(subnet) => set({ subnet })}
          maxLength={64}
          mono
        />
      )}
      {target.type !== 'unix' && (
        <TextField
          label={t.editor.port}
          problem={problem('port')}
          value={target.port}
          onChange={(port) => set({ port })}
          maxLength={10}
          mono
          numeric
        />
      )}
      {service.mode === 'http' && (
        <Field label={t.editor.speaks} problem={problem('protocol')}>
          {(ids) => (
            <select
              {...ids}
              value={target.protocol}
              onChange={(event) => {
                const protocol: OriginProtocol = event.target.value === 'https' ? 'https' : 'http';
                set({ protocol, http2: protocol === 'https' });
              }}
              className={INPUT}
            >
              <option value="http">http</option>
              <option value="https">https</option>
            </select>
          )}
        </Field>
      )}
    </div>
  );
}

function TargetCard(props: TargetProps) {
  const { service, target, problems, removable, onChange, onRemove } = props;
  const set = (change: Partial<TargetDraft>): void => onChange({ ...target, ...change });
  const elsewhere = target.agentId !== undefined && target.agentId !== service.ownerId;
  return (
    <Card label={t.editor.target(target.path)}>
      {service.mode === 'http' && (
        <div className="flex flex-wrap items-end gap-3">
          <div className="min-w-40 flex-1">
            <TextField
              label={t.editor.path}
              problem={problems[`target ${target.key} path`]}
              value={target.path}
              onChange={(path) => set({ path })}
              maxLength={1024}
              mono
            />
          </div>
          {removable && (
            <Button onClick={onRemove} aria-label={`${t.editor.removeTarget}: ${target.path}`}>
              {t.editor.removeTarget}
            </Button>
          )}
        </div>
      )}
      <Place {...props} />
      {elsewhere && <p className="text-13 text-muted">{t.editor.ofLaptop(target.agentId ?? '')}</p>}
      {service.mode === 'http' && removable && (
        <SwitchRow label={t.editor.on} checked={target.enabled} onChange={(enabled) => set({ enabled })} />
      )}
    </Card>
  );
}

/** What the service is called, where visitors find it, where it leads. */
export function DetailsTab({ service, draft, problems, cluster, onChange }: TabProps) {
  const set = (change: Partial<ServiceDraft>): void => onChange({ ...draft, ...change });
  const setTarget = (key: string, next: TargetDraft | undefined): void =>
    set({ targets: draft.targets.flatMap((one) => (one.key !== key ? [one] : next === undefined ? [] : [next])) });
  return (
    <>
      <Section title={t.editor.tabs.details}>
        <Card>
          <TextField
            label={t.editor.name}
            hint={t.editor.nameHint}
            problem={problems.name}
            value={draft.name}
            onChange={(name) => set({ name })}
            maxLength={255}
          />
          <Field label={t.editor.address} hint={t.editor.addressHint} problem={problems.subdomain}>
            {(ids) => (
              <span className="flex min-w-0 items-center gap-1">
                <input
                  {...ids}
                  value={draft.subdomain}
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  maxLength={253}
                  onChange={(event) => set({ subdomain: event.target.value })}
                  className={`${INPUT} flex-1 font-mono`}
                />
                <span className="max-w-[50%] shrink-0 truncate font-mono text-13 text-muted" title={`.${cluster}`}>
                  .{cluster}
                </span>
              </span>
            )}
          </Field>
          {service.mode !== 'http' && (
            <TextField
              label={t.editor.listenPort}
              hint={t.editor.listenPortHint}
              problem={problems.listenPort}
              value={draft.listenPort}
              onChange={(listenPort) => set({ listenPort })}
              maxLength={10}
              mono
              numeric
            />
          )}
          <p className="text-13 text-muted">
            <span className="font-semibold text-text">{t.editor.mode}: </span>
            {t.editor.modes[service.mode]}. {t.editor.modeHint}
          </p>
        </Card>
      </Section>
      <Section title={t.editor.targets} {...(service.mode === 'http' ? { hint: t.editor.targetHint } : {})}>
        {draft.targets.map((target) => (
          <TargetCard
            key={target.key}
            service={service}
            target={target}
            problems={problems}
            removable={service.mode === 'http' && draft.targets.length > 1}
            onChange={(next) => setTarget(target.key, next)}
            onRemove={() => setTarget(target.key, undefined)}
          />
        ))}
        {service.mode === 'http' && (
          <Button
            className="self-start"
            onClick={() => set({ targets: [...draft.targets, { ...emptyTarget(service.mode), path: '/api' }] })}
          >
            {t.editor.addTarget}
          </Button>
        )}
      </Section>
    </>
  );
}
