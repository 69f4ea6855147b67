import type { Explanation, Failure } from '../domain/failure.ts';
import { type Because, fill, sayReason } from '../domain/reason.ts';
import { FAILURES_DE } from './failures-de.ts';
import { REASONS_DE } from './reasons-de.ts';

/** Languages that failures are said in. */
export type SpokenLanguage = 'en' | 'de';

/**
 * `failure` in `language`. In English, its message as it came; and so too where another version of Porthole has made it
 * of what is not known here.
 */
export function sayFailure(failure: Failure, language: SpokenLanguage): string {
  const { code, message, params = {} } = failure;
  const template = language === 'de' ? ownOf(FAILURES_DE, code) : undefined;
  if (template === undefined) return message;
  const { text, whole } = fill(template, params, REASONS_DE);
  return whole ? text : message;
}

/** `because` in `language`: a part of a sentence. */
export const sayBecause = (because: Because, language: SpokenLanguage): string =>
  sayExplanation(because, sayReason(because), language);

/** `why` in `language`; `english`, which says the same, where there is nothing else or it isn't known here. */
export function sayExplanation(why: Explanation | undefined, english: string, language: SpokenLanguage): string {
  if (why === undefined || language === 'en') return english;
  if ('code' in why) return sayFailure(why, language);
  const template = ownOf(REASONS_DE, why.key);
  const said = template === undefined ? undefined : fill(template, why.values ?? {}, REASONS_DE);
  return said?.whole === true ? said.text : english;
}

const ownOf = (words: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(words, key) ? words[key] : undefined;
