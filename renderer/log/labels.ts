import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { countryName } from '../editor/country-picker.tsx';
import { t } from '../strings/strings.ts';
import { formatMinute } from '../time/format.ts';
import type { Term } from './filter.ts';

const DENIALS: Readonly<Record<string, string>> = t.log.denial;
const METHODS: Readonly<Record<string, string>> = t.log.auth;

/** What let somebody in, or kept them out, in words; a code without words stands for itself. */
export const codeWords = (code: string): string =>
  (Object.hasOwn(METHODS, code) ? METHODS[code] : Object.hasOwn(DENIALS, code) ? DENIALS[code] : undefined) ?? code;

/** A country by its code; one that the system doesn't know stands for itself. */
export function countryWords(code: string): string {
  try {
    return countryName(code);
  } catch {
    return code;
  }
}

/** The value of a filter, for people. */
export function termWords(term: Term, value: string): string {
  if (term === 'auth') return codeWords(value);
  if (term === 'country') return countryWords(value.toUpperCase());
  if (term === 'since' || term === 'until') return formatMinute(Number(value));
  return value;
}

/** Who it was, where that is known, or by what they were let in. */
export const whoOf = ({ user, auth }: Pick<AccessRecord, 'user' | 'auth'>): string =>
  user ?? (auth === undefined ? '' : codeWords(auth));
