import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { EdgeProcess } from '../support/edge-process.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Laptop, publicUrl } from '../support/laptop.ts';
import { ask } from '../support/visitor.ts';
import { copyBy, edit, expect, goTo, leaveEditor, publish, save, test } from './fixtures.ts';

const openConnection = (page: Page) => goTo(page, /^Connection/);

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Looks for what axe finds wrong by WCAG 2.2 AA, in light and in dark. */
async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  }
}

test('diagnoses the line, names a server that is gone, and copies what it found', async ({ page, shell, origin }) => {
  await publish(page, origin.port);
  await openConnection(page);
  await page.getByRole('button', { name: 'Diagnose' }).click();
  const steps = page.getByRole('list', { name: 'Steps' });
  await expect(page.getByText('Nothing is broken.')).toBeVisible();
  await expect(steps.getByText(`localhost:${origin.port} accepts connections.`)).toBeVisible();
  await origin.close();
  await page.getByRole('button', { name: 'Diagnose again' }).click();
  await expect(steps.getByText(`Nothing listens on localhost:${origin.port}.`)).toBeVisible();
  await expectAccessible(page);
  await copyBy(page.getByRole('button', { name: 'Copy result' }));
  expect(await shell.clipboard()).toContain('[Broken] Server: ');
});

test('pauses after asking, and resumes', async ({ page, origin }) => {
  const { status } = await publish(page, origin.port);
  await openConnection(page);
  const pause = page.getByRole('button', { name: 'Pause' });
  await pause.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The edge on this laptop is running' })).toBeVisible();
  await pause.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take offline' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Paused' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The edge on this laptop is running' })).toBeVisible();
  await goTo(page, 'Services');
  await expect(status).toHaveText('Live');
});

test('refuses what is no join link, and says so at the field', async ({ page }) => {
  // The first run offers it beside the ports, and the connection always.
  for (const go of [() => goTo(page, 'Services'), () => openConnection(page)]) {
    await go();
    const field = page.getByRole('textbox', { name: 'Join link' });
    await field.fill('https://edge.example.com');
    await page.getByRole('button', { name: 'Look at it' }).click();
    await expect(page.getByRole('alert')).toContainText('neither a join link');
    await expect(field).toHaveValue('https://edge.example.com');
  }
});

/** Starts an edge with two sign-in providers, which it asks for nothing before somebody signs in. */
async function startCluster(folder: string): Promise<EdgeProcess> {
  const file = path.join(folder, 'sign-in.json');
  const provider = { issuer: 'https://id.example.test', clientId: 'porthole', clientSecretFile: 'secret' };
  const providers = ['Acme', 'Harbour'].map((name) => ({ ...provider, id: name.toLowerCase(), name }));
  writeFileSync(path.join(folder, 'secret'), 's3cret', { mode: 0o600 });
  writeFileSync(file, JSON.stringify({ providers }));
  const edge = new EdgeProcess('edge.test', ['--operator', 'ACME IT', '--sign-in', file]);
  await edge.start();
  return edge;
}

/** This laptop's id at the edge that it joined. */
function agentIdOf(home: string): string {
  const kept = JSON.parse(readFileSync(path.join(home, 'porthole', 'settings.json'), 'utf8')) as {
    readonly joined: { readonly agentId: string };
  };
  return kept.joined.agentId;
}

test('shows what a join link leads to, joins when told, answers what others ask, and leaves again', async ({
  page,
  home,
  origin,
  teller,
}) => {
  using folder = temporaryFolder();
  await using edge = await startCluster(folder.path);
  const { httpsPort, fingerprint } = edge.ready;
  const link = `porthole://join/127.0.0.1:${httpsPort}?token=${await edge.token()}&fingerprint=${fingerprint}`;
  await openConnection(page);
  const paste = async (): Promise<void> => {
    await page.getByRole('textbox', { name: 'Join link' }).fill(link);
    await page.getByRole('button', { name: 'Look at it' }).click();
  };
  const dialog = page.getByRole('dialog', { name: 'Join this edge?' });
  await paste();
  await expect(dialog.getByText('ACME IT')).toBeVisible();
  await expect(dialog.getByText('edge.test', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Don’t join' }).click();
  await expect(dialog).toBeHidden();
  await paste();
  await dialog.getByRole('textbox', { name: 'What to call this laptop there' }).fill('demo laptop');
  await dialog.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The line is good' })).toBeVisible();
  await expect(page.getByText('ACME IT')).toBeVisible();

  await using colleague = await Laptop.join(edge, 'colleague');
  const asked = await colleague.create({
    mode: 'tcp',
    name: 'borrowed',
    targets: [{ port: origin.port, agentId: agentIdOf(home) }],
  });
  const { hostname, port } = publicUrl(asked);
  const answered = async (): Promise<string> =>
    (await ask({ url: `http://${hostname}:${port}/` }).catch(() => undefined))?.text ?? '';
  await expect(page.getByRole('link', { name: 'Connection' })).toContainText('1 waits for your answer');
  await page.getByRole('button', { name: 'Refuse borrowed' }).click();
  await expect(page.getByText('Refused', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Allow borrowed' }).click();
  await expect.poll(answered).toContain('Hello from the laptop');
  await page.getByRole('button', { name: 'Take back what borrowed may reach' }).click();
  await expect.poll(answered).toBe('');

  await goTo(page, 'Services');
  const row = await publish(page, teller.port);
  await edit(page, row, 'Authentication');
  await page.getByRole('switch', { name: 'Sign-in' }).click();
  await page.getByLabel('Provider').selectOption('Harbour');
  await page.getByLabel('Groups').fill('crew');
  await save(page);
  await page.reload();
  await expect(page.getByLabel('Provider')).toHaveValue('harbour');
  await leaveEditor(page);
  await expect(row.row.locator('[data-audience]')).toHaveText('Sign-in, 1 group');

  await openConnection(page);
  const leave = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Leave this edge' }).click();
  await leave.getByRole('button', { name: 'Cancel' }).click();
  await expect(leave).toHaveCount(0);
  await page.getByRole('button', { name: 'Leave this edge' }).click();
  await leave.getByRole('button', { name: 'Leave and remove services' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The edge on this laptop is running' })).toBeVisible();
});
