import { readFile } from 'node:fs/promises';
import { type Answer, ask as askVisitor } from '../support/visitor.ts';
import { choose, copyBy, expect, goTo, publish, test, visit } from './fixtures.ts';

test('reads along from the switch in the menu on, and sends a request again', async ({ page, visitor, origin }) => {
  const { url, row } = await publish(page, origin.port);
  await row.getByRole('button', { name: /^More for/ }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Inspect requests' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Inspector' })).toBeVisible();
  await expect(page.getByRole('switch', { name: /^Inspect requests/ })).toBeChecked();
  await expect(page.getByText('No requests yet.')).toBeVisible();

  await visit(visitor, new URL('/boats?token=s3cret', url).href);
  const lines = page.getByRole('listbox').getByRole('option');
  await lines.filter({ hasText: '/boats?token=••••••' }).click();
  const details = page.getByRole('complementary');
  await expect(details.getByText('user-agent', { exact: false }).first()).toBeVisible();
  await details.getByRole('tab', { name: 'Response body' }).click();
  await expect(details.getByText('Hello from the laptop')).toBeVisible();
  await details.getByRole('button', { name: 'Send again' }).click();
  await expect(lines.filter({ hasText: 'replay' })).toHaveCount(1);
  await details.getByRole('tab', { name: 'Response body' }).click();
  await expect(details.getByText('Hello from the laptop')).toBeVisible();
  await details.getByRole('button', { name: 'Edit and send' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('textbox', { name: 'Path' }).fill('/ships');
  await form.getByRole('button', { name: 'Send' }).click();
  await expect(lines.filter({ hasText: '/ships' })).toHaveCount(1);
  await details.getByRole('button', { name: 'Close' }).click();

  await goTo(page, 'Services');
  await row.getByRole('link', { name: 'Requests are being inspected' }).click();
  await page.getByRole('button', { name: 'Forget all' }).click();
  await expect(lines.filter({ hasText: '/boats' })).toHaveCount(0);
  await page.getByRole('switch', { name: /^Inspect requests/ }).click();
  await expect(page.getByText('No service is inspected.')).toBeVisible();
});

test('shows what is looked for, saves and copies it, and sends it changed', async ({ page, shell, teller, host }) => {
  const row = await publish(page, teller.port);
  const ask = (path: string, method = 'GET', body = ''): Promise<Answer> =>
    askVisitor({ url: new URL(path, row.url).href, method, body, headers: { 'content-type': 'text/plain' } });
  await goTo(page, 'Inspector');
  await page.getByRole('switch', { name: /^Inspect requests/ }).click();
  await expect(page.getByText('No requests yet.')).toBeVisible();
  const lines = page.getByRole('listbox').getByRole('option');
  const sees = async (...paths: readonly string[]): Promise<void> => {
    await expect(lines).toHaveCount(paths.length);
    for (const path of paths) await expect(lines.filter({ hasText: path })).toHaveCount(1);
  };
  await ask('/boats', 'POST', 'ahoy');
  await ask('/missing');
  await ask('/a/../quay');
  await sees('/boats', '/missing', 'quay');
  const search = page.getByRole('searchbox', { name: 'Filter by path or type' });
  await search.fill('boat');
  await sees('/boats');
  await search.fill('nothing like it');
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  for (const [name, value, paths] of [
    ['Method', 'POST', ['/boats']],
    ['Status', '4', ['/missing']],
    ['Service', row.id, ['/boats', '/missing', 'quay']],
  ] as const) {
    const select = page.getByRole('combobox', { name });
    await select.selectOption(value);
    await sees(...paths);
    await select.selectOption('');
  }
  await page.getByRole('button', { name: 'Pause' }).click();
  await ask('/later');
  await page.getByRole('button', { name: '1 new request' }).click();
  await sees('/boats', '/missing', 'quay', '/later');
  await ask('/at-last');
  await expect(page.getByRole('button', { name: '1 new request' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await sees('/boats', '/missing', 'quay', '/later', '/at-last');

  const details = page.getByRole('complementary');
  await page.getByRole('listbox').focus();
  await page.keyboard.press('End');
  await expect(details.getByRole('heading', { level: 2 })).toContainText('POST /boats');
  await details.getByRole('tab', { name: 'Request body' }).click();
  await expect(details.getByRole('tabpanel')).toContainText('ahoy');
  if (host === 'web') {
    const download = page.waitForEvent('download');
    await details.getByRole('button', { name: 'Save body' }).click();
    expect(await readFile(await (await download).path(), 'utf8')).toBe('ahoy');
  }
  await details.getByRole('tab', { name: 'Timing' }).click();
  await expect(details.getByRole('tabpanel')).toContainText('Total');
  await details.getByRole('tab', { name: 'Headers' }).click();
  await expect(details.getByText(`Sent to http://localhost:${teller.port}`)).toBeVisible();
  await copyBy(details.getByRole('button', { name: 'Copy as curl' }));
  expect(await shell.clipboard()).toMatch(/^curl -X POST .*--data-raw 'ahoy' 'https?:/);

  const form = page.getByRole('dialog');
  const edit = details.getByRole('button', { name: 'Edit and send' });
  await edit.click();
  await form.getByRole('button', { name: 'Cancel' }).click();
  await expect(edit).toBeFocused();
  await edit.click();
  await form.getByRole('textbox', { name: 'Method' }).fill('PUT');
  await form.getByRole('textbox', { name: 'Headers' }).fill('Host: quay.test\nX-Berth: 7');
  await form.getByRole('textbox', { name: 'Body' }).fill('cast off');
  await form.getByRole('button', { name: 'Send' }).click();
  await details.getByRole('tab', { name: 'Response body' }).click();
  for (const part of ['"method": "PUT"', '"x-berth": "7"', '"body": "cast off"'])
    await expect(details.getByRole('tabpanel')).toContainText(part);
  await page.keyboard.press('Escape');
  await expect(details).toHaveCount(0);

  await goTo(page, 'Services');
  await choose(page, row, 'Stop inspecting');
  await expect(row.row.getByRole('link', { name: 'Requests are being inspected' })).toHaveCount(0);
});
