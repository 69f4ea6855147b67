import { useSyncExternalStore } from 'react';
import { t } from '../strings/strings.ts';

/** The screens that have a place in the navigation, in its order. */
export const SCREENS = ['services', 'log', 'inspector', 'connection', 'settings'] as const;
export type Screen = (typeof SCREENS)[number];

/** How the navigation calls them. */
export const SCREEN_NAMES: Readonly<Record<Screen, string>> = {
  services: t.nav.services,
  log: t.nav.log,
  inspector: t.inspector.nav,
  connection: t.connection.title,
  settings: t.nav.settings,
};

/** Where the window is: a screen, and what of it (`#/services/ID/access`). */
export interface Place {
  readonly screen: Screen;
  readonly path: readonly string[];
}

/** The place that a location's hash names; the services when it names none. */
export function placeOf(hash: string): Place {
  const [name = '', ...path] = hash.replace(/^#\/?/, '').split('/').map(decode);
  const screen = SCREENS.find((known) => known === name);
  return screen === undefined ? { screen: 'services', path: [] } : { screen, path: path.filter((part) => part !== '') };
}

/** A part that somebody typed may be no escape at all. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The link to a place; a hash, so that it works from a file as from a server. */
export const hrefOf = (screen: Screen, ...path: readonly string[]): string =>
  ['#', screen, ...path.map(encodeURIComponent)].join('/');

const subscribe = (changed: () => void): (() => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

/** The place now shown. */
export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return placeOf(hash);
}

/** Goes to another place, as a link does. */
export const goTo = (screen: Screen, ...path: readonly string[]): void => {
  window.location.hash = hrefOf(screen, ...path);
};
