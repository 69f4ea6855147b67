interface SwitchProps {
  readonly checked: boolean;
  /** A change is under way: the switch shows what was asked for and takes no second click. */
  readonly busy: boolean;
  readonly disabled: boolean;
  readonly label: string;
  readonly onChange: (checked: boolean) => void;
}

/** An on/off switch: the knob's place says it, the colour repeats it. */
export const Switch = ({ checked, busy, disabled, label, onChange }: SwitchProps) => (
  <button
    type="button"
    role="switch"
    aria-checked={checked}
    aria-label={label}
    aria-busy={busy || undefined}
    disabled={disabled}
    onClick={() => {
      if (!busy) onChange(!checked);
    }}
    className="group inline-flex h-9 w-11 shrink-0 items-center justify-center rounded-8 disabled:opacity-60 pointer-coarse:size-11"
  >
    <span
      className={`relative block h-5 w-9 rounded-full border transition-colors duration-120 ease-out ${
        checked ? 'border-accent bg-accent' : 'border-edge bg-sunken'
      } ${busy ? 'opacity-60' : ''}`}
    >
      <span
        className={`absolute top-0.5 size-3.5 rounded-full transition-[left] duration-120 ease-out ${
          checked ? 'left-[18px] bg-on-accent' : 'left-0.5 bg-edge'
        }`}
      />
    </span>
  </button>
);
