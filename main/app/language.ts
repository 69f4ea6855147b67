import type { Preferences } from '../../shared/contract/agent-state.ts';
import type { SpokenLanguage } from '../../shared/words/say.ts';

/** The language that this process was started in, as far as it is known; else English. */
export const systemLanguage = (): SpokenLanguage =>
  Intl.DateTimeFormat().resolvedOptions().locale.toLowerCase().startsWith('de') ? 'de' : 'en';

/** The language that the user chose, else the system's. */
export const languageOf = (preferences: Preferences | undefined): SpokenLanguage =>
  preferences?.language ?? systemLanguage();
