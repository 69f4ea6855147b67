import { Field, INPUT } from '../controls/field.tsx';

interface TextFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly maxLength: number;
  readonly mono?: boolean;
  readonly numeric?: boolean;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  /** Lines; a single one when left out. */
  readonly rows?: number;
}

/** A labelled text that is typed as it is meant: nothing corrects or completes it. */
export const TextField = ({
  label,
  hint,
  problem,
  value,
  onChange,
  maxLength,
  mono = false,
  numeric = false,
  placeholder,
  disabled = false,
  rows,
}: TextFieldProps) => (
  <Field label={label} {...(hint === undefined ? {} : { hint })} problem={problem}>
    {(ids) => {
      const shared = {
        ...ids,
        value,
        maxLength,
        placeholder,
        disabled,
        autoComplete: 'off',
        autoCapitalize: 'none',
        spellCheck: false,
        onChange: (event: { readonly target: { readonly value: string } }) => onChange(event.target.value),
        className: `${INPUT} ${mono ? 'font-mono' : ''} ${numeric ? 'tabular' : ''} disabled:bg-sunken disabled:text-muted`,
      };
      return rows === undefined ? (
        <input {...shared} inputMode={numeric ? 'numeric' : 'text'} />
      ) : (
        <textarea {...shared} rows={rows} className={`${shared.className} py-2`} />
      );
    }}
  </Field>
);
