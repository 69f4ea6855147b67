import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Preferences } from '../../shared/contract/agent-state.ts';
import { expect, goTo, publish, test, visit } from './fixtures.ts';

test('offers what its shell can do, keeps what is chosen, and explains the rest', async ({ page, shell, home }) => {
  await goTo(page, 'Settings');
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  const start = page.getByRole('switch', { name: 'Start at login' });
  const notifications = page.getByRole('switch', { name: 'Tell me by notifications' });
  const quiet = page.getByRole('switch', { name: 'Quiet hours' });
  if (shell.kind === 'web') {
    await expect(start.or(notifications).or(quiet)).toHaveCount(0);
    await expect(page.getByText('The desktop app can start at login')).toBeVisible();
    await expect(page.getByText('Here, news show in this window.')).toBeVisible();
    return;
  }
  /** What is on the disk; nothing until something was chosen. */
  const kept = (): unknown => {
    const file = path.join(home, 'porthole', 'settings.json');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '{}';
    const { preferences } = JSON.parse(text) as { readonly preferences?: Preferences };
    return preferences && [preferences.notifications, preferences.quiet];
  };
  await quiet.click();
  await page.getByLabel('From').fill('21:30');
  await page.getByLabel('From').blur();
  await expect.poll(kept).toEqual([true, { from: '21:30', to: '07:00' }]);
  await page.getByLabel('To', { exact: true }).fill('06:15');
  await page.getByLabel('To', { exact: true }).blur();
  await expect.poll(kept).toEqual([true, { from: '21:30', to: '06:15' }]);
  await quiet.click();
  await expect.poll(kept).toEqual([true, undefined]);
  await notifications.click();
  await expect(quiet).toBeDisabled();
  await expect.poll(kept).toEqual([false, undefined]);

  await start.click();
  await expect(start).toHaveAttribute('aria-checked', 'true');
  if (process.platform !== 'linux') return;
  const entry = path.join(home, '.config', 'autostart', 'porthole.desktop');
  await expect.poll(() => existsSync(entry)).toBe(true);
  expect(readFileSync(entry, 'utf8')).toMatch(/^Exec=.*"--hidden"$/m);
  await start.click();
  await expect(start).toHaveAttribute('aria-checked', 'false');
  // The switch shows the wish at once.
  await expect.poll(() => existsSync(entry)).toBe(false);
});

test('says why it does not look for newer versions, with no button that does nothing', async ({ page, shell }) => {
  await goTo(page, 'Settings');
  const updates = page.getByRole('region', { name: 'Updates' });
  await expect(updates).toContainText(/This is version \d/);
  await expect(updates).toContainText(
    shell.kind === 'web' ? 'Update it the way you installed it.' : 'It runs from its source code',
  );
  await expect(updates.getByRole('button')).toHaveCount(0);
  await expect(updates.getByRole('switch')).toHaveCount(0);
});

test('speaks the language that is chosen, and remembers it', async ({ page }) => {
  await goTo(page, 'Settings');
  await page.getByRole('combobox', { name: 'Language' }).selectOption('de');
  await expect(page.getByRole('heading', { name: 'Einstellungen' })).toBeVisible();
  // As a page does whose address is new: main keeps the choice.
  await page.evaluate(() => localStorage.removeItem('porthole.language'));
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Einstellungen' })).toBeVisible();
  await page.getByRole('combobox', { name: 'Sprache' }).selectOption('en');
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible();
});

test('refuses in the language that is chosen, whoever refuses', async ({ page, origin }) => {
  await goTo(page, 'Settings');
  await page.getByRole('combobox', { name: 'Language' }).selectOption('de');
  await goTo(page, 'Dienste');
  await page.getByText('Anderer Port oder Host').click();
  const form = page.getByRole('form', { name: 'Anderer Port oder Host' });
  const fill = async (port: string, name: string): Promise<void> => {
    await form.getByRole('textbox', { name: 'Port', exact: true }).fill(port);
    await form.getByRole('textbox', { name: 'Name' }).fill(name);
    await form.getByRole('button', { name: 'Für alle öffnen' }).click();
  };
  const alert = form.getByRole('alert');
  // The page itself, then main, then the edge over the wire.
  await fill('70000', 'hafen');
  await expect(alert).toHaveText('Port 70000 ist nicht gültig. Nimm eine ganze Zahl von 1 bis 65535.');
  await fill(String(origin.port), 'ha_fen');
  await expect(alert).toContainText('ist nicht gültig: darin sind Zeichen, die ein Hostname nicht haben kann.');
  await fill(String(origin.port), 'hafen');
  await expect(page.getByRole('region', { name: 'Deine Dienste' }).locator('[data-status]')).toHaveText('Live');
  await page.getByText('Anderer Port oder Host').click();
  await fill(String(origin.port), 'hafen');
  await expect(alert).toHaveText(
    'Den Namen hafen.localhost hat schon der Dienst „hafen“. Wähle einen anderen, oder entferne zuerst diesen Dienst.',
  );
});

test('pauses everything, and copies diagnostics that hold no secret', async ({ page, shell, origin, visitor }) => {
  const { url } = await publish(page, origin.port);
  await goTo(page, 'Settings');
  const pause = page.getByRole('switch', { name: 'Pause everything' });
  await pause.click();
  await expect(page.locator('[data-link="paused"]')).toBeVisible();
  expect(await visit(visitor, url)).toBe(503);
  await pause.click();
  await expect(page.locator('[data-link="up"]')).toBeVisible();
  await expect.poll(async () => visit(visitor, url)).toBe(200);
  await page.getByRole('button', { name: 'Copy diagnostics' }).click();
  await expect(page.getByText('Copied. Paste it')).toBeVisible();
  const text = await shell.clipboard();
  expect(text).toContain('"status": "active"');
  expect(text).not.toMatch(/ph[jas]_[\w-]{10}/);
});
