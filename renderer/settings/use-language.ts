import { useEffect } from 'react';
import { useMirror } from '../state/porthole.tsx';
import { chooseLanguage, LANGUAGES, rememberedLanguage, rememberLanguage } from '../strings/language.ts';
import { language } from '../strings/strings.ts';

/**
 * Follows the language that main keeps: it was chosen in another window, or this page has an address of its own and
 * remembers nothing. The words are chosen as a page loads, so it is loaded anew; never where nothing can be remembered.
 */
export function useLanguage(): void {
  const known = useMirror((mirror) => mirror.state?.preferences !== undefined);
  const wanted = useMirror((mirror) => mirror.state?.preferences?.language);
  useEffect(() => {
    if (!known || rememberedLanguage() === wanted) return;
    rememberLanguage(LANGUAGES.find((one) => one === wanted));
    const spoken = chooseLanguage(wanted, navigator.languages);
    if (rememberedLanguage() === wanted && spoken !== language) window.location.reload();
  }, [known, wanted]);
}
