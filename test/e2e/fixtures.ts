import { mkdir } from 'node:fs/promises';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { type Origin, startLowOrigin, startOrigin, startTeller } from './origin.ts';
import { openShell, type Shell, takeLastWords } from './shells.ts';

export interface HostOption {
  /** Which shell a project runs its specs in. */
  readonly host: 'web' | 'desktop';
}

interface Fixtures {
  /** Attaches what the processes of a test that fails said last. */
  readonly words: undefined;
  /** A folder of this test alone. */
  readonly home: string;
  readonly shell: Shell;
  /** The window. */
  readonly page: Page;
  /** Somebody else's browser. */
  readonly visitor: Page;
  /** A local server that says `Hello from the laptop`. */
  readonly origin: Origin;
  /** One that answers with the request that it got. */
  readonly teller: Origin;
  /** One at a low port: the tray's menu lists the first dozen of the machine's ports. */
  readonly lowOrigin: Origin;
}

export const test = base.extend<Fixtures, HostOption>({
  host: ['web', { option: true, scope: 'worker' }],
  words: [
    // Playwright wants the first parameter destructured, even where nothing is taken from it.
    // biome-ignore lint/correctness/noEmptyPattern: see above
    async ({}, use, info) => {
      takeLastWords();
      await use(undefined);
      if (info.status !== info.expectedStatus) await info.attach('last words', { body: takeLastWords() });
    },
    { auto: true },
  ],
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
  teller: async ({}, use) => {
    const teller = await startTeller();
    await use(teller);
    await teller.close();
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
  /** The service's id. */
  readonly id: string;
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
  const id = (await row.getAttribute('data-service')) ?? '';
  return { row, status, toggle: row.getByRole('switch'), url, id };
}

/** Chooses something from the menu of a service. */
export async function choose(page: Page, { row }: Pick<Row, 'row'>, item: string): Promise<void> {
  await row.getByRole('button', { name: /^More for/ }).click();
  await page.getByRole('menu').getByText(item).click();
}

/** Opens the editor of a service at one of its tabs. */
export async function edit(page: Page, row: Pick<Row, 'row'>, tab: string): Promise<void> {
  await choose(page, row, 'Edit');
  await openTab(page, tab);
}

/** Follows a link, and waits until what it leads to is shown: what looks alike here and there isn't taken for the other. */
async function follow(link: Locator): Promise<void> {
  await link.click();
  await expect(link).toHaveAttribute('aria-current', 'page');
}

/** Goes to another screen or view of the window. */
export const goTo = (page: Page, name: string | RegExp): Promise<void> => follow(page.getByRole('link', { name }));

/** Goes to a tab of the editor that is open. */
export const openTab = (page: Page, tab: string): Promise<void> =>
  follow(page.getByRole('navigation', { name: 'What to edit' }).getByRole('link', { name: tab }));

/** Leaves the editor for the list. */
export async function leaveEditor(page: Page): Promise<void> {
  const way = page.getByRole('link', { name: 'All services' });
  await way.click();
  await expect(way).toHaveCount(0);
}

/** Saves what was changed in the editor, and waits until it is. */
export async function save(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Save changes' }).click();
  await saved(page);
}

/** Nothing is left to be saved. While it is under way the button says so. */
export const saved = (page: Page): Promise<void> =>
  expect(page.getByRole('button', { name: /^(?:Save changes|Saving…)$/ })).toHaveCount(0);

/**
 * Presses a button that copies, and waits until it has said so: it does for a moment only, which whoever looks now and
 * then may miss.
 */
export async function copyBy(button: Locator): Promise<void> {
  // What was copied before may still be said.
  await expect(button).not.toContainText('Copied');
  const pressed = await button.elementHandle();
  const saying = await pressed?.evaluateHandle((element) => {
    const said = new Promise<void>((resolve) => {
      const look = () => element.textContent?.includes('Copied') && resolve();
      new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true });
    });
    return { said };
  });
  await button.click();
  await saying?.evaluate(({ said }) => said);
}

/** The status that a visitor gets. */
export async function visit(visitor: Page, url: string): Promise<number | undefined> {
  return (await visitor.goto(url))?.status();
}

export { expect };
