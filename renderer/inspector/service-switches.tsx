import { useId, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { Refusal } from '../controls/notice.tsx';
import { Switch } from '../controls/switch.tsx';
import { useMirror } from '../state/porthole.tsx';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';

function ServiceSwitch({ service, online }: { readonly service: ServiceView; readonly online: boolean }) {
  const { run, pending, failure } = useCall('inspector:set');
  const [wish, setWish] = useState(false);
  const on = useMirror((mirror) => mirror.state?.inspecting?.includes(service.id) === true);
  const change = (enabled: boolean): void => {
    setWish(enabled);
    void run({ serviceId: service.id, enabled });
  };
  return (
    <li className="flex min-w-0 items-center gap-1">
      <Switch
        checked={pending ? wish : on}
        busy={pending}
        disabled={!online}
        label={`${t.inspector.inspect}: ${service.name}`}
        onChange={change}
      />
      <span className={`min-w-0 truncate text-13 ${on ? 'font-semibold text-warn' : ''}`} title={service.name}>
        {service.name}
      </span>
      <Refusal failure={failure} />
    </li>
  );
}

/** Which services are inspected: all off until somebody switches one on. */
export function ServiceSwitches({ online }: { readonly online: boolean }) {
  const services = useMirror((mirror) => mirror.state?.services);
  const known = useMirror((mirror) => mirror.state?.servicesKnown === true);
  const titleId = useId();
  const offered = services?.filter(({ mode }) => mode === 'http') ?? [];
  if (!known) return null;
  if (offered.length === 0) return <p className="text-muted">{t.inspector.noServices}</p>;
  return (
    <section aria-labelledby={titleId} className="flex flex-col gap-1">
      <h2 id={titleId} className="text-13 font-semibold">
        {t.inspector.choose}
      </h2>
      <ul className="flex max-h-31 flex-wrap gap-x-6 overflow-y-auto">
        {offered.map((service) => (
          <ServiceSwitch key={service.id} service={service} online={online} />
        ))}
      </ul>
      <p className="max-w-[72ch] text-12 text-muted">{t.inspector.chooseHint}</p>
    </section>
  );
}
