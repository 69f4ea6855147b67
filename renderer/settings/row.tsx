import type { ReactNode } from 'react';
import type { PreferencesPatch } from '../../shared/contract/ipc.ts';
import { Refusal } from '../controls/notice.tsx';
import { Switch } from '../controls/switch.tsx';
import { useCall } from '../state/use-call.ts';

interface SectionProps {
  readonly title: string;
  readonly children: ReactNode;
}

/** Settings that belong together. */
export const Section = ({ title, children }: SectionProps) => (
  <section aria-label={title} className="flex flex-col gap-2">
    <h2 className="text-18 font-semibold">{title}</h2>
    <div className="flex flex-col divide-y divide-line rounded-8 border border-line bg-surface">{children}</div>
  </section>
);

interface RowProps {
  readonly label: string;
  readonly hint?: ReactNode;
  /** The control at the right edge. */
  readonly control?: ReactNode;
  /** What stands under both. */
  readonly children?: ReactNode;
}

/** One setting: what it is, what it means, and how it stands. */
export const Row = ({ label, hint, control, children }: RowProps) => (
  <div className="flex flex-col gap-2 px-4 py-3">
    <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
      <div className="flex max-w-[60ch] min-w-0 flex-1 basis-44 flex-col">
        <p className="text-15 font-semibold">{label}</p>
        {hint !== undefined && <p className="text-13 text-muted wrap-anywhere">{hint}</p>}
      </div>
      {control}
    </div>
    {children}
  </div>
);

interface ToggleProps {
  readonly label: string;
  readonly hint: string;
  readonly checked: boolean;
  readonly online: boolean;
  readonly patch: (checked: boolean) => PreferencesPatch;
}

/** A setting that is on or off; its refusal shows under it. */
export function Toggle({ label, hint, checked, online, patch }: ToggleProps) {
  const { run, pending, failure } = useCall('preferences:set');
  return (
    <Row
      label={label}
      hint={hint}
      control={
        <Switch
          // While it is asked for, what was asked for.
          checked={pending ? !checked : checked}
          busy={pending}
          disabled={!online}
          label={label}
          onChange={(wanted) => void run(patch(wanted))}
        />
      }
    >
      <Refusal failure={failure} />
    </Row>
  );
}
