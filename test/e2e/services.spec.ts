import { freePort } from '../support/free-port.ts';
import { ask } from '../support/visitor.ts';
import { choose, copyBy, expect, goTo, publish, test, visit } from './fixtures.ts';
import { edgeOf, running } from './processes.ts';
import { openShell } from './shells.ts';

test('publishes a detected port, whose URL is copied, opened, and seen to be opened while it happens', async ({
  page,
  shell,
  visitor,
  origin,
}) => {
  const { row, url } = await publish(page, origin.port);
  expect(url).toMatch(/^http:\/\/[a-z0-9-]+\.localhost:\d+\/?$/);
  await copyBy(row.getByRole('button', { name: /^Copy URL/ }));
  expect(await shell.clipboard()).toBe(url);
  await goTo(page, 'Access log');
  await expect(page.getByText('Nobody has knocked yet.')).toBeVisible();
  expect(await visit(visitor, new URL('/harbour/lights', url).href)).toBe(200);
  await expect(visitor.getByRole('heading', { name: 'Hello from the laptop' })).toBeVisible();
  const line = page.getByRole('option').filter({ hasText: '/harbour/lights' });
  await expect(line).toContainText('200');
  await expect(line).toContainText('GET');
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
  const said = () => page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
  process.kill(edge ?? 0, 'SIGKILL');
  await expect.poll(async () => new Set(await said()).size).toBeGreaterThan(1);
  await expect(status).toHaveText('Live', { timeout: 30_000 });
  expect((await said()).at(-1)).toBe('Live');
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

test('opens, renames and removes a service from its menu', async ({ page, shell, visitor, origin }) => {
  const service = await publish(page, origin.port);
  const { row, url } = service;
  if (shell.app === undefined) {
    const opened = page.context().waitForEvent('page');
    await choose(page, service, 'Open');
    await expect((await opened).getByRole('heading', { name: 'Hello from the laptop' })).toBeVisible();
    await (await opened).close();
  } else {
    await shell.app.evaluate(({ shell: system }) => {
      const opened = new Promise<string>((resolve) => {
        system.openExternal = async (to) => resolve(to);
      });
      Object.assign(globalThis, { opened });
    });
    await choose(page, service, 'Open');
    expect(await shell.app.evaluate(() => (globalThis as unknown as { opened: Promise<string> }).opened)).toBe(
      `${url}/`,
    );
  }

  const dialog = page.getByRole('dialog');
  const rename = async (how: string): Promise<void> => {
    await choose(page, service, 'Rename');
    await dialog.getByRole('textbox', { name: 'Name' }).fill('The harbour');
    await dialog.getByRole('button', { name: how, exact: true }).click();
    await expect(dialog).toHaveCount(0);
  };
  await rename('Cancel');
  await expect(row.getByRole('switch', { name: 'The harbour' })).toHaveCount(0);
  await rename('Rename');
  await expect(row.getByRole('switch', { name: 'The harbour' })).toBeVisible();
  expect(await visit(visitor, url)).toBe(200);

  await choose(page, service, 'Remove');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  expect(await visit(visitor, url)).toBe(200);
  await choose(page, service, 'Remove');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByRole('heading', { name: 'Nothing on this laptop is public' })).toBeVisible();
  expect(await visit(visitor, url)).toBe(404);
});

test('publishes whatever is typed into the form, and finds one of many services', async ({ page, origin }) => {
  await page.setViewportSize({ width: 820, height: 700 });
  const summary = page.getByText('Another port or host');
  const form = page.getByRole('form', { name: 'Another port or host' });
  const rows = page.getByRole('region', { name: 'Your services' }).getByRole('listitem');
  const make = async (port: number, name: string): Promise<void> => {
    await summary.click();
    await form.getByRole('textbox', { name: 'Port', exact: true }).fill(String(port));
    await form.getByRole('textbox', { name: 'Name' }).fill(name);
    await form.getByRole('button', { name: /^(?:Make public|Publish)/ }).click();
    await expect(form).toBeHidden();
  };
  await summary.click();
  await form.getByLabel('Speaks').selectOption('tcp');
  const listen = await freePort();
  await form.getByRole('textbox', { name: 'Public port' }).fill(String(listen));
  await summary.click();
  await make(origin.port, 'harbour');
  const first = rows.first();
  await expect(first.locator('[data-status]')).toHaveText('Live');
  const answer = await ask({ url: `http://localhost:${listen}/` });
  expect(answer.text).toContain('Hello from the laptop');
  await choose(page, { row: first }, 'Share');
  await expect(page.getByRole('dialog')).toContainText('Only web services have share links.');
  await page.keyboard.press('Escape');

  await summary.click();
  await form.getByRole('textbox', { name: 'Host' }).fill('boats.test');
  await summary.click();
  await make(1, 'boat-1');
  await expect(rows.filter({ hasText: 'from boats.test:1' })).toHaveCount(1);
  await make(2, 'boat-2');
  await page.getByRole('button', { name: 'Make another port public' }).click();
  await expect(page.getByRole('heading', { name: 'Listening on this laptop' })).toBeFocused();
  for (let i = 3; i < 9; i++) await make(i, `boat-${i}`);
  await expect(rows).toHaveCount(9);
  await page.getByRole('searchbox', { name: 'Filter services' }).fill('harb');
  // What was published last stays in view.
  await expect(rows.filter({ hasText: 'boat' })).toHaveCount(1);
  await goTo(page, 'Settings');
  await goTo(page, 'Services');
  await page.getByRole('searchbox', { name: 'Filter services' }).fill('harb');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText(String(origin.port));
});
