import { useId, useMemo, useState } from 'react';
import { COUNTRIES } from '../../shared/domain/countries.ts';
import { INPUT } from '../controls/field.tsx';
import { Icon } from '../controls/icons.tsx';
import { locale, t } from '../strings/strings.ts';

const names = new Intl.DisplayNames([locale], { type: 'region' });
const order = new Intl.Collator(locale, { sensitivity: 'base' });

/** What people call the country with this code. */
export const countryName = (code: string): string => names.of(code) ?? code;

/** Countries shown at once under the search. */
const SHOWN = 8;

interface CountryPickerProps {
  readonly label: string;
  readonly problem: string | undefined;
  readonly chosen: readonly string[];
  readonly onChange: (codes: readonly string[]) => void;
}

/** Chooses countries by name: typing finds them, Enter takes the first. */
export function CountryPicker({ label, problem, chosen, onChange }: CountryPickerProps) {
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const id = useId();
  const all = useMemo(
    () =>
      [...COUNTRIES].map((code) => ({ code, name: countryName(code) })).sort((a, b) => order.compare(a.name, b.name)),
    [],
  );
  const wanted = text.trim().toLowerCase();
  const found =
    wanted === ''
      ? []
      : all
          .filter(({ code, name }) => code.toLowerCase() === wanted || name.toLowerCase().includes(wanted))
          .filter(({ code }) => !chosen.includes(code))
          .slice(0, SHOWN);
  const take = (code: string | undefined): void => {
    if (code === undefined) return;
    onChange([...chosen, code]);
    setText('');
    setActive(0);
  };
  return (
    <div className="flex flex-col gap-2">
      <label htmlFor={id} className="text-13 font-semibold">
        {label}
      </label>
      {chosen.length > 0 && (
        <ul aria-label={label} className="flex flex-wrap gap-2">
          {chosen.map((code) => (
            <li key={code}>
              <button
                type="button"
                aria-label={t.editor.removeCountry(countryName(code))}
                onClick={() => onChange(chosen.filter((other) => other !== code))}
                className="inline-flex min-h-9 items-center gap-2 rounded-8 border border-edge px-3 text-13 hover:bg-sunken pointer-coarse:min-h-11"
              >
                {countryName(code)}
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        type="text"
        role="combobox"
        value={text}
        autoComplete="off"
        placeholder={t.editor.findCountry}
        aria-expanded={found.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={found[active] === undefined ? undefined : `${id}-${found[active].code}`}
        aria-invalid={problem === undefined ? undefined : true}
        onChange={(event) => {
          setText(event.target.value);
          setActive(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setActive(Math.min(active + 1, found.length - 1));
          else if (event.key === 'ArrowUp') setActive(Math.max(active - 1, 0));
          else if (event.key === 'Enter') take(found[active]?.code);
          else if (event.key === 'Escape') setText('');
          else return;
          event.preventDefault();
        }}
        className={INPUT}
      />
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label={t.editor.findCountry}
        className="rounded-8 border border-line empty:hidden"
      >
        {found.map(({ code, name }, index) => (
          // The combobox keeps the focus and moves the choice with the arrow keys.
          // biome-ignore lint/a11y/useFocusableInteractive: see above
          // biome-ignore lint/a11y/useKeyWithClickEvents: see above
          <div
            key={code}
            id={`${id}-${code}`}
            role="option"
            aria-selected={index === active}
            onClick={() => take(code)}
            className={`flex min-h-9 cursor-default items-center px-3 text-15 pointer-coarse:min-h-11 ${index === active ? 'bg-accent-soft' : ''}`}
          >
            {name}
          </div>
        ))}
      </div>
      {wanted !== '' && found.length === 0 && <p className="text-13 text-muted">{t.editor.noCountry}</p>}
      {problem !== undefined && (
        <p role="alert" className="text-12 font-semibold text-bad">
          {problem}
        </p>
      )}
    </div>
  );
}
