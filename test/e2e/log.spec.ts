import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { expect, publish, test, visit } from './fixtures.ts';

const lines = (page: Page) => page.getByRole('listbox').getByRole('option');

async function saved(download: Promise<Download>): Promise<string> {
  return readFile(await (await download).path(), 'utf8');
}

test('finds, filters and takes out what was asked of a service', async ({ page, visitor, origin, host }) => {
  const { url, row } = await publish(page, origin.port);
  for (const path of ['/boats', '/harbour/lights', '/boats/7']) await visit(visitor, new URL(path, url).href);
  await expect(row.locator('[data-visitors]')).toContainText('1 visitor now');
  await expect(row.getByRole('img', { name: /^[1-9]\d* requests? in the last minute, at most [1-9]/ })).toBeVisible();

  await page.getByRole('link', { name: 'Access log' }).click();
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
  }

  await page.getByRole('button', { name: 'Remove filter Path: /boats' }).click();
  await expect(lights).toHaveCount(1);
});

test('adds a filter from the details of a line, and copies it as curl', async ({ page, shell, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  await visit(visitor, new URL("/it's/here", url).href);
  await page.getByRole('link', { name: 'Access log' }).click();
  await lines(page).filter({ hasText: '/here' }).click();
  const details = page.getByRole('complementary');
  await details.getByRole('button', { name: 'Copy as curl' }).click();
  await expect(details.getByRole('button', { name: 'Copied' })).toBeVisible();
  const command = await shell.clipboard();
  expect(command).toMatch(/^curl -A '/);
  expect(command).toContain(new URL(url).host);
  await details.getByRole('button', { name: 'Show only Status: 200' }).click();
  await expect(page.getByRole('button', { name: 'Remove filter Status: 200' })).toBeVisible();
  await expect(details).toBeVisible();
});

test('holds the list still while it is paused or the pointer is over it', async ({ page, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  await visit(visitor, new URL('/first', url).href);
  await page.getByRole('link', { name: 'Access log' }).click();
  await expect(lines(page).filter({ hasText: '/first' })).toHaveCount(1);
  await lines(page).first().hover();
  await visit(visitor, new URL('/second', url).href);
  await expect(page.getByRole('button', { name: /new request/ })).toBeVisible();
  await expect(lines(page).filter({ hasText: '/second' })).toHaveCount(0);
  await page.getByRole('heading', { level: 1 }).hover();
  await expect(lines(page).filter({ hasText: '/second' })).toHaveCount(1);

  await page.getByRole('button', { name: 'Pause' }).click();
  await visit(visitor, new URL('/third', url).href);
  // The first that is new may be the icon that the visitor's browser asks for by itself.
  await expect(async () => {
    await page.getByRole('button', { name: /new request/ }).click({ timeout: 2_000 });
    await expect(lines(page).filter({ hasText: '/third' })).toHaveCount(1, { timeout: 1_000 });
  }).toPass();
});

test('draws the log as charts, with the figures as a table', async ({ page, visitor, origin }) => {
  const { url } = await publish(page, origin.port);
  await page.getByRole('link', { name: 'Access log' }).click();
  await page.getByRole('link', { name: 'Charts' }).click();
  await expect(page.getByText('No request in this time.')).toBeVisible();
  await visit(visitor, url);
  await page.getByRole('button', { name: '1 hour' }).click();
  for (const name of ['Requests a second', 'Statuses', 'Duration', 'Data a second'])
    await expect(page.getByRole('img', { name: new RegExp(`^${name}`) })).toBeVisible();
  await page.getByText('As a table').click();
  await expect(page.getByRole('columnheader', { name: 'p95' })).toBeVisible();
  await expect(page.getByRole('rowheader')).not.toHaveCount(0);
  await page.getByRole('link', { name: 'Requests' }).click();
  await expect(lines(page)).not.toHaveCount(0);
});
