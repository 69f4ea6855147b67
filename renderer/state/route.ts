import { useSyncExternalStore } from 'react';

export type Screen = 'services' | 'log';

/** The screen that a location's hash names; services when it names none. */
export const screenOf = (hash: string): Screen => (hash.replace(/^#\/?/, '') === 'log' ? 'log' : 'services');

/** The link to a screen; a hash, so that it works from a file as from a server. */
export const hrefOf = (screen: Screen): string => `#/${screen}`;

const subscribe = (changed: () => void): (() => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

/** The screen now shown. */
export const useScreen = (): Screen => useSyncExternalStore(subscribe, () => screenOf(window.location.hash));
