import type { Browser, Page } from '@playwright/test';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { ask } from '../support/visitor.ts';
import { edit, expect, goTo, publish, save, test } from './fixtures.ts';
import { startWeb } from './shells.ts';

/** How many headers let visitors in to the only service, by a frame with a snapshot. */
const headersIn = (text: string): number | undefined =>
  (JSON.parse(text) as { readonly value: AgentState }).value.services[0]?.auth?.headers?.length;

/** Opens `url` in a browser that has never been here. */
async function openAfresh(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

test('says how to get in when its link was used, and prints a new one on Enter', async ({ home, browser }) => {
  const { child, exited, link, nextLink } = await startWeb(home);
  const mine = await openAfresh(browser, link);
  await expect(mine.getByRole('navigation')).toBeVisible();
  const late = await openAfresh(browser, link);
  await expect(late.getByRole('heading')).toHaveText('This link no longer works');
  await expect(late.getByText('press Enter in the terminal')).toBeVisible();
  child.stdin.write('\n');
  const other = await openAfresh(browser, await nextLink());
  await expect(other.getByRole('navigation')).toBeVisible();
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});

test('keeps its page through a reload, and takes the key out of the address', async ({ page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  expect(new URL(page.url()).hash).not.toContain('key');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Nothing on this laptop is public' })).toBeVisible();
});

test('tells the page when Porthole has stopped', async ({ home, browser }) => {
  const { child, exited, link } = await startWeb(home);
  const page = await openAfresh(browser, link);
  await expect(page.getByRole('navigation')).toBeVisible();
  child.kill('SIGTERM');
  await exited;
  await expect(page.getByText('Porthole has stopped.')).toBeVisible();
});

/** Has what the page asks of the log fail for as long as `broken`, from its next load on. */
async function breakLog(page: Page, broken: () => boolean): Promise<void> {
  await page.routeWebSocket('**', (window) => {
    const main = window.connectToServer();
    window.onMessage((text) => {
      const { id, channel = '' } = JSON.parse(String(text)) as { id?: number; channel?: string };
      const reply = { ok: false, error: { code: 'internal', message: 'It broke.' } };
      if (broken() && channel.startsWith('log:')) window.send(JSON.stringify({ id, reply }));
      else main.send(text);
    });
  });
  await page.reload();
}

test('keeps the keyboard in the window when a line is closed while there is no list', async ({ page, origin }) => {
  let broken = false;
  await breakLog(page, () => broken);
  const { url } = await publish(page, origin.port);
  await ask({ url });
  await goTo(page, 'Access log');
  await page.getByRole('listbox').getByRole('option').click();
  broken = true;
  const details = page.getByRole('complementary');
  await details.getByRole('button', { name: 'Show only Method: GET' }).click();
  await expect(page.getByRole('alert')).toContainText('The log could not be read.');
  await details.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByRole('main')).toBeFocused();
});

test('offers to try again what failed, and a text to copy by hand where there is no clipboard', async ({ page }) => {
  let broken = true;
  await breakLog(page, () => broken);
  await goTo(page, 'Access log');
  await expect(page.getByRole('alert')).toContainText('The log could not be read.');
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('Nobody has knocked yet.')).toBeVisible();
  broken = true;
  await goTo(page, 'Charts');
  await expect(page.getByRole('alert')).toContainText('The charts could not be drawn.');
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('No request in this time.')).toBeVisible();

  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error('no clipboard'));
  });
  await goTo(page, 'Settings');
  await page.getByRole('button', { name: 'Copy diagnostics' }).click();
  await expect(page.getByRole('textbox', { name: 'Diagnostics' })).toHaveValue(/"services"/);
});

test('edits on with what was saved while the window has not been told of it yet', async ({ page, origin }) => {
  let holding = false;
  const held: string[] = [];
  let tell: (text: string) => void = () => undefined;
  await page.routeWebSocket('**', (window) => {
    const main = window.connectToServer();
    tell = (text) => window.send(text);
    main.onMessage((text) => {
      if (holding && String(text).startsWith('{"event":"state"')) held.push(String(text));
      else window.send(text);
    });
  });
  await page.reload();
  await edit(page, await publish(page, origin.port), 'Authentication');
  const add = async (token: string): Promise<void> => {
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Token', { exact: true }).last().fill(token);
    await save(page);
  };
  /** The snapshot with that many headers, once main has sent it. */
  const toldOf = async (headers: number): Promise<string> => {
    const find = (): string | undefined => held.find((text) => headersIn(text) === headers);
    await expect.poll(find).toBeDefined();
    return find() ?? '';
  };
  holding = true;
  await add('one');
  const first = await toldOf(1);
  await add('two');
  // What the first save changed may be told after the second was answered.
  tell(first);
  await add('three');
  tell(await toldOf(3));
  holding = false;
  await page.reload();
  await expect(page.getByRole('button', { name: 'Remove this header' })).toHaveCount(3);
});
