import { type ReactNode, useId } from 'react';

const ALONE = { box: 'flex min-w-0 flex-col gap-1', label: '', control: 'contents', note: '' };
const PLACES = {
  first: { box: 'contents', label: 'col-start-1 row-start-1', control: 'col-start-1 row-start-2', note: 'col-span-2' },
  second: { box: 'contents', label: 'col-start-2 row-start-1', control: 'col-start-2 row-start-2', note: 'col-span-2' },
};

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  /** Of a grid of two columns and with rows of their own for labels, controls, notes: a note is as wide as both. */
  readonly column?: keyof typeof PLACES;
  /** Renders the control with the ids that tie it to its label, hint and problem. */
  readonly children: (ids: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
    readonly 'aria-invalid': true | undefined;
  }) => ReactNode;
}

/** A labelled control; a problem replaces the hint and is read out when it appears. */
export function Field({ label, hint, problem, column, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem ?? hint;
  const place = column === undefined ? ALONE : PLACES[column];
  return (
    <div className={place.box}>
      <label htmlFor={id} className={`text-13 font-semibold ${place.label}`}>
        {label}
      </label>
      <div className={place.control}>
        {children({
          id,
          'aria-describedby': note === undefined ? undefined : noteId,
          'aria-invalid': problem === undefined ? undefined : true,
        })}
      </div>
      {note !== undefined && (
        <p
          id={noteId}
          role={problem === undefined ? undefined : 'alert'}
          className={`text-12 ${place.note} ${problem === undefined ? 'text-muted' : 'font-semibold text-bad'}`}
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
