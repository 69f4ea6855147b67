import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { findElectron } from '../../build/electron.mjs';
import type { PortholeApi } from '../../shared/contract/ipc.ts';
import { createToken } from '../../shared/domain/token.ts';
import type { ShownTray } from '../standin/menu.ts';
import type { ShownNotification } from '../standin/system.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { freePort } from '../support/free-port.ts';
import { expect, goTo, publish, test, visit } from './fixtures.ts';
import { edgeOf } from './processes.ts';
import { openShell, type Shell, startDesktop } from './shells.ts';
import { startUpdateFeed } from './update-feed.ts';

declare global {
  interface Window {
    readonly porthole?: PortholeApi;
  }
}

/** What the stand-in tells tests. */
interface Standin {
  readonly __standin: {
    readonly proxies: { answer: string; readonly asked: readonly string[] };
    readonly trays: readonly ShownTray[];
    readonly asked: { readonly notified: readonly ShownNotification[] };
  };
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
  await goTo(page, 'Access log');
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

// The real one has no way to look into its tray, its notifications, or to have somebody's machine fall asleep.
if (findElectron({}) === undefined) {
  const trayOf = (shell: Pick<Shell, 'app'>) =>
    shell.app?.evaluate((electron) => {
      const [first] = (electron as unknown as Standin).__standin.trays;
      const rows = first?.menu?.items.map((item) => item.label);
      return { words: first?.toolTip, icon: first?.icon.split('/').at(-1), rows };
    });
  /** Chooses a row by the words on the way to it. */
  const choose = (shell: Pick<Shell, 'app'>, ...path: readonly string[]) =>
    shell.app?.evaluate((electron, labels) => {
      let items = (electron as unknown as Standin).__standin.trays[0]?.menu?.items ?? [];
      for (const [index, label] of labels.entries()) {
        const item = items.find((one) => one.label === label);
        if (item === undefined) throw new Error(`no row ${label} among ${items.map((one) => one.label)}`);
        if (index === labels.length - 1) item.click();
        items = item.submenu?.items ?? [];
      }
    }, path);
  const notified = (shell: Pick<Shell, 'app'>) =>
    shell.app?.evaluate((electron) =>
      (electron as unknown as Standin).__standin.asked.notified.map(({ title, body }) => ({ title, body })),
    );

  /** Milliseconds from `since` to the last of `ticks`, of a gap between two no more than a busy machine makes. */
  const liveTime = (ticks: readonly number[], since: number): number =>
    ticks
      .filter((tick) => tick > since)
      .map((tick, i, later) => Math.min(tick - (later[i - 1] ?? since), 100))
      .reduce((sum, gap) => sum + gap, 0);

  test('carries the services in the tray, with their switches', async ({ shell, page, origin, visitor }) => {
    const { url, status, row } = await publish(page, origin.port);
    const name = (await row.getByRole('switch').getAttribute('aria-label')) ?? '';
    await expect
      .poll(() => trayOf(shell))
      .toMatchObject({ words: 'Porthole: 1 service public', icon: 'tray-on-light.png' });
    expect((await trayOf(shell))?.rows?.at(-1)).toBe('Quit (1 service will go offline)');
    await choose(shell, name, 'Copy URL');
    await expect.poll(() => shell.clipboard()).toBe(url);
    await choose(shell, name, 'Public');
    await expect(status).toHaveText('Off');
    expect(await visit(visitor, url)).toBe(503);
    await expect.poll(() => trayOf(shell)).toMatchObject({ words: 'Porthole: Connected, nothing is public' });
  });

  test('publishes, pauses and resumes from the tray', async ({ shell, page, lowOrigin, visitor }) => {
    await expect(page.locator(`[data-port="${lowOrigin.port}"]`)).toBeVisible();
    const label = await shell.app?.evaluate((electron, port) => {
      const items = (electron as unknown as Standin).__standin.trays[0]?.menu?.items ?? [];
      const ports = items.find((item) => item.label === 'Publish a port')?.submenu?.items ?? [];
      return ports.find((item) => item.label.endsWith(`port ${port}`))?.label;
    }, lowOrigin.port);
    await choose(shell, 'Publish a port', label ?? 'the port of the test');
    await expect(page.getByRole('region', { name: 'Your services' }).locator('[data-status]')).toHaveText('Live');
    // The window may know that it is live before the tray was answered, which copies and says so then.
    await page.getByRole('region', { name: 'News' }).getByRole('button', { name: 'Show it' }).click();
    await expect(page.getByRole('navigation', { name: 'What to edit' })).toBeVisible();
    const url = await shell.clipboard();
    expect(await notified(shell)).toContainEqual(
      expect.objectContaining({ body: `Anyone with the link can open it. Copied: ${url}` }),
    );
    expect(await visit(visitor, url)).toBe(200);
    await choose(shell, 'Pause everything');
    await expect
      .poll(() => trayOf(shell))
      .toMatchObject({ words: 'Porthole: Paused, nothing is public', icon: 'tray-off-light.png' });
    expect(await visit(visitor, url)).toBe(503);
    await choose(shell, 'Resume');
    await expect.poll(async () => visit(visitor, url)).toBe(200);
  });

  test('leads from the tray to where something is done', async ({ shell, page, origin }) => {
    const { row } = await publish(page, origin.port);
    const name = (await row.getByRole('switch').getAttribute('aria-label')) ?? '';
    await expect.poll(async () => (await trayOf(shell))?.rows).toContain(name);
    await choose(shell, 'Settings…');
    await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible();
    await choose(shell, name, 'Share…');
    await expect(page.getByRole('dialog', { name: `Share ${name}` })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    // Main hears a moment later where the page went; nobody is at the tray sooner.
    const place = () =>
      shell.app?.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getURL());
    await expect.poll(place).toMatch(/#\/services$/);
    await choose(shell, name, 'Share…');
    await expect(page.getByRole('dialog', { name: `Share ${name}` })).toBeVisible();
  });

  test('says once that closing the window ends nothing', async ({ shell, page }) => {
    await expect(page.getByRole('navigation')).toBeVisible();
    const window = await shell.app?.browserWindow(page);
    for (let i = 0; i < 2; i++)
      await window?.evaluate((made) => {
        made.close();
        made.show();
      });
    expect((await notified(shell))?.map(({ title }) => title)).toEqual(['Porthole goes on']);
    const news = page.getByRole('region', { name: 'News' });
    await news.getByRole('button', { name: 'Dismiss: Porthole goes on' }).click();
    await expect(news.getByRole('listitem')).toHaveCount(0);
  });

  test('takes a link that is opened elsewhere, and asks before it does anything', async ({ shell, page }) => {
    await expect(page.getByRole('navigation')).toBeVisible();
    const at = `127.0.0.1:${await freePort()}`;
    const link = `porthole://join/${at}?token=${createToken('join', randomBytes)}`;
    await shell.app?.evaluate(
      ({ app }, text) => void app.emit('second-instance', {}, ['porthole', text], '/', {}),
      link,
    );
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText(`A link asks to join ${at}`);
    const state = await page.evaluate(() => window.porthole?.call('state:get', undefined));
    expect(state).toMatchObject({ ok: true, value: { join: { state: 'asked' }, edge: { kind: 'embedded' } } });
    await dialog.getByRole('button', { name: 'Look at this edge' }).click();
    await expect(page.getByRole('dialog', { name: `${at} can’t be joined` })).toBeVisible();
    await dialog.getByRole('button', { name: 'Don’t join' }).click();
    await expect(dialog).toHaveCount(0);
  });

  test('starts hidden where it is asked to, and shows its window when it is wanted', async ({ home }) => {
    const { app, stop } = await startDesktop(home, ['--hidden']);
    await expect.poll(async () => (await trayOf({ app }))?.rows).toContain('Open Porthole…');
    expect(app.windows()).toEqual([]);
    const [page] = await Promise.all([app.waitForEvent('window'), choose({ app }, 'Open Porthole…')]);
    await expect(page.getByRole('navigation')).toBeVisible();
    await stop();
  });

  test('looks for a newer version when it is told to, says what came of it, and what the restart ends', async ({
    home,
    origin,
  }) => {
    const feed = await startUpdateFeed();
    const packaged = {
      STANDIN_PACKAGED: '1',
      APPIMAGE: path.join(home, 'Porthole.AppImage'),
      PORTHOLE_UPDATE_FEED: feed.url,
    };
    const { app, stop } = await startDesktop(home, [], packaged);
    const page = await app.firstWindow();
    await goTo(page, 'Settings');
    const updates = page.getByRole('region', { name: 'Updates' });
    // It would look ten seconds after the start, too, whatever is being done here then.
    const byItself = updates.getByRole('switch', { name: 'Look for newer versions' });
    await byItself.click();
    await expect(byItself).not.toBeChecked();
    await goTo(page, 'Services');
    await publish(page, origin.port);
    await goTo(page, 'Settings');
    const says = (words: string) => updates.getByRole('status').filter({ hasText: words });
    const look = updates.getByRole('button', { name: 'Check now' });
    await look.focus();
    await page.keyboard.press('Enter');
    await expect(says('What answered where newer versions are has no list of them')).toHaveCount(1);
    await expect(updates).toContainText('Tried now.');
    await expect(look).toBeFocused();

    feed.version = await app.evaluate((electron) => electron.app.getVersion());
    await page.keyboard.press('Enter');
    await expect(says('Porthole is up to date.')).toHaveCount(1);
    await expect(updates).toContainText('As of now.');

    feed.version = '99.0.0';
    await page.keyboard.press('Enter');
    await expect(says('Version 99.0.0 is there.')).toHaveCount(1);
    feed.whole = false;
    await updates.getByRole('button', { name: 'Download' }).focus();
    await page.keyboard.press('Enter');
    await expect(says('Version 99.0.0 could not be downloaded.')).toHaveCount(1);
    feed.whole = true;
    await expect(updates.getByRole('button', { name: 'Try again' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(says('Version 99.0.0 is downloaded.')).toHaveCount(1);
    await expect(updates).toContainText('Restarting takes 1 service offline for a moment');
    const restart = updates.getByRole('button', { name: 'Restart to update…' });
    await expect(restart).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog', { name: 'Restart into version 99.0.0?' })).toContainText(
      '1 service goes offline for a moment:',
    );
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await expect(restart).toBeFocused();

    await feed.close();
    await look.focus();
    await page.keyboard.press('Enter');
    await expect(says('Nothing answered where newer versions are')).toHaveCount(1);
    await page.reload();
    await expect(byItself).not.toBeChecked();
    await stop();
  });

  test('goes through the proxy that the system names, and says so', async ({ shell, page }) => {
    await using edge = new EdgeProcess('edge.test');
    const { httpsPort, fingerprint } = await edge.start();
    const at = `edge.test:${httpsPort}`;
    await using proxy = await new ConnectProxy({ leads: { [at]: httpsPort } }).start();
    const answer = (text: string) =>
      shell.app?.evaluate((electron, given) => {
        const { proxies } = (electron as unknown as Standin).__standin;
        proxies.answer = given;
        return proxies.asked;
      }, text);
    await goTo(page, /^Connection/);
    expect(await answer('SOCKS5 127.0.0.1:1')).toEqual([]);
    const link = `porthole://join/${at}?token=${await edge.token()}&fingerprint=${fingerprint}`;
    await page.getByRole('textbox', { name: 'Join link' }).fill(link);
    await page.getByRole('button', { name: 'Look at it' }).click();
    await expect(page.getByText('it is of the kind SOCKS5')).toBeVisible();
    expect(await answer(`PROXY 127.0.0.1:${proxy.port}; DIRECT`)).toContain(`https://${at}/`);
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Join', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'The line is good' })).toBeVisible();
    await page.getByRole('button', { name: 'Diagnose' }).click();
    await expect(
      page.getByText(`settings name the proxy 127.0.0.1:${proxy.port}. Porthole goes through it.`),
    ).toBeVisible();
    await expect(page.getByText(`${at} accepts connections through the proxy`)).toBeVisible();
    await expect(page.getByText('Nothing is broken.')).toBeVisible();
    expect(new Set(proxy.asked)).toEqual(new Set([at]));
  });

  test('is back within a second after the machine woke up', async ({ shell, page }) => {
    await expect(page.locator('[data-link="up"]')).toBeVisible();
    const edge = edgeOf(shell.pid) ?? 0;
    process.kill(edge, 'SIGSTOP');
    await expect(page.locator('[data-link="down"]')).toBeVisible({ timeout: 60_000 });
    // The page ticks until it sees the link.
    await page.evaluate(() => {
      const ticks: number[] = [];
      const back = new Promise<number[]>((resolve) => {
        const timer = setInterval(() => {
          ticks.push(Date.now());
          if (document.querySelector('[data-link="up"]') === null) return;
          clearInterval(timer);
          resolve(ticks);
        }, 10);
      });
      Object.assign(globalThis, { back });
    });
    const woke = await shell.app?.evaluate(({ powerMonitor }, pid) => {
      process.kill(pid, 'SIGCONT');
      powerMonitor.emit('resume');
      return Date.now();
    }, edge);
    const ticks = await page.evaluate(() => (globalThis as unknown as { back: Promise<number[]> }).back);
    expect(liveTime(ticks, woke ?? 0)).toBeLessThan(1000);
  });
}
