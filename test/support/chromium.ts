import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** A Chromium to test with: `CHROMIUM`, the system's, or Playwright's own; `undefined` when there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const places = [env.CHROMIUM, ...PLACES, chromium.executablePath()];
  return places.find((place) => place !== undefined && place !== '' && existsSync(place));
}

/** What to do when `findChromium` finds nothing. */
export const CHROMIUM_MISSING =
  'No Chromium was found. Install one ("apt-get install chromium", or "npx playwright install chromium"), or name it in CHROMIUM.';

/** Quiet and offline. As root Chromium has no sandbox. */
export const CHROMIUM_ARGS: readonly string[] = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
