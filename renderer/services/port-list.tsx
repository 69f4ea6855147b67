import { useId } from 'react';
import type { AgentState, LocalPort } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { Button } from '../controls/button.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Refusal } from '../controls/notice.tsx';
import { dialHost } from '../state/address.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';

interface PortListProps {
  readonly state: AgentState;
  readonly online: boolean;
  readonly onPublished: (service: ServiceView) => void;
}

interface PortRowProps {
  readonly port: LocalPort;
  readonly service: ServiceView | undefined;
  readonly online: boolean;
  /** No service exists yet: making one public is the one thing to do here. */
  readonly first: boolean;
  readonly onPublished: (service: ServiceView) => void;
}

function PortRow({ port, service, online, first, onPublished }: PortRowProps) {
  const publish = useCall('services:publish');
  const labelId = useId();
  const host = dialHost(port);
  const click = async (): Promise<void> => {
    const made = await publish.run({ port: port.port, ...(host === undefined ? {} : { host }) });
    if (made !== undefined) onPublished(made);
  };
  return (
    <li className="flex flex-col border-b border-line px-4 py-1 last:border-b-0" data-port={port.port}>
      <div className="flex min-h-11 items-center gap-3">
        <p id={labelId} className="flex min-w-0 flex-1 items-baseline gap-3">
          <span className="tabular w-12 shrink-0 font-mono text-15 font-semibold">{port.port}</span>
          <span className="min-w-0 truncate text-13 text-muted" title={port.process}>
            {port.process ?? t.ports.unknownProcess}
            {host !== undefined && ` ${t.ports.elsewhere(host)}`}
          </span>
        </p>
        {service === undefined ? (
          <Button
            look={first ? 'primary' : 'plain'}
            busy={publish.pending}
            disabled={!online}
            aria-describedby={labelId}
            onClick={() => void click()}
          >
            {publish.pending ? t.ports.making : t.ports.makePublic}
          </Button>
        ) : (
          <span className="max-w-[50%] truncate text-13 text-muted" title={service.name}>
            {service.enabled ? t.ports.publicAs(service.name) : t.ports.offAs(service.name)}
          </span>
        )}
      </div>
      {publish.failure !== undefined && (
        <div className="pb-2">
          <Refusal failure={publish.failure} />
        </div>
      )}
    </li>
  );
}

/** What listens on this laptop, each port one click away from being public. */
export function PortList({ state, online, onPublished }: PortListProps) {
  if (!state.portsKnown) return <Skeleton rows={3} label={t.common.loading} />;
  const services = new Map(state.services.map((service) => [service.id, service]));
  if (state.ports.length === 0)
    return <p className="rounded-8 border border-line bg-surface p-4 text-13 text-muted">{t.ports.none}</p>;
  return (
    <ul aria-label={t.ports.list} className="rounded-8 border border-line bg-surface">
      {state.ports.map((port) => (
        <PortRow
          key={port.port}
          port={port}
          service={port.serviceId === undefined ? undefined : services.get(port.serviceId)}
          online={online}
          first={state.services.length === 0}
          onPublished={onPublished}
        />
      ))}
    </ul>
  );
}
