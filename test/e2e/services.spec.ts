import { expect, publish, test, visit } from './fixtures.ts';
import { edgeOf, running } from './processes.ts';
import { openShell } from './shells.ts';

test('publishes a detected port, which a visitor opens under its URL', async ({ page, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  expect(url).toMatch(/^http:\/\/[a-z0-9-]+\.localhost:\d+\/?$/);
  expect(await visit(visitor, url)).toBe(200);
  await expect(visitor.getByRole('heading', { name: 'Hello from the laptop' })).toBeVisible();
});

test('takes a service off at once and brings it back', async ({ page, visitor, origin }) => {
  const { url, toggle, status } = await publish(page, origin.port);
  await toggle.click();
  await expect(status).toHaveText('Off');
  expect(await visit(visitor, url)).toBe(503);
  await toggle.click();
  await expect(status).toHaveText('Live');
  expect(await visit(visitor, url)).toBe(200);
});

test('copies the URL', async ({ page, shell, origin }) => {
  const { url, row } = await publish(page, origin.port);
  await row.getByRole('button', { name: /^Copy URL/ }).click();
  await expect(row.getByText('Copied', { exact: true })).toBeVisible();
  expect(await shell.clipboard()).toBe(url);
});

test('shows a request in the access log while it happens', async ({ page, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  await page.getByRole('link', { name: 'Access log' }).click();
  await expect(page.getByText('Nobody has knocked yet.')).toBeVisible();
  await visit(visitor, new URL('/harbour/lights', url).href);
  const line = page.getByRole('option').filter({ hasText: '/harbour/lights' });
  await expect(line).toContainText('200');
  await expect(line).toContainText('GET');
});

test('brings services back by itself when the edge is killed', async ({ page, shell, visitor, origin }) => {
  const { url, status } = await publish(page, origin.port);
  const edge = edgeOf(shell.pid);
  expect(edge).toBeDefined();
  // What the badge said, in order; the window may pass through a state faster than a test can ask.
  await status.evaluate((badge) => {
    const said = [badge.textContent];
    Object.assign(globalThis, { said });
    new MutationObserver(() => said.push(badge.textContent)).observe(badge, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  process.kill(edge ?? 0, 'SIGKILL');
  await expect(status).not.toHaveText('Live');
  await expect(status).toHaveText('Live', { timeout: 30_000 });
  const said = await page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
  expect(new Set(said).size).toBeGreaterThan(1);
  expect(said.at(-1)).toBe('Live');
  expect(edgeOf(shell.pid)).not.toBe(edge);
  expect(await visit(visitor, url)).toBe(200);
});

test('refuses a port that is none, in words, beside the field', async ({ page }) => {
  await page.getByText('Another port or host').click();
  const form = page.getByRole('form', { name: 'Another port or host' });
  await form.getByRole('textbox', { name: 'Port' }).fill('70000');
  await form.getByRole('button', { name: 'Make public' }).click();
  await expect(form.getByText('Port 70000 is not valid. Use a whole number from 1 to 65535.')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Your services' })).toHaveCount(0);
});

test('quits with nothing left behind, and finds its services again', async ({
  host,
  home,
  browser,
  origin,
  visitor,
}) => {
  const first = await openShell(host, { home, browser });
  const { url } = await publish(first.page, origin.port);
  const edge = edgeOf(first.pid);
  await first.page.getByRole('button', { name: 'Quit' }).click();
  const dialog = first.page.getByRole('dialog', { name: 'Quit Porthole?' });
  await expect(dialog).toContainText('1 service goes offline');
  await dialog.getByRole('button', { name: 'Quit' }).click();
  expect(await first.exited).toBe(0);
  expect(running([first.pid, edge ?? 0])).toEqual([]);
  await expect(visitor.goto(url)).rejects.toThrow('ERR_CONNECTION_REFUSED');

  const second = await openShell(host, { home, browser });
  await expect(second.page.getByRole('region', { name: 'Your services' }).locator('[data-status]')).toHaveText('Live');
  expect(await visit(visitor, url)).toBe(200);
  await second.stop();
});
