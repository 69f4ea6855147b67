import { de } from './de.ts';
import type { en as english } from './en.ts';
import { en } from './en.ts';
import { chooseLanguage, type Language, localeOf, rememberedLanguage } from './language.ts';

/** What another language has to say in the place of `T`. */
export type Translated<T> = {
  readonly [K in keyof T]: T[K] extends (...values: infer A) => string
    ? (...values: A) => string
    : T[K] extends string
      ? string
      : Translated<T[K]>;
};

/** What every language must say; another catalogue is a value of this type. */
export type Catalogue = Translated<typeof english>;

const CATALOGUES: Readonly<Record<Language, Catalogue>> = { en, de };

/** The language of this page: it stays until the page is loaded anew. */
export const language: Language = chooseLanguage(rememberedLanguage(), navigator.languages);

/** How dates and numbers are written. */
export const locale: string = localeOf(language, navigator.languages);

/** The words of the user interface. Components hold no text of their own. */
export const t: Catalogue = CATALOGUES[language];
