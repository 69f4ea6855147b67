/** One picture of a screen at three widths, side by side and at half size: docs/screens, and the page that shows them. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from '@playwright/test';

/** A phone's, a half window's, and the whole window's. */
export const SHEET_WIDTHS = [380, 820, 1280] as const;
const SCALE = 0.5;
const GAP = 24;
const QUALITY = 72;

/** What the names of pictures begin with, in the order of the page. The first that fits; the rest are services. */
const CHAPTERS = [
  { title: 'Editing a service', begins: /^editor/ },
  { title: 'Access log and charts', begins: /^(?:log|traffic|charts)/ },
  { title: 'Inspector', begins: /^inspector/ },
  { title: 'Connection, joining', begins: /^(?:connection|join|trust)/ },
  { title: 'Settings, and leaving', begins: /^(?:settings|quit|news)/ },
  { title: 'Starting', begins: /^(?:no-key|unknown|first-run|restarting|damaged|down)$/ },
];
const SERVICES = 'Services and sharing';

/**
 * Makes a sheet of each of `names` in `docs` (`NAME.webp`) from the light pictures in `pictures`
 * (`NAME-WIDTH-light.png`), and `docs`.md, which shows all sheets there are. Those whose pictures are not all there are
 * left out; sheets of other names stay, unless `only` says that `names` are all there is.
 */
export async function makeSheets(
  browser: Browser,
  names: readonly string[],
  pictures: string,
  docs: string,
  only: boolean,
): Promise<void> {
  await mkdir(docs, { recursive: true });
  if (only) await removeOthers(docs, names);
  const page = await browser.newPage({ viewport: { width: sheetWidth(), height: 900 } });
  const session = await page.context().newCDPSession(page);
  for (const name of names) {
    const files = SHEET_WIDTHS.map((width) => path.join(pictures, `${name}-${width}-light.png`));
    if (!files.every((file) => existsSync(file))) continue;
    const images = await Promise.all(files.map(async (file) => (await readFile(file)).toString('base64')));
    const height = await page.evaluate(showSide, { images, gap: GAP });
    const clip = { x: 0, y: 0, width: sheetWidth(), height, scale: SCALE };
    const { data } = await session.send('Page.captureScreenshot', {
      format: 'webp',
      quality: QUALITY,
      clip,
      captureBeyondViewport: true,
    });
    await writeFile(path.join(docs, `${name}.webp`), Buffer.from(data, 'base64'));
  }
  await page.close();
  const there = (await readdir(docs)).filter((file) => file.endsWith('.webp')).map((file) => file.slice(0, -5));
  await writeFile(`${docs}.md`, listing(path.basename(docs), names, there));
}

const sheetWidth = (): number => SHEET_WIDTHS.reduce((sum, width) => sum + width + GAP, GAP);

/** In the page: puts `images` beside each other and says how high they stand. */
async function showSide({ images, gap }: { images: readonly string[]; gap: number }): Promise<number> {
  document.body.replaceChildren();
  Object.assign(document.body.style, {
    margin: '0',
    padding: `${gap}px`,
    display: 'flex',
    gap: `${gap}px`,
    alignItems: 'start',
    background: '#8a8f98',
    width: 'max-content',
  });
  for (const image of images) {
    const element = document.createElement('img');
    element.src = `data:image/png;base64,${image}`;
    await element.decode();
    document.body.append(element);
  }
  return document.body.offsetHeight;
}

async function removeOthers(docs: string, names: readonly string[]): Promise<void> {
  for (const file of await readdir(docs))
    if (file.endsWith('.webp') && !names.includes(file.slice(0, -5))) await rm(path.join(docs, file));
}

/** Chapters of headings and pictures, in the order of `names`. */
function listing(folder: string, names: readonly string[], there: readonly string[]): string {
  const chapterOf = (name: string): string => CHAPTERS.find(({ begins }) => begins.test(name))?.title ?? SERVICES;
  const shown = names.filter((name) => there.includes(name));
  const lines = [
    '# Every screen',
    '',
    `Each screen and state of the window at ${SHEET_WIDTHS.join(', ')} pixels, light, with made-up services.`,
    '`npm run screenshots` makes them, in dark and at 320 pixels too (in `screenshots/gallery`), and has axe look at each.',
    '',
  ];
  for (const title of [SERVICES, ...CHAPTERS.map((chapter) => chapter.title)]) {
    const here = shown.filter((name) => chapterOf(name) === title);
    if (here.length === 0) continue;
    lines.push(`## ${title}`, '');
    for (const name of here) lines.push(`### ${name}`, '', `![${name} at three widths](${folder}/${name}.webp)`, '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
