import type { Page } from '@playwright/test';
import { choose, copyBy, edit, expect, goTo, leaveEditor, publish, save, saved, test, visit } from './fixtures.ts';

const PIN = '042917';

/** Protects the service that the editor is at with a PIN. */
async function protect(page: Page): Promise<void> {
  await page.getByRole('switch', { name: 'PIN' }).click();
  await page.getByLabel('New PIN').fill(PIN);
  await save(page);
  await leaveEditor(page);
}

test('publish, share, a visitor comes in by the link, its line appears, the link is taken back, the visitor is out', async ({
  page,
  shell,
  browser,
  visitor,
  origin,
}) => {
  const row = await publish(page, origin.port);
  await choose(page, row, 'Share');
  await page.getByRole('dialog').getByRole('button', { name: 'Protect it' }).click();
  await protect(page);
  await expect(row.row.locator('[data-audience]')).toHaveText('PIN');
  // Without the link nobody comes in.
  expect(await visit(visitor, row.url)).toBe(401);
  await expect(visitor.getByRole('heading', { name: 'Log in' })).toBeVisible();

  await choose(page, row, 'Share');
  const dialog = page.getByRole('dialog', { name: /^Share/ });
  await dialog.getByLabel('For whom').fill('Client demo');
  await dialog.getByRole('button', { name: 'Make link' }).click();
  const made = dialog.getByRole('region', { name: 'Make a link' });
  await expect(made.getByText('It is shown only now.')).toBeVisible();
  const link = new URL((await made.locator('code').textContent()) ?? '');
  await made.getByRole('button', { name: 'Show as QR code' }).click();
  const code = made.getByRole('img', { name: /^QR code of/ });
  await expect(code).toBeVisible();
  await made.getByRole('button', { name: 'Hide QR code' }).click();
  await expect(code).toHaveCount(0);
  await copyBy(made.getByRole('button', { name: 'Copy', exact: true }));
  expect(await shell.clipboard()).toBe(link.href);

  // The visitor uses the plain address of this machine's own edge, as the row does.
  const guest = await (await browser.newContext()).newPage();
  expect((await guest.goto(new URL(link.pathname, row.url).href))?.status()).toBe(200);
  await expect(guest.getByRole('heading', { name: 'Hello from the laptop' })).toBeVisible();
  expect(new URL(guest.url()).href).toBe(new URL(row.url).href);

  await dialog.getByRole('button', { name: 'Close' }).click();
  await goTo(page, 'Access log');
  await expect(page.getByRole('option').filter({ hasText: '200' }).first()).toBeVisible();

  await goTo(page, 'Services');
  await choose(page, row, 'Share');
  const address = dialog.getByRole('region', { name: 'Its address' });
  await copyBy(address.getByRole('button', { name: 'Copy', exact: true }));
  expect(await shell.clipboard()).toBe(row.url);
  await address.getByRole('button', { name: 'Show as QR code' }).click();
  await expect(address.getByRole('img', { name: `QR code of ${row.url}` })).toBeVisible();
  await dialog.getByLabel('For whom').fill('One visitor');
  await dialog.getByLabel('It works').selectOption({ label: 'for 7 days' });
  await dialog.getByLabel('It opens').selectOption({ label: 'once' });
  const inAWeek = (): string =>
    new Date(Date.now() + 7 * 24 * 3_600_000).toLocaleDateString('en-GB', { day: 'numeric' });
  const before = inAWeek();
  await dialog.getByRole('button', { name: 'Make link' }).click();
  const once = dialog.locator('[data-share]').filter({ hasText: 'One visitor' });
  await expect(once).toContainText('opened 0 of 1 times');
  // It may have been made on either side of midnight.
  await expect(once).toContainText(new RegExp(`${before}|${inAWeek()}`));
  await made.getByRole('button', { name: 'Make another' }).click();
  await expect(dialog.getByRole('button', { name: 'Make link' })).toBeVisible();
  await dialog.getByRole('button', { name: 'Take back Client demo' }).click();
  await expect(dialog.getByText('Taken back')).toBeVisible();
  expect((await guest.goto(row.url))?.status()).toBe(401);
  await guest.context().close();
});

test('asks before the last thing that protects a service goes, and says what it means', async ({
  page,
  visitor,
  origin,
}) => {
  const row = await publish(page, origin.port);
  await edit(page, row, 'Authentication');
  await protect(page);
  await visit(visitor, row.url);
  await visitor.getByLabel('PIN').fill('111111');
  await visitor.getByRole('button', { name: 'Continue' }).click();
  await expect(visitor.getByText('That was not right. Try again.')).toBeVisible();
  await visitor.getByLabel('PIN').fill(PIN);
  await visitor.getByRole('button', { name: 'Continue' }).click();
  await expect(visitor.getByRole('heading', { name: 'Hello from the laptop' })).toBeVisible();

  await edit(page, row, 'Authentication');
  await expect(page.getByLabel('New PIN')).toHaveValue('');
  await page.getByRole('button', { name: 'Sign everyone out' }).click();
  await expect(page.getByText('Everyone is signed out.')).toBeVisible();
  expect(await visit(visitor, row.url)).toBe(401);

  await page.getByRole('switch', { name: 'PIN' }).click();
  await expect(page.getByText('Public: anyone with the link can open it.')).toBeVisible();
  await page.getByRole('button', { name: 'Save changes' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make it public?' });
  await expect(dialog).toContainText(row.url.replace(/\/$/, ''));
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(await visit(visitor, row.url)).toBe(401);
  await page.getByRole('button', { name: 'Save changes' }).click();
  await dialog.getByRole('button', { name: 'Make public' }).click();
  await expect(dialog).toHaveCount(0);
  await saved(page);
  expect(await visit(visitor, row.url)).toBe(200);
});

test('keeps unsaved changes while the reader looks something up, and saves what was changed', async ({
  page,
  visitor,
  origin,
}) => {
  const row = await publish(page, origin.port);
  await edit(page, row, 'Details');
  await page.getByLabel('Name', { exact: true }).fill('The harbour');
  await page.getByLabel('Address').fill('harbour');
  await goTo(page, 'Access log');
  await page.goBack();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('The harbour');
  await save(page);
  await expect(page.getByRole('heading', { name: 'The harbour' })).toBeVisible();
  const moved = new URL(row.url);
  moved.hostname = 'harbour.localhost';
  expect(await visit(visitor, moved.href)).toBe(200);
  expect(await visit(visitor, row.url)).toBe(404);

  await page.getByRole('button', { name: 'Add a path' }).click();
  const added = page.getByRole('group', { name: 'Target /api' });
  await added.getByLabel('Port').fill('70000');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(added.getByRole('alert')).toContainText('Port 70000 is not valid');
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(added).toHaveCount(0);
});

test('publishes with protection from the start', async ({ page, visitor, origin }) => {
  await page.getByText('Another port or host').click();
  const form = page.getByRole('form', { name: 'Another port or host' });
  await form.getByRole('textbox', { name: 'Port' }).fill(String(origin.port));
  await form.getByRole('textbox', { name: 'Name' }).fill('guarded');
  await form.getByLabel('Who may open it').selectOption('password');
  await form.getByLabel('Password').fill('open sesame');
  await form.getByRole('button', { name: 'Publish' }).click();
  const row = page.getByRole('region', { name: 'Your services' }).getByRole('listitem');
  await expect(row.locator('[data-audience]')).toHaveText('Password');
  const copy = row.getByRole('button', { name: /^Copy URL/ });
  const url = (await copy.getAttribute('aria-label'))?.replace('Copy URL ', '') ?? '';
  await expect(row.locator('[data-status]')).toHaveText('Live');
  expect(await visit(visitor, url)).toBe(401);
});
