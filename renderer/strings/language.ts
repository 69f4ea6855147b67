/** Languages that there is a catalogue of. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

const KEY = 'porthole.language';

/** What stands for a language where its speakers have not said from which country they are. */
const USUAL: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE' };

const baseOf = (tag: string): string => tag.toLowerCase().split('-', 1)[0] ?? '';

/** The language that the user chose here, else the first one of the system's (BCP 47 tags) that is known, else English. */
export function chooseLanguage(chosen: string | undefined, system: readonly string[]): Language {
  const wanted = chosen === undefined ? system : [chosen, ...system];
  for (const tag of wanted) {
    const known = LANGUAGES.find((language) => language === baseOf(tag));
    if (known !== undefined) return known;
  }
  return 'en';
}

/** The system's own form of `language`, such as `de-AT`. */
export const localeOf = (language: Language, system: readonly string[]): string =>
  system.find((tag) => tag.includes('-') && baseOf(tag) === language) ?? USUAL[language];

/** The user's choice; `undefined` where there is none, or no storage. */
export function rememberedLanguage(): string | undefined {
  if (typeof window === 'undefined') return undefined;
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Remembers the user's choice (`undefined`: the system's) for the next load. */
export function rememberLanguage(language: Language | undefined): void {
  try {
    if (language === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, language);
  } catch {
    // Without storage the page speaks the system's language.
  }
}
