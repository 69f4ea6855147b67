import { type ReactNode, useId } from 'react';
import { Switch } from '../controls/switch.tsx';

/** A part of a tab: a heading, what it is about, and its controls. */
export function Section({
  title,
  hint,
  children,
}: {
  readonly title: string;
  readonly hint?: string;
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="flex flex-col gap-4">
      <header className="flex flex-col gap-1">
        <h2 id={id} className="text-18 font-semibold wrap-anywhere">
          {title}
        </h2>
        {hint !== undefined && <p className="max-w-[68ch] text-13 text-muted">{hint}</p>}
      </header>
      {children}
    </section>
  );
}

/** Things that belong together, on a surface of their own. */
export const Card = ({ label, children }: { readonly label?: string; readonly children: ReactNode }) => (
  <div
    {...(label === undefined ? {} : { role: 'group', 'aria-label': label })}
    className="flex flex-col gap-4 rounded-8 border border-line bg-surface p-4"
  >
    {children}
  </div>
);

interface SwitchRowProps {
  readonly label: string;
  readonly hint?: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  /** Shown under the row while it is on. */
  readonly children?: ReactNode;
}

/** A setting that is on or off: words at the left, the switch at the right edge. */
export const SwitchRow = ({ label, hint, checked, onChange, disabled = false, children }: SwitchRowProps) => (
  <div className="flex flex-col gap-3">
    <div className="flex items-start justify-between gap-4">
      <div className="min-w-0 pt-2">
        <p className="text-15">{label}</p>
        {hint !== undefined && <p className="max-w-[68ch] text-13 text-muted">{hint}</p>}
      </div>
      <Switch checked={checked} busy={false} disabled={disabled} label={label} onChange={onChange} />
    </div>
    {checked && children}
  </div>
);

interface ChoiceProps<T extends string> {
  readonly legend: string;
  readonly hint?: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
}

/** One of a few, all of them in view. */
export function Choice<T extends string>({ legend, hint, value, options, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="pb-1 text-13 font-semibold">{legend}</legend>
      {options.map(([option, label]) => (
        <label key={option} className="flex min-h-9 items-center gap-3 text-15 pointer-coarse:min-h-11">
          <input
            type="radio"
            name={name}
            value={option}
            checked={option === value}
            onChange={() => onChange(option)}
            className="size-4 shrink-0 accent-accent"
          />
          {label}
        </label>
      ))}
      {hint !== undefined && <p className="max-w-[68ch] text-13 text-muted">{hint}</p>}
    </fieldset>
  );
}
