/**
 * `npm run screenshots -- [--width PIXELS] [NAME…]`: builds the screens, opens them in Chromium in every designed state,
 * and writes a picture of each to screenshots/gallery, and without --width a small one at three widths to docs/screens.
 * Fails when a page logs an error, breaks the policy under which the shells serve it, scrolls sideways, or has what axe
 * calls a barrier.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from '@playwright/test';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { loadScreens, SCREENS_POLICY } from '../../../main/app/screens.ts';
import { barriers } from '../axe.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../chromium.ts';
import { installFake, type Puppet } from './fake-porthole.ts';
import { SCENES, type SceneName } from './scenes.ts';
import { makeSheets } from './sheets.ts';

interface Picture {
  readonly name: string;
  /** Absent: no preload, and no key for the web shell either. */
  readonly scene?: SceneName;
  readonly hash?: `#/${string}`;
  readonly act?: (page: Page) => Promise<void>;
}

const WIDTHS = [320, 380, 820, 1280] as const;
/** Where axe looks too: the narrow layout and the wide one. */
const LOOKED_AT: readonly number[] = [380, 1280];
const SCHEMES = ['light', 'dark'] as const;
const DOCS = path.join(import.meta.dirname, '../../../docs/screens');

const PICTURES: readonly Picture[] = [
  { name: 'no-key' },
  { name: 'unknown', scene: 'unknown' },
  { name: 'first-run', scene: 'first' },
  { name: 'no-ports', scene: 'bare' },
  { name: 'one', scene: 'one' },
  { name: 'mixed', scene: 'mixed' },
  { name: 'trusted', scene: 'trusted' },
  { name: 'many', scene: 'many' },
  { name: 'long', scene: 'long' },
  { name: 'down', scene: 'down' },
  { name: 'restarting', scene: 'restarting' },
  { name: 'damaged', scene: 'damaged' },
  {
    name: 'published',
    scene: 'first',
    act: (page) => page.getByRole('button', { name: 'Make public' }).first().click(),
  },
  {
    name: 'form',
    scene: 'refused',
    async act(page) {
      await page.getByText('Another port or host').click();
      await page.getByRole('textbox', { name: 'Port' }).fill('3000');
      await page.getByRole('textbox', { name: 'Name' }).fill('shop');
      await page.getByRole('form').getByRole('button', { name: 'Make public' }).click();
      await page.getByRole('alert').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'form-port',
    scene: 'one',
    async act(page) {
      await page.getByText('Another port or host').click();
      await page.getByRole('textbox', { name: 'Port' }).fill('70000');
      await page.getByRole('form').getByRole('button', { name: 'Make public' }).click();
      await page.getByRole('alert').scrollIntoViewIfNeeded();
    },
  },
  { name: 'direct', scene: 'direct' },
  {
    name: 'log-direct',
    scene: 'direct',
    hash: '#/log',
    act: (page) => page.locator('[role=option]').nth(1).click(),
  },
  {
    name: 'form-direct',
    scene: 'direct',
    async act(page) {
      await page.getByText('Another port or host').click();
      await page.getByRole('combobox', { name: 'Speaks' }).selectOption('tcp');
      await page.getByRole('textbox', { name: 'Public port' }).fill('port');
      await page.getByRole('textbox', { name: 'Port', exact: true }).fill('5432');
      await page.getByRole('form').getByRole('button', { name: 'Make public' }).click();
      await page.getByRole('alert').scrollIntoViewIfNeeded();
    },
  },
  { name: 'menu', scene: 'mixed', act: (page) => page.getByRole('button', { name: 'More for api' }).click() },
  {
    name: 'remove',
    scene: 'long',
    async act(page) {
      await page.getByRole('button', { name: 'More for' }).first().click();
      await page.getByRole('menuitem', { name: 'Remove' }).click();
    },
  },
  {
    name: 'rename',
    scene: 'mixed',
    async act(page) {
      await page.getByRole('button', { name: 'More for api' }).click();
      await page.getByRole('menuitem', { name: 'Rename' }).click();
    },
  },
  { name: 'editor', scene: 'guarded', hash: '#/services/s-shop' },
  { name: 'editor-auth', scene: 'guarded', hash: '#/services/s-shop/auth' },
  { name: 'editor-access', scene: 'guarded', hash: '#/services/s-shop/access' },
  { name: 'editor-settings', scene: 'guarded', hash: '#/services/s-shop/settings' },
  { name: 'editor-public', scene: 'one', hash: '#/services/s-vite-5173/auth' },
  { name: 'editor-direct', scene: 'direct', hash: '#/services/s-db/settings' },
  { name: 'editor-gone', scene: 'one', hash: '#/services/nobody' },
  {
    name: 'editor-wrong',
    scene: 'guarded',
    hash: '#/services/s-shop/access',
    async act(page) {
      await page.getByRole('textbox', { name: 'Keep out' }).fill('10.1.2.3/8');
      await page.getByRole('combobox', { name: 'Keep out' }).fill('united');
      await page.getByRole('button', { name: 'Save changes' }).click();
    },
  },
  {
    name: 'editor-open',
    scene: 'guarded',
    hash: '#/services/s-shop/auth',
    async act(page) {
      for (const name of ['Password', 'PIN', 'Sign-in']) await page.getByRole('switch', { name }).click();
      for (let i = 0; i < 2; i++)
        await page
          .getByRole('button', { name: /^Remove this header/ })
          .first()
          .click();
      await page.getByRole('button', { name: 'Save changes' }).click();
    },
  },
  { name: 'guarded', scene: 'guarded' },
  ...(['guarded', 'mixed'] as const).map((scene) => ({
    name: `share-${scene}`,
    scene,
    async act(page: Page) {
      await page
        .getByRole('button', { name: /^More for/ })
        .first()
        .click();
      await page.getByRole('menuitem', { name: 'Share' }).click();
    },
  })),
  {
    name: 'share-made',
    scene: 'guarded',
    async act(page) {
      await page
        .getByRole('button', { name: /^More for/ })
        .first()
        .click();
      await page.getByRole('menuitem', { name: 'Share' }).click();
      await page.getByRole('button', { name: 'Make link' }).click();
      await page.getByRole('button', { name: 'Show as QR code' }).last().click();
    },
  },
  { name: 'quit-one', scene: 'one', act: (page) => page.getByRole('button', { name: 'Quit' }).click() },
  { name: 'quit', scene: 'many', act: (page) => page.getByRole('button', { name: 'Quit' }).click() },
  { name: 'trust', scene: 'mixed', act: (page) => page.getByRole('button', { name: 'Use https' }).click() },
  {
    name: 'trust-steps',
    scene: 'mixed',
    async act(page) {
      await page.getByRole('button', { name: 'Use https' }).click();
      await page.getByRole('button', { name: 'Trust it' }).click();
    },
  },
  { name: 'connection-embedded', scene: 'one', hash: '#/connection' },
  { name: 'connection-joined', scene: 'joined', hash: '#/connection' },
  { name: 'connection-cut', scene: 'cut', hash: '#/connection' },
  {
    name: 'connection-steps',
    scene: 'cut',
    hash: '#/connection',
    act: (page) => page.locator('[data-step="clock"]').scrollIntoViewIfNeeded(),
  },
  { name: 'connection-paused', scene: 'paused', hash: '#/connection' },
  {
    name: 'connection-pause',
    scene: 'joined',
    hash: '#/connection',
    act: (page) => page.getByRole('button', { name: 'Pause' }).click(),
  },
  {
    name: 'connection-leave',
    scene: 'joined',
    hash: '#/connection',
    act: (page) => page.getByRole('button', { name: 'Leave this edge' }).click(),
  },
  { name: 'join-asked', scene: 'asked' },
  { name: 'join-checking', scene: 'checking' },
  { name: 'join-ready', scene: 'ready' },
  { name: 'join-failed', scene: 'unfit' },
  { name: 'settings', scene: 'able', hash: '#/settings' },
  { name: 'settings-web', scene: 'mixed', hash: '#/settings' },
  { name: 'settings-download', scene: 'downloading', hash: '#/settings' },
  ...(['current', 'unanswered', 'source'] as const).map((scene) => ({
    name: `settings-${scene}`,
    scene,
    hash: '#/settings' as const,
    act: (page: Page) => page.getByRole('heading', { name: 'Help and data' }).scrollIntoViewIfNeeded(),
  })),
  {
    name: 'settings-restart',
    scene: 'able',
    hash: '#/settings',
    act: (page) => page.getByRole('button', { name: 'Restart to update' }).click(),
  },
  {
    name: 'news',
    scene: 'mixed',
    async act(page) {
      await page.evaluate(() => (window as unknown as Puppet).pushNews());
      await page.getByText('Back online').waitFor();
    },
  },
  { name: 'log', scene: 'log', hash: '#/log' },
  { name: 'log-empty', scene: 'quiet', hash: '#/log' },
  { name: 'log-failed', scene: 'refused', hash: '#/log' },
  {
    name: 'log-reading',
    scene: 'log',
    hash: '#/log',
    async act(page) {
      await page.getByRole('listbox').hover();
      await page.mouse.wheel(0, 1500);
      await page.waitForFunction(() => (document.querySelector('[role=listbox]')?.scrollTop ?? 0) > 1000);
      await page.evaluate(() => (window as unknown as Puppet).pushLive());
    },
  },
  {
    name: 'log-detail',
    scene: 'log',
    hash: '#/log',
    async act(page) {
      await page.getByRole('listbox').getByRole('option').nth(5).click();
      await page.evaluate(() => (window as unknown as Puppet).pushLive());
    },
  },
  {
    name: 'log-filtered',
    scene: 'log',
    hash: '#/log',
    async act(page) {
      const add = async (name: string, value: string): Promise<void> => {
        await page.getByRole('button', { name: 'Add filter' }).click();
        await page.getByRole('menuitem', { name }).click();
        const field = page.getByRole('form').getByLabel(name);
        await (name === 'Country' ? field.selectOption(value) : field.fill(value));
        await page.getByRole('button', { name: 'Add', exact: true }).click();
      };
      await add('Country', 'DE');
      await add('Path', '/a/very/long/path/that/nobody/would/type/by/hand/but/a/click/adds');
      await page.getByRole('button', { name: 'Add filter' }).click();
      await page.getByRole('menuitem', { name: 'Status' }).click();
      await page.getByRole('form').getByLabel('Status').fill('4x');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
    },
  },
  {
    name: 'log-filter-menu',
    scene: 'log',
    hash: '#/log',
    act: (page) => page.getByRole('button', { name: 'Add filter' }).click(),
  },
  {
    name: 'log-observed',
    scene: 'log',
    hash: '#/log',
    act: (page) => page.getByRole('listbox').getByRole('option').nth(4).click(),
  },
  { name: 'traffic', scene: 'log' },
  { name: 'charts', scene: 'log', hash: '#/log/charts' },
  {
    name: 'charts-table',
    scene: 'log',
    hash: '#/log/charts',
    async act(page) {
      await page.getByText('As a table').click();
      await page.getByText('As a table').scrollIntoViewIfNeeded();
    },
  },
  { name: 'charts-empty', scene: 'quiet', hash: '#/log/charts' },
  { name: 'charts-failed', scene: 'refused', hash: '#/log/charts' },
  { name: 'inspector', scene: 'inspected', hash: '#/inspector' },
  { name: 'inspector-off', scene: 'one', hash: '#/inspector' },
  { name: 'inspector-empty', scene: 'watching', hash: '#/inspector' },
  { name: 'inspector-none', scene: 'first', hash: '#/inspector' },
  {
    name: 'inspector-headers',
    scene: 'inspected',
    hash: '#/inspector',
    act: (page) => page.locator('[role=option]').nth(2).click(),
  },
  {
    name: 'inspector-trailers',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').filter({ hasText: '/shop.Orders/Get' }).click();
      await page.getByText('grpc-message').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'inspector-form',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(2).click();
      await page.getByRole('tab', { name: 'Request body' }).click();
    },
  },
  {
    name: 'inspector-json',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(0).click();
      await page.getByRole('tab', { name: 'Response body' }).click();
    },
  },
  {
    name: 'inspector-image',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(3).click();
      await page.getByRole('tab', { name: 'Response body' }).click();
    },
  },
  {
    name: 'inspector-hex',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(4).click();
      await page.getByRole('tab', { name: 'Response body' }).click();
    },
  },
  {
    name: 'inspector-text',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(6).click();
      await page.getByRole('tab', { name: 'Response body' }).click();
    },
  },
  {
    name: 'inspector-timing',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(8).click();
      await page.getByRole('tab', { name: 'Timing' }).click();
    },
  },
  {
    name: 'inspector-broken',
    scene: 'inspected',
    hash: '#/inspector',
    act: (page) => page.locator('[role=option]').nth(7).click(),
  },
  {
    name: 'inspector-edit',
    scene: 'inspected',
    hash: '#/inspector',
    async act(page) {
      await page.locator('[role=option]').nth(8).click();
      await page.getByRole('button', { name: 'Edit and send' }).click();
    },
  },
  { name: 'inspector-badge', scene: 'inspected' },
  { name: 'log-no-match', scene: 'log', hash: '#/log', act: (page) => page.getByRole('searchbox').fill('nowhere') },
];

async function buildScreens(): Promise<string> {
  const out = await mkdtemp(path.join(tmpdir(), 'porthole-gallery-'));
  await build({
    root: path.join(import.meta.dirname, '../../../renderer'),
    base: './',
    configFile: false,
    logLevel: 'warn',
    plugins: [react(), tailwindcss()],
    build: { outDir: out, emptyOutDir: true },
  });
  return out;
}

async function serve(root: string): Promise<{ readonly url: string; readonly close: () => void }> {
  const files = await loadScreens(root);
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.type, 'content-security-policy': SCREENS_POLICY }).end(file.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

async function draw(
  browser: Browser,
  url: string,
  picture: Picture,
  width: number,
  scheme: (typeof SCHEMES)[number],
  folder: string,
): Promise<readonly string[]> {
  const faults: string[] = [];
  const page = await browser.newPage({
    viewport: { width, height: width < 500 ? 800 : 860 },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  if (picture.scene !== undefined) await page.addInitScript(installFake, SCENES[picture.scene]);
  await page.goto(url + (picture.hash ?? ''));
  await page.getByRole('heading', { level: 1 }).waitFor();
  await picture.act?.(page);
  await page.waitForTimeout(450);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (sideways > 0) faults.push(`${sideways} px wider than the window`);
  await page.screenshot({ path: path.join(folder, `${picture.name}-${width}-${scheme}.png`) });
  if (LOOKED_AT.includes(width)) faults.push(...(await barriers(page)));
  await page.close();
  return faults.map((fault) => `${picture.name} ${width} ${scheme}: ${fault}`);
}

const { values, positionals: wanted } = parseArgs({ options: { width: { type: 'string' } }, allowPositionals: true });
const widths = values.width === undefined ? WIDTHS : [Number(values.width)];
const folder = path.join(import.meta.dirname, '../../../screenshots/gallery');
await mkdir(folder, { recursive: true });
const root = await buildScreens();
const server = await serve(root);
const executablePath = findChromium();
if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS] });
const faults: string[] = [];
try {
  for (const picture of PICTURES.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))
    for (const width of widths)
      for (const scheme of SCHEMES) faults.push(...(await draw(browser, server.url, picture, width, scheme, folder)));
  const names = PICTURES.map(({ name }) => name);
  if (values.width === undefined) await makeSheets(browser, names, folder, DOCS, wanted.length === 0);
} finally {
  await browser.close();
  server.close();
  await rm(root, { recursive: true });
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
