// Draws the mark into build/icons: `node build/icons.mjs`. Its output is kept in the repository.
import { mkdirSync, writeFileSync } from 'node:fs';
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
/** Ink for panels that are light, and for dark ones. */
const PANELS = { light: '#13202b', dark: '#f4f7f9' };
/** Pixels of the pictures in a Windows icon: 16 at 100 % to 64 at 400 %. */
const ICO_SIZES = [16, 20, 24, 32, 40, 48, 64];
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
  const png = await page.screenshot({ omitBackground: true });
  await page.close();
  if (file !== undefined) writeFileSync(path.join(folder, file), png);
  return png;
}

/** A Windows icon of PNG pictures, which Windows takes since Vista: header, a row of 16 bytes each, the pictures. */
function ico(pictures) {
  const rows = Buffer.alloc(6 + 16 * pictures.length);
  rows.writeUInt16LE(1, 2);
  rows.writeUInt16LE(pictures.length, 4);
  let offset = rows.length;
  for (const [index, { size, png }] of pictures.entries()) {
    const at = 6 + 16 * index;
    // 256 is written as 0.
    rows.writeUInt8(size % 256, at);
    rows.writeUInt8(size % 256, at + 1);
    rows.writeUInt16LE(1, at + 4);
    rows.writeUInt16LE(32, at + 6);
    rows.writeUInt32LE(png.length, at + 8);
    rows.writeUInt32LE(offset, at + 12);
    offset += png.length;
  }
  return Buffer.concat([rows, ...pictures.map(({ png }) => png)]);
}

async function drawIco(svg, sizes, file) {
  const pictures = [];
  for (const size of sizes) pictures.push({ size, png: await draw(svg, size) });
  writeFileSync(path.join(folder, file), ico(pictures));
}

for (const pane of Object.keys(PANES)) {
  for (const [scale, suffix] of [
    [1, ''],
    [2, '@2x'],
  ]) {
    for (const [panel, colour] of Object.entries(PANELS))
      await draw(mark(pane, colour), 22 * scale, `tray-${pane}-${panel}${suffix}.png`);
    await draw(mark(pane, '#000'), 22 * scale, `tray-${pane}Template${suffix}.png`);
  }
  for (const [panel, colour] of Object.entries(PANELS))
    await drawIco(mark(pane, colour), ICO_SIZES, `tray-${pane}-${panel}.ico`);
}
await draw(appIcon, 512, 'icon.png');
await drawIco(appIcon, [...ICO_SIZES, 128, 256], 'icon.ico');
await browser.close();
