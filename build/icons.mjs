// Draws the mark into build/icons: `node build/icons.mjs`. Its output is kept in the repository.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from '@playwright/test';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../test/support/chromium.ts';

const PANES = {
  off: '',
  connecting: '<path d="M12 6.75A5.25 5.25 0 0 1 17.25 12" fill="none" stroke="currentColor" stroke-width="2.5"/>',
  on: '<circle cx="12" cy="12" r="5.25" fill="currentColor"/>',
  attention: '<path d="M12 12V6.75A5.25 5.25 0 1 0 17.25 12Z" fill="currentColor"/>',
  error: '<path d="M6.5 12h11" stroke="currentColor" stroke-width="2.75"/>',
};
/** Stands out by 3:1 or more on light and on dark panels. */
const PANEL_COLOUR = '#6b8290';
const BOLTS = [45, 135, 225, 315]
  .map((angle) => `<circle cx="12" cy="3.6" r="0.7" fill="#d9f2ef" transform="rotate(${angle} 12 12)"/>`)
  .join('');

const mark = (pane, colour) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%" viewBox="0 0 24 24" color="${colour}"><circle cx="12" cy="12" r="9.5" fill="none" stroke="currentColor" stroke-width="2.5"/>${PANES[pane]}</svg>`;
const appIcon = `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%" viewBox="0 0 24 24"><circle cx="12" cy="12" r="11" fill="#0b5a5f"/><circle cx="12" cy="12" r="7" fill="#0a2e38"/><circle cx="12" cy="12" r="5" fill="#7fe0d4"/>${BOLTS}</svg>`;

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
const folder = path.join(import.meta.dirname, 'icons');
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS });

async function draw(svg, size, file) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>html, body { margin: 0; height: 100%; } svg { display: block; }</style>${svg}`);
  await page.screenshot({ path: path.join(folder, file), omitBackground: true });
  await page.close();
}

for (const pane of Object.keys(PANES)) {
  for (const [scale, suffix] of [
    [1, ''],
    [2, '@2x'],
  ]) {
    await draw(mark(pane, PANEL_COLOUR), 22 * scale, `tray-${pane}${suffix}.png`);
    await draw(mark(pane, '#000'), 22 * scale, `tray-${pane}Template${suffix}.png`);
  }
}
await draw(appIcon, 512, 'icon.png');
await browser.close();
