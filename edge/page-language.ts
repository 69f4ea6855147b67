import { fieldValues } from './field-lines.ts';

/** Languages that pages for visitors are written in. */
export type PageLanguage = 'en' | 'de';

/** Of many wishes only the first few are looked at. */
const WISHES = 16;

/**
 * The language that a visitor reads best, by the `Accept-Language` (RFC 9110 section 12.5.4) of its field section;
 * English where it wishes for none that there is.
 */
export function pageLanguage(fields: string): PageLanguage {
  let best: PageLanguage = 'en';
  let weight = 0;
  for (const value of fieldValues(fields, 'accept-language'))
    for (const wish of value.split(',', WISHES)) {
      const [tag = '', ...parameters] = wish.split(';');
      const language = languageOf(tag);
      const wished = weightOf(parameters);
      if (language === undefined || wished <= weight) continue;
      best = language;
      weight = wished;
    }
  return best;
}

function languageOf(tag: string): PageLanguage | undefined {
  const [base = ''] = tag.trim().toLowerCase().split('-', 1);
  return base === 'en' || base === 'de' ? base : undefined;
}

function weightOf(parameters: readonly string[]): number {
  const quality = parameters
    .map((text) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/i.exec(text)?.[1])
    .find((q) => q !== undefined);
  return quality === undefined ? 1 : Number(quality);
}
