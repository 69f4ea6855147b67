import type { Failure } from '../domain/failure.ts';
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
export function sayBecause(because: Because, language: SpokenLanguage): string {
  const template = language === 'de' ? ownOf(REASONS_DE, because.key) : undefined;
  if (template === undefined) return sayReason(because);
  const { text, whole } = fill(template, because.values ?? {}, REASONS_DE);
  return whole ? text : sayReason(because);
}

const ownOf = (words: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(words, key) ? words[key] : undefined;
