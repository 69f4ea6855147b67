import { mkdir } from 'node:fs/promises';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { type Origin, startLowOrigin, startOrigin } from './origin.ts';
import { openShell, type Shell } from './shells.ts';

export interface HostOption {
  /** Which shell a project runs its specs in. */
  readonly host: 'web' | 'desktop';
}

interface Fixtures {
  /** A folder of this test alone. */
  readonly home: string;
  readonly shell: Shell;
  /** The window. */
  readonly page: Page;
  /** Somebody else's browser. */
  readonly visitor: Page;
  /** A local server that says `Hello from the laptop`. */
  readonly origin: Origin;
  /** One at a low port: the tray's menu lists the first dozen of the machine's ports. */
  readonly lowOrigin: Origin;
}

export const test = base.extend<Fixtures, HostOption>({
  host: ['web', { option: true, scope: 'worker' }],
  // Playwright wants the first parameter destructured, even where nothing is taken from it.
  // biome-ignore lint/correctness/noEmptyPattern: see above
  home: async ({}, use, info) => {
    const home = info.outputPath('home');
    await mkdir(home, { recursive: true });
    await use(home);
  },
  shell: async ({ host, home, browser }, use, info) => {
    const shell = await openShell(host, { home, browser });
    info.annotations.push({ type: 'ran in', description: shell.kind });
    await use(shell);
    if (info.status !== info.expectedStatus) await info.attach('last words', { body: shell.lastWords() });
    await shell.stop();
  },
  page: async ({ shell }, use) => {
    await use(shell.page);
  },
  visitor: async ({ browser }, use) => {
    const context = await browser.newContext();
    await use(await context.newPage());
    await context.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: see above
  origin: async ({}, use) => {
    const origin = await startOrigin('Hello from the laptop');
    await use(origin);
    await origin.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: see above
  lowOrigin: async ({}, use) => {
    const origin = await startLowOrigin('Hello from the laptop');
    await use(origin);
    await origin.close();
  },
});

/** A published service, as the window shows it. */
export interface Row {
  readonly row: Locator;
  readonly status: Locator;
  readonly toggle: Locator;
  readonly url: string;
}

/** Makes a detected port public with one click and waits until it is live. */
export async function publish(page: Page, port: number): Promise<Row> {
  const detected = page.getByRole('list', { name: 'Local ports' }).locator(`[data-port="${port}"]`);
  await detected.getByRole('button', { name: 'Make public' }).click();
  const services = page.getByRole('region', { name: 'Your services' });
  const row = services.getByRole('listitem').filter({ hasText: `localhost:${port}` });
  const status = row.locator('[data-status]');
  await expect(status).toHaveText('Live');
  const copy = row.getByRole('button', { name: /^Copy URL/ });
  const url = (await copy.getAttribute('aria-label'))?.replace('Copy URL ', '') ?? '';
  return { row, status, toggle: row.getByRole('switch'), url };
}

/** The status that a visitor gets. */
export async function visit(visitor: Page, url: string): Promise<number | undefined> {
  return (await visitor.goto(url))?.status();
}

export { expect };
