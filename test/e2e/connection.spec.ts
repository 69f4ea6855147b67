import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { EdgeProcess } from '../support/edge-process.ts';
import { expect, publish, test } from './fixtures.ts';

const openConnection = (page: Page) => page.getByRole('link', { name: /^Connection/ }).click();

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Looks for what axe finds wrong by WCAG 2.2 AA, in light and in dark. */
async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  }
}

test('diagnoses the line, names a server that is gone, and copies what it found', async ({ page, shell, origin }) => {
  await publish(page, origin.port);
  await openConnection(page);
  await page.getByRole('button', { name: 'Diagnose' }).click();
  const steps = page.getByRole('list', { name: 'Steps' });
  await expect(page.getByText('Nothing is broken.')).toBeVisible();
  await expect(steps.getByText(`localhost:${origin.port} accepts connections.`)).toBeVisible();
  await origin.close();
  await page.getByRole('button', { name: 'Diagnose again' }).click();
  await expect(steps.getByText(`Nothing listens on localhost:${origin.port}.`)).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Copy result' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await shell.clipboard()).toContain('[Broken] Server: ');
});

test('pauses after asking, and resumes', async ({ page, origin }) => {
  const { status } = await publish(page, origin.port);
  await openConnection(page);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take offline' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Paused' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The edge on this laptop is running' })).toBeVisible();
  await page.getByRole('link', { name: 'Services' }).click();
  await expect(status).toHaveText('Live');
});

test('refuses what is no join link, and says so at the field', async ({ page }) => {
  await openConnection(page);
  const field = page.getByRole('textbox', { name: 'Join link' });
  await field.fill('https://edge.example.com');
  await page.getByRole('button', { name: 'Look at it' }).click();
  await expect(page.getByRole('alert')).toContainText('neither a join link');
  await expect(field).toHaveValue('https://edge.example.com');
});

test('shows what a join link leads to, joins when told, and leaves again', async ({ page }) => {
  await using edge = new EdgeProcess('edge.test', ['--operator', 'ACME IT']);
  const { httpsPort, fingerprint } = await edge.start();
  const link = `porthole://join/127.0.0.1:${httpsPort}?token=${await edge.token()}&fingerprint=${fingerprint}`;
  await openConnection(page);
  const paste = async (): Promise<void> => {
    await page.getByRole('textbox', { name: 'Join link' }).fill(link);
    await page.getByRole('button', { name: 'Look at it' }).click();
  };
  const dialog = page.getByRole('dialog', { name: 'Join this edge?' });
  await paste();
  await expect(dialog.getByText('ACME IT')).toBeVisible();
  await expect(dialog.getByText('edge.test', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Don’t join' }).click();
  await expect(dialog).toBeHidden();
  await paste();
  await dialog.getByRole('textbox', { name: 'What to call this laptop there' }).fill('demo laptop');
  await dialog.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The line is good' })).toBeVisible();
  await expect(page.getByText('ACME IT')).toBeVisible();
  await page.getByRole('button', { name: 'Leave this edge' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Leave this edge' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The edge on this laptop is running' })).toBeVisible();
});
