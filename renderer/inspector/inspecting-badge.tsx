import { useMirror } from '../state/porthole.tsx';
import { hrefOf } from '../state/route.ts';
import { t } from '../strings/strings.ts';

/** Says, for as long as it is so, that the requests of a service are read along; leads to them. */
export function InspectingBadge({ serviceId }: { readonly serviceId: string }) {
  const on = useMirror((mirror) => mirror.state?.inspecting?.includes(serviceId) === true);
  if (!on) return null;
  return (
    <p data-inspecting={serviceId}>
      <a
        href={hrefOf('inspector', serviceId)}
        className="inline-flex items-center gap-1.5 rounded-8 border border-warn/40 bg-warn-soft px-2 text-12 font-semibold text-warn"
      >
        <span aria-hidden="true" className="size-2 rounded-full border-2 border-warn" />
        {t.inspector.on}
      </a>
    </p>
  );
}
