import { findElectron } from '../../build/electron.mjs';
import type { PortholeApi } from '../../shared/contract/ipc.ts';
import type { ShownTray } from '../standin/menu.ts';
import { expect, publish, test, visit } from './fixtures.ts';
import { openShell } from './shells.ts';

declare global {
  interface Window {
    readonly porthole?: PortholeApi;
  }
}

test('hides its window when it is closed, and shows it again', async ({ shell, page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  const window = await shell.app?.browserWindow(page);
  const states = await window?.evaluate(async (made) => {
    const state = () => [made.isDestroyed(), made.isVisible()];
    made.close();
    const closed = state();
    made.show();
    return [closed, state()];
  });
  expect(states).toEqual([
    [false, false],
    [false, true],
  ]);
});

test('stays on its own page and opens nothing by itself', async ({ shell, page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  await shell.app?.evaluate(({ shell: system }) => {
    const opened = new Promise<string>((resolve) => {
      system.openExternal = async (url) => resolve(url);
    });
    Object.assign(globalThis, { opened });
  });
  const opened = () => shell.app?.evaluate(() => (globalThis as unknown as { opened: Promise<string> }).opened);
  await page.evaluate(() => void window.open('https://outside.example/'));
  expect(await opened()).toBe('https://outside.example/');
  const here = await page.evaluate(() => location.href);
  await page.evaluate(() => {
    location.href = 'https://elsewhere.example/';
  });
  await page.getByRole('link', { name: 'Access log' }).click();
  expect(await page.evaluate(() => location.href.split('#')[0])).toBe(here);
  expect(shell.app?.windows().length).toBe(1);
});

test('gives its page the contract and nothing of Node or Electron', async ({ page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  const reach = await page.evaluate(() => ({
    api: Object.keys(window.porthole ?? {}).sort(),
    node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in globalThis),
  }));
  expect(reach).toEqual({ api: ['call', 'on'], node: [] });
});

test('refuses what is not in the contract', async ({ page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  const reply = await page.evaluate(() => window.porthole?.call('constructor' as 'state:get', undefined));
  expect(reply).toMatchObject({ ok: false, error: { code: 'channel_unknown' } });
});

test('leaves a second start to the first', async ({ shell, home, browser, page }) => {
  await expect(page.getByRole('navigation')).toBeVisible();
  await shell.app?.evaluate(({ app }) => {
    const told = new Promise<boolean>((resolve) => app.once('second-instance', () => resolve(true)));
    Object.assign(globalThis, { told });
  });
  await expect(openShell('desktop', { home, browser })).rejects.toThrow();
  expect(await shell.app?.evaluate(() => (globalThis as unknown as { told: Promise<boolean> }).told)).toBe(true);
});

// The real one has no way to look into its tray.
if (findElectron({}) === undefined)
  test('carries the services in the tray, with their switches', async ({ shell, page, origin, visitor }) => {
    const { url, status } = await publish(page, origin.port);
    const tray = () =>
      shell.app?.evaluate((electron) => {
        const [first] = (electron as unknown as { __standin: { trays: ShownTray[] } }).__standin.trays;
        return { words: first?.toolTip, rows: first?.menu?.items.map((item) => item.label) };
      });
    await expect.poll(tray).toMatchObject({ words: 'Porthole: 1 service public' });
    expect((await tray())?.rows?.at(-1)).toBe('Quit (1 service will go offline)');
    await shell.app?.evaluate((electron) => {
      const [first] = (electron as unknown as { __standin: { trays: ShownTray[] } }).__standin.trays;
      first?.menu?.items[2]?.submenu?.items.find((item) => item.label === 'Public')?.click();
    });
    await expect(status).toHaveText('Off');
    expect(await visit(visitor, url)).toBe(503);
    await expect.poll(tray).toMatchObject({ words: 'Porthole: Connected, nothing is public' });
  });
