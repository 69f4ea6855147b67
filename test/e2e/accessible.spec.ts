/**
 * axe finds no barrier on any screen of the real window, in light and in dark; and every control that is met on the way
 * is one that some spec operates.
 */
import type { Page } from '@playwright/test';
import { barriers } from '../support/axe.ts';
import { controlsOn, isOperated, unmentioned } from './controls.ts';
import { choose, expect, publish, test, visit } from './fixtures.ts';

/** The control that is called as the service is: its switch, which `services.spec.ts` operates. */
const SERVICE = 'The service of this test';

/** Looks at the page as it is now, in both schemes. */
async function free(page: Page, where: string): Promise<void> {
  const forgotten = (await controlsOn(page)).filter((name) => name !== SERVICE && !isOperated(name));
  expect(forgotten, `${where}: operate these in a spec, and name that in controls.ts`).toEqual([]);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await barriers(page), `${where}, ${colorScheme}`).toEqual([]);
  }
}

/** Every link of a navigation, whatever there is by now. */
async function placesIn(page: Page, navigation: string): Promise<readonly string[]> {
  const links = page.getByRole('navigation', { name: navigation }).getByRole('link');
  await expect(links.first()).toBeVisible();
  return links.evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
}

/** Goes where a link leads and waits for the words of that place. */
async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await expect(page.locator(`nav a[href="${hash}"][aria-current=page]`).first()).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
}

/** Looks at every screen, and at every part of one that has a navigation of its own. */
async function everywhere(page: Page, when: string): Promise<void> {
  const places = await placesIn(page, 'Main');
  expect(places.length).toBeGreaterThan(1);
  for (const place of places) {
    await go(page, place);
    await free(page, `${place} ${when}`);
    const parts = await page
      .locator('main nav a')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
    for (const part of parts.filter((href) => href !== place)) {
      await go(page, part);
      await free(page, `${part} ${when}`);
    }
  }
}

test('has no barrier on any screen of a fresh window', async ({ page }) => {
  test.setTimeout(240_000);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await everywhere(page, 'in a fresh window');
});

test('has no barrier on any screen, tab and dialog when something is public', async ({ page, visitor, origin }) => {
  test.setTimeout(480_000);
  const service = await publish(page, origin.port);
  const { row, url } = service;
  await choose(page, service, 'Rename');
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill(SERVICE);
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await visit(visitor, url);
  await everywhere(page, 'with a service');
  await go(page, '#/log');
  await page.getByRole('listbox').getByRole('option').first().click();
  await free(page, 'the details of a request');

  await go(page, '#/services');
  const more = row.getByRole('button', { name: /^More for/ });
  await more.click();
  await free(page, 'the menu of a service');
  await page.keyboard.press('Escape');
  for (const item of ['Share', 'Rename', 'Remove']) {
    await more.click();
    await page.getByRole('menuitem', { name: item }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await free(page, `the dialog "${item}"`);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  for (const button of ['Quit', 'Use https']) {
    await page.getByRole('button', { name: button }).click();
    await free(page, `the dialog "${button}"`);
    await page.keyboard.press('Escape');
  }

  await more.click();
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  for (const tab of await placesIn(page, 'What to edit')) {
    await go(page, tab);
    await free(page, tab);
  }
});

test('counts as operated only what a spec mentions', () => {
  expect(unmentioned()).toEqual([]);
});
