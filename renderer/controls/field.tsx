import { type ReactNode, useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  /** Renders the control with the ids that tie it to its label, hint and problem. */
  readonly children: (ids: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
    readonly 'aria-invalid': true | undefined;
  }) => ReactNode;
}

/** A labelled control; a problem replaces the hint and is read out when it appears. */
export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem ?? hint;
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-13 font-semibold">
        {label}
      </label>
      {children({
        id,
        'aria-describedby': note === undefined ? undefined : noteId,
        'aria-invalid': problem === undefined ? undefined : true,
      })}
      {note !== undefined && (
        <p
          id={noteId}
          role={problem === undefined ? undefined : 'alert'}
          className={`text-12 ${problem === undefined ? 'text-muted' : 'font-semibold text-bad'}`}
        >
          {note}
        </p>
      )}
    </div>
  );
}

/** The look of a one-line control. */
export const INPUT =
  'min-h-9 w-full min-w-0 rounded-8 border border-edge bg-surface px-3 text-15 text-text placeholder:text-muted aria-invalid:border-bad pointer-coarse:min-h-11';
