import { type FormEvent, useEffect, useRef, useState } from 'react';
import { COUNTRIES } from '../../shared/domain/countries.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Icon } from '../controls/icons.tsx';
import { Menu, MenuItem } from '../controls/menu.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { isStatus, type LogFilter, MAX_LENGTH, MAX_TEXT, TERMS, type Term } from './filter.ts';
import { countryWords, termWords } from './labels.ts';
import type { LogView } from './log-store.ts';

/** Typing settles for this long (ms) before the edge is asked. */
const TYPING = 100;

/** Free text, which the edge is asked for once typing has settled. */
export function SearchField({ filter }: { readonly filter: LogFilter }) {
  const { log } = usePorthole();
  const [text, setText] = useState(filter.text);
  useEffect(() => setText(filter.text), [filter.text]);
  useEffect(() => {
    if (text === filter.text) return undefined;
    const timer = window.setTimeout(() => log.setFilter({ ...filter, text }), TYPING);
    return () => window.clearTimeout(timer);
  }, [text, filter, log]);
  return (
    <input
      type="search"
      value={text}
      maxLength={MAX_TEXT}
      onChange={(event) => setText(event.target.value)}
      aria-label={t.log.text}
      placeholder={t.log.text}
      className={`${INPUT} flex-[1_1_240px] md:max-w-96`}
    />
  );
}

/** Which service the lines and the charts are of. */
export function ServiceSelect({ filter }: { readonly filter: LogFilter }) {
  const { log } = usePorthole();
  const services = useMirror((mirror) => mirror.state?.services);
  const gone = filter.service !== '' && services?.every(({ id }) => id !== filter.service) === true;
  return (
    <select
      value={filter.service}
      onChange={(event) => log.setFilter({ ...filter, service: event.target.value })}
      aria-label={t.log.service}
      className={`${INPUT} max-w-64 flex-[1_1_140px]`}
    >
      <option value="">{t.log.allServices}</option>
      {services?.map((service) => (
        <option key={service.id} value={service.id}>
          {service.name}
        </option>
      ))}
      {gone && <option value={filter.service}>{t.log.removedService}</option>}
    </select>
  );
}

const Choices = ({ of }: { readonly of: readonly (readonly [string, string])[] }) =>
  of.map(([value, words]) => (
    <option key={value} value={value}>
      {words}
    </option>
  ));
const countries = (): readonly (readonly [string, string])[] =>
  [...COUNTRIES].map((code) => [code, countryWords(code)] as const).sort(([, a], [, b]) => a.localeCompare(b));

interface ValueProps {
  readonly term: Term;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly ids: { readonly id: string };
}

/** Where a filter's value is typed or chosen. */
function Value({ term, value, onChange, ids }: ValueProps) {
  if (term === 'country' || term === 'auth')
    return (
      <select {...ids} value={value} onChange={(event) => onChange(event.target.value)} className={INPUT}>
        <option value="" />
        {term === 'country' ? (
          <Choices of={countries()} />
        ) : (
          <>
            <optgroup label={t.log.letIn}>
              <Choices of={Object.entries(t.log.auth)} />
            </optgroup>
            <optgroup label={t.log.refusedBy}>
              <Choices of={Object.entries(t.log.denial)} />
            </optgroup>
          </>
        )}
      </select>
    );
  const moment = term === 'since' || term === 'until';
  return (
    <input
      {...ids}
      type={moment ? 'datetime-local' : 'text'}
      autoComplete="off"
      spellCheck={false}
      maxLength={moment ? undefined : MAX_LENGTH[term]}
      placeholder={moment ? undefined : t.log.hint[term]}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={INPUT}
    />
  );
}

/** What is put into the filter, or undefined where it is none. */
function readValue(term: Term, typed: string): string | undefined {
  const value = typed.trim();
  if (value === '') return undefined;
  if (term === 'status') return isStatus(value.toLowerCase()) ? value.toLowerCase() : undefined;
  if (term !== 'since' && term !== 'until') return value;
  const time = new Date(value).getTime();
  return Number.isNaN(time) ? undefined : String(time);
}

interface FormProps {
  readonly term: Term;
  readonly onDone: (value: string | undefined) => void;
}

/** One filter in the making. */
function TermForm({ term, onDone }: FormProps) {
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>('input, select')?.focus(), []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const value = readValue(term, typed);
    if (value === undefined && typed.trim() !== '') setWrong(true);
    else onDone(value);
  };
  return (
    <form
      ref={form}
      onSubmit={submit}
      onKeyDown={(event) => event.key === 'Escape' && onDone(undefined)}
      aria-label={t.log.addFilter}
      className="flex flex-wrap items-start gap-2 rounded-8 border border-line bg-surface p-3"
    >
      <div className="min-w-0 flex-[0_1_280px]">
        <Field label={t.log.filter[term]} problem={wrong && term === 'status' ? t.log.statusWrong : undefined}>
          {(ids) => <Value term={term} value={typed} onChange={setTyped} ids={ids} />}
        </Field>
      </div>
      {/* Beside the field, not its label. */}
      <div className="flex gap-2 sm:mt-6">
        <Button type="submit" look="primary">
          {t.log.add}
        </Button>
        <Button onClick={() => onDone(undefined)}>{t.common.cancel}</Button>
      </div>
    </form>
  );
}

interface MenuProps {
  readonly onChoose: (term: Term) => void;
}

function AddFilter({ onChoose }: MenuProps) {
  const chosen = useRef<Term | undefined>(undefined);
  return (
    <Menu
      align="start"
      trigger={
        <Button>
          <Icon name="filter" />
          {t.log.addFilter}
        </Button>
      }
      onCloseAutoFocus={(event) => {
        // The field that was chosen takes the focus, not the button.
        if (chosen.current !== undefined) event.preventDefault();
        chosen.current = undefined;
      }}
    >
      {TERMS.map((term) => (
        <MenuItem
          key={term}
          onSelect={() => {
            chosen.current = term;
            onChoose(term);
          }}
        >
          {t.log.filter[term]}
        </MenuItem>
      ))}
    </Menu>
  );
}

/** The wishes beside search and service, each to be taken back with a click. */
export function FilterChips({ filter }: { readonly filter: LogFilter }) {
  const { log } = usePorthole();
  const set = TERMS.filter((term) => filter[term] !== '');
  if (set.length === 0) return null;
  return (
    <ul aria-label={t.log.filters} className="flex flex-wrap gap-2">
      {set.map((term) => {
        const words = `${t.log.filter[term]}: ${termWords(term, filter[term])}`;
        return (
          <li key={term} className="max-w-full min-w-0">
            <button
              type="button"
              aria-label={t.log.removeFilter(words)}
              onClick={() => log.setFilter({ ...filter, [term]: '' })}
              className="inline-flex min-h-9 max-w-full items-center gap-2 rounded-8 border border-edge bg-accent-soft px-3 text-13 hover:bg-sunken pointer-coarse:min-h-11"
            >
              <span className="truncate">{words}</span>
              <Icon name="close" />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Everything that chooses which lines are seen. */
export function FilterBar({ view }: { readonly view: LogView }) {
  const { log } = usePorthole();
  const { filter, paused } = view;
  const [adding, setAdding] = useState<Term | undefined>(undefined);
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <SearchField filter={filter} />
        <ServiceSelect filter={filter} />
        <AddFilter onChoose={setAdding} />
        <Button onClick={() => log.setPaused(!paused)}>
          <Icon name={paused ? 'play' : 'pause'} />
          {paused ? t.log.resume : t.log.pause}
        </Button>
      </div>
      {adding !== undefined && (
        <TermForm
          key={adding}
          term={adding}
          onDone={(value) => {
            setAdding(undefined);
            if (value !== undefined) log.setFilter({ ...filter, [adding]: value });
          }}
        />
      )}
      <FilterChips filter={filter} />
    </>
  );
}
