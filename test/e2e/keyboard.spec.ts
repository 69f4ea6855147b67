import type { Page } from '@playwright/test';
import { expect, goTo, publish, test, visit } from './fixtures.ts';

/** Whether what has the focus shows it. */
const outlined = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
    return outlineStyle === 'solid' && Number.parseFloat(outlineWidth) >= 2;
  });

test('leads the Tab key from the places to go over the way out to the services, and shows where it is', async ({
  page,
  origin,
}) => {
  const { row } = await publish(page, origin.port);
  await page.reload();
  await expect(row.getByRole('switch')).toBeVisible();
  const order = [
    page.getByRole('link', { name: 'Skip to content' }),
    ...(await page.getByRole('navigation').getByRole('link').all()),
    page.getByRole('button', { name: 'Quit' }),
    row.getByRole('button', { name: /^Copy URL/ }),
    row.getByRole('switch'),
    row.getByRole('button', { name: /^More for/ }),
  ];
  for (const stop of order) {
    await page.keyboard.press('Tab');
    await expect(stop).toBeFocused();
    expect(await outlined(page)).toBe(true);
  }
  await page.getByRole('link', { name: 'Skip to content' }).press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('closes on Escape what was opened, and gives the keyboard back to what opened it', async ({
  page,
  origin,
  visitor,
}) => {
  const { row, url } = await publish(page, origin.port);
  const more = row.getByRole('button', { name: /^More for/ });
  await more.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Open' })).toBeFocused();
  expect(await outlined(page)).toBe(true);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('menu')).toHaveCount(0);
  await expect(more).toBeFocused();

  const quit = page.getByRole('button', { name: 'Quit' });
  await quit.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(quit).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(quit).toBeFocused();

  await visit(visitor, url);
  await goTo(page, 'Access log');
  const list = page.getByRole('listbox', { name: 'Requests' });
  await list.focus();
  await page.keyboard.press('ArrowDown');
  const details = page.getByRole('complementary');
  await page.keyboard.press('Tab');
  await expect(details.getByRole('button', { name: 'Close' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(details).toHaveCount(0);
  await expect(list).toBeFocused();
});
