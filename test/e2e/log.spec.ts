import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { ask } from '../support/visitor.ts';
import { copyBy, edit, expect, goTo, publish, save, test, visit } from './fixtures.ts';

const lines = (page: Page) => page.getByRole('listbox').getByRole('option');

async function saved(download: Promise<Download>): Promise<string> {
  return readFile(await (await download).path(), 'utf8');
}

test('finds, filters and takes out what was asked of a service', async ({ page, visitor, origin, host }) => {
  const { url, row } = await publish(page, origin.port);
  // A browser may come to `localhost` by one family and then by the other, which are two visitors.
  for (const path of ['/boats', '/harbour/lights', '/boats/7']) await ask({ url: new URL(path, url).href });
  await expect(row.locator('[data-visitors]')).toContainText('1 visitor now');
  await expect(row.getByRole('img', { name: /^[1-9]\d* requests? in the last minute, at most [1-9]/ })).toBeVisible();

  await goTo(page, 'Access log');
  const lights = lines(page).filter({ hasText: '/harbour/lights' });
  await expect(lights).toHaveCount(1);
  await page.getByRole('button', { name: 'Add filter' }).click();
  await page.getByRole('menuitem', { name: 'Path' }).click();
  await page.getByRole('textbox', { name: 'Path' }).fill('/boats');
  await page.keyboard.press('Enter');
  await expect(lights).toHaveCount(0);
  await expect(lines(page).filter({ hasText: '/boats' })).toHaveCount(2);
  // Live lines pass the same filter.
  await visit(visitor, new URL('/harbour/again', url).href);
  await visit(visitor, new URL('/boats/8', url).href);
  await expect(lines(page).filter({ hasText: '/boats/8' })).toHaveCount(1);
  await expect(lines(page).filter({ hasText: '/harbour' })).toHaveCount(0);

  if (host === 'web') {
    const csv = saved(page.waitForEvent('download'));
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    const rows = (await csv).trimEnd().split('\r\n');
    expect(rows[0]).toMatch(/^time,id,kind,/);
    expect(rows.slice(1).every((line) => line.includes(',/boats'))).toBe(true);
    expect(rows).toHaveLength(4);
    const jsonl = saved(page.waitForEvent('download'));
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'JSON Lines' }).click();
    expect(
      (await jsonl)
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { path: string }).path),
    ).toEqual(['/boats/8', '/boats/7', '/boats']);
  } else {
    // What the page hands out is saved by its browser; the stand-in's keeps no files.
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    await expect(page.getByText('3 lines exported.')).toBeVisible();
  }

  await page.getByRole('button', { name: 'Remove filter Path: /boats' }).click();
  await expect(lights).toHaveCount(1);
});

test('finds lines by every field, in the menu and in the details of a line, and copies one as curl', async ({
  page,
  shell,
  teller,
  origin,
}) => {
  const row = await publish(page, teller.port);
  const other = await publish(page, origin.port);
  await edit(page, row, 'Authentication');
  await page.getByRole('button', { name: 'Add a header' }).click();
  await page.getByLabel('Kind').selectOption('basic');
  await page.getByLabel('User').fill('ada');
  await page.getByLabel('Password', { exact: true }).last().fill('lovelace');
  await save(page);
  const headers = { authorization: `Basic ${Buffer.from('ada:lovelace').toString('base64')}` };
  await ask({ url: new URL("/it's/boats", row.url).href, method: 'POST', headers });
  await ask({ url: new URL('/missing', row.url).href, headers });
  await ask({ url: new URL('/kept-out', row.url).href });

  await goTo(page, 'Access log');
  const sees = async (...paths: readonly string[]): Promise<void> => {
    await expect(lines(page)).toHaveCount(paths.length);
    for (const path of paths) await expect(lines(page).filter({ hasText: path })).toHaveCount(1);
  };
  const all = ['/boats', '/missing', '/kept-out'] as const;
  await sees(...all);
  const form = page.getByRole('form', { name: 'Add filter' });
  const start = async (term: string): Promise<void> => {
    await page.getByRole('button', { name: 'Add filter' }).click();
    await page.getByRole('menuitem', { name: term }).click();
  };
  await start('Status');
  await form.getByLabel('Status').fill('many');
  await form.getByRole('button', { name: 'Add' }).click();
  await expect(form.getByRole('alert')).toHaveText('A status is written like 404 or 4xx.');
  await form.getByRole('button', { name: 'Cancel' }).click();
  await expect(form).toHaveCount(0);
  await start('Method');
  await page.keyboard.press('Escape');
  await expect(form).toHaveCount(0);
  for (const [term, value, paths] of [
    ['Status', '4xx', ['/missing', '/kept-out']],
    ['Method', 'POST', ['/boats']],
    ['Address', '203.0.113.7', []],
    ['User', 'ada', ['/boats', '/missing']],
    ['From', '2999-01-01T00:00', []],
    ['Until', '2000-01-01T00:00', []],
    ['Let in or refused by', 'Not logged in', ['/kept-out']],
    ['Country', 'Germany', []],
  ] as const) {
    await start(term);
    const field = form.getByLabel(term, { exact: true });
    if (term === 'Country' || term === 'Let in or refused by') await field.selectOption(value);
    else await field.fill(value);
    await form.getByRole('button', { name: 'Add' }).click();
    await sees(...paths);
    const away = paths.length === 0 ? 'Clear the filter' : `Remove filter ${term}`;
    await page.getByRole('button', { name: away }).click();
    await sees(...all);
  }
  const search = page.getByRole('searchbox', { name: 'Search path, host, address or browser' });
  await search.fill('kept');
  await sees('/kept-out');
  await search.fill('');
  await sees(...all);
  const service = page.getByRole('combobox', { name: 'Service' });
  await service.selectOption(other.id);
  await sees();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await lines(page).filter({ hasText: '/boats' }).click();
  const details = page.getByRole('complementary');
  await copyBy(details.getByRole('button', { name: 'Copy as curl' }));
  const path = `${new URL(row.url).host}/it'\\''s/boats'`;
  expect(await shell.clipboard()).toMatch(/^curl -X POST '/);
  expect(await shell.clipboard()).toContain(path);
  for (const [what, chip] of [
    ["Path: /it's/boats", 'Path'],
    ['Status: 200', 'Status'],
    ['Method: POST', 'Method'],
    ['Visitor: 127.0.0.1', 'Address'],
    ['User: ada', 'User'],
    ['Let in by: Header', 'Let in or refused by'],
  ] as const) {
    await details.getByRole('button', { name: `Show only ${what}` }).click();
    await page.getByRole('button', { name: `Remove filter ${chip}` }).click();
  }
  await expect(details).toBeVisible();
  await details.getByRole('button', { name: 'Show only Service' }).click();
  await expect(service).not.toHaveValue('');
  // The list is read anew, and takes the keyboard once it is there.
  await sees(...all);
  await details.getByRole('button', { name: 'Close' }).click();
  await expect(details).toHaveCount(0);
  const list = page.getByRole('listbox');
  await expect(list).toBeFocused();
  for (const [key, at] of [
    ['End', 2],
    ['ArrowUp', 1],
    ['Home', 0],
    ['PageDown', 2],
    ['PageUp', 0],
  ] as const) {
    await page.keyboard.press(key);
    await expect(lines(page).nth(at)).toHaveAttribute('aria-selected', 'true');
  }
});

test('holds the list still while it is paused or the pointer is over it', async ({ page, origin }) => {
  const { url } = await publish(page, origin.port);
  // No browser, which would ask for an icon by itself.
  const come = (path: string): Promise<unknown> => ask({ url: new URL(path, url).href });
  await come('/first');
  await goTo(page, 'Access log');
  await expect(lines(page).filter({ hasText: '/first' })).toHaveCount(1);
  await lines(page).first().hover();
  await come('/second');
  await expect(page.getByRole('button', { name: /new request/ })).toBeVisible();
  await expect(lines(page).filter({ hasText: '/second' })).toHaveCount(0);
  await page.getByRole('heading', { level: 1 }).hover();
  await expect(lines(page).filter({ hasText: '/second' })).toHaveCount(1);

  await page.getByRole('button', { name: 'Pause' }).click();
  await come('/third');
  await page.getByRole('button', { name: '1 new request' }).click();
  await expect(lines(page).filter({ hasText: '/third' })).toHaveCount(1);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('heading', { level: 1 }).hover();
  await come('/fourth');
  await expect(lines(page).filter({ hasText: '/fourth' })).toHaveCount(1);
});

test('draws the log as charts, with the figures as a table', async ({ page, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  await goTo(page, 'Access log');
  await goTo(page, 'Charts');
  await expect(page.getByText('No request in this time.')).toBeVisible();
  await visit(visitor, url);
  const rate = page.getByRole('img', { name: /^Requests a second/ });
  const said = rate.locator('desc');
  const drawn: (string | null)[] = [];
  for (const range of ['24 hours', '7 days', '15 minutes', '1 hour']) {
    await page.getByRole('button', { name: range }).click();
    await expect.poll(async () => drawn.includes(await said.textContent())).toBe(false);
    drawn.push(await said.textContent());
  }
  for (const name of ['Requests a second', 'Statuses', 'Duration', 'Data a second'])
    await expect(page.getByRole('img', { name: new RegExp(`^${name}`) })).toBeVisible();
  await page.getByText('As a table').click();
  await expect(page.getByRole('columnheader', { name: 'p95' })).toBeVisible();
  await expect(page.getByRole('rowheader')).not.toHaveCount(0);
  await page.getByRole('combobox', { name: 'Service' }).selectOption({ index: 1 });
  await expect(rate).toBeVisible();
  await goTo(page, 'Requests');
  await expect(lines(page)).not.toHaveCount(0);
});
