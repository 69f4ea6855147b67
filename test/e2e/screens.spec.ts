/** Pictures of every screen, for people to look at: `screenshots/`, which git ignores. */
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, goTo, publish, test, visit } from './fixtures.ts';
import { edgeOf } from './processes.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../screenshots');
const WIDTHS = [380, 820, 1280] as const;

/** Takes the picture in light and dark, at every width, and sees that nothing is wider than the window. */
async function picture(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${name} at ${width} px`).toBeLessThanOrEqual(0);
      await page.screenshot({ path: path.join(FOLDER, `${name}-${width}-${colorScheme}.png`), animations: 'disabled' });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

test('shows every screen, with nothing cut off and nothing complained about', async ({
  page,
  shell,
  visitor,
  origin,
}) => {
  test.setTimeout(240_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));

  await expect(page.getByRole('heading', { name: 'Nothing on this laptop is public' })).toBeVisible();
  await expect(page.locator(`[data-port="${origin.port}"]`)).toBeVisible();
  await picture(page, 'services-empty');
  await goTo(page, 'Access log');
  await expect(page.getByText('Nobody has knocked yet.')).toBeVisible();
  await picture(page, 'log-empty');
  await goTo(page, 'Services');

  const { url, toggle, status } = await publish(page, origin.port);
  await picture(page, 'services-one');
  await page.getByText('Another port or host').click();
  const form = page.getByRole('form', { name: 'Another port or host' });
  await form.getByRole('textbox', { name: 'Port' }).fill('70000');
  await form.getByRole('button', { name: 'Make public' }).click();
  await expect(form.getByText('Port 70000 is not valid.')).toBeVisible();
  await picture(page, 'services-form');
  await page.getByText('Another port or host').click();

  for (const where of ['/', '/assets/app.js', '/api/boats?berth=7', '/favicon.ico']) await visit(visitor, url + where);
  await goTo(page, 'Access log');
  await expect(page.getByRole('option').filter({ hasText: '/api/boats' })).toBeVisible();
  await picture(page, 'log');
  await page.getByRole('option').filter({ hasText: '/api/boats' }).click();
  await picture(page, 'log-detail');

  await goTo(page, 'Services');
  await page.getByRole('button', { name: 'Use https' }).click();
  await picture(page, 'trust');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Quit' }).click();
  await picture(page, 'quit');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();

  await toggle.click();
  await expect(status).toHaveText('Off');
  await picture(page, 'services-off');
  await toggle.click();
  await expect(status).toHaveText('Live');
  await origin.close();
  await visit(visitor, url);
  await picture(visitor, 'visitor-app-not-running');
  await expect(status).toHaveText('Not working');
  await picture(page, 'services-not-working');

  // Stopped, not killed: it says nothing any more, which the agent finds out by itself.
  const edge = edgeOf(shell.pid) ?? 0;
  process.kill(edge, 'SIGSTOP');
  await expect(page.getByText('No connection to localhost.')).toBeVisible({ timeout: 60_000 });
  await picture(page, 'services-edge-away');
  process.kill(edge, 'SIGCONT');
  expect(complaints).toEqual([]);
});
