/** Every control of the service editor: what it changes for visitors and for the server behind. */
import path from 'node:path';
import type { Page } from '@playwright/test';
import { dial, readAll, tcpOrigin, untilGone } from '../support/direct.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { ask } from '../support/visitor.ts';
import { edit, expect, leaveEditor, openTab, publish, save, saved, test, visit } from './fixtures.ts';
import { type Arrived, startTeller } from './origin.ts';

/** How a request arrived at the server that tells. */
const arrived = async (url: string): Promise<Arrived> => JSON.parse((await ask({ url })).text) as Arrived;

/** Status of a request with `headers`. */
const statusWith = async (url: string, headers: Readonly<Record<string, string>>): Promise<number> =>
  (await ask({ url, headers })).status;

const flip = (page: Page, name: string) => page.getByRole('switch', { name }).click();

test('leads paths to other servers, wherever these run', async ({ page, origin, teller }) => {
  const row = await publish(page, origin.port);
  const at = (where: string): string => new URL(where, row.url).href;
  await edit(page, row, 'Details');
  await page.getByRole('button', { name: 'Add a path' }).click();
  await page.getByRole('group', { name: 'Target /api' }).getByLabel('Path', { exact: true }).fill('/tell');
  const target = page.getByRole('group', { name: 'Target /tell' });
  await target.getByLabel('Port').fill(String(teller.port));
  // Enter in a field saves.
  await target.getByLabel('Port').press('Enter');
  await saved(page);
  expect(await arrived(at('/tell/x'))).toMatchObject({ url: '/x', version: '1.1' });

  // A socket's path has to be short.
  using folder = temporaryFolder();
  const file = path.join(folder.path, 'socket');
  const inFile = await startTeller({ socket: file });
  const runs = target.getByLabel('Runs');
  for (const [type, fields] of [
    ['host', { Host: '127.0.0.1' }],
    ['domain', { Host: 'localhost' }],
    ['subnet', { Host: '127.0.0.1', Network: '127.0.0.0/8' }],
    ['unix', { 'Socket file': file }],
  ] as const) {
    await runs.selectOption(type);
    for (const [label, value] of Object.entries(fields)) await target.getByLabel(label).fill(value);
    await save(page);
    expect((await arrived(at(`/tell/${type}`))).url).toBe(`/${type}`);
  }
  await inFile.close();

  const secure = await startTeller({ secure: true });
  await runs.selectOption('agent');
  await target.getByLabel('Port').fill(String(secure.port));
  await target.getByLabel('Speaks').selectOption('https');
  await openTab(page, 'Settings');
  const verify = page.getByRole('switch', { name: 'Verify its certificate' });
  await expect(verify).toBeChecked();
  await save(page);
  expect(await statusWith(at('/tell/x'), {})).toBe(502);
  await verify.click();
  await save(page);
  expect((await arrived(at('/tell/x'))).version).toBe('2.0');
  // The last target is the one that was added.
  await page.getByRole('switch', { name: 'Speak HTTP/2 with it' }).last().click();
  await save(page);
  expect((await arrived(at('/tell/x'))).version).toBe('1.1');
  await secure.close();

  await openTab(page, 'Details');
  await target.getByRole('switch', { name: 'On' }).click();
  await save(page);
  expect((await ask({ url: at('/tell/x') })).text).toContain('Hello from the laptop');
  await target.getByRole('switch', { name: 'On' }).click();
  await save(page);
  expect(await statusWith(at('/tell/x'), {})).toBe(502);
  await target.getByRole('button', { name: 'Remove this path' }).click();
  await save(page);
  expect((await ask({ url: at('/tell/x') })).text).toContain('Hello from the laptop');

  await page.evaluate(() => {
    location.hash = '#/services/nobody';
  });
  await expect(page.getByRole('heading', { name: 'This service is gone.' })).toBeVisible();
  await leaveEditor(page);
  await expect(row.status).toHaveText('Live');
});

test('carries requests as it is told: names, paths, headers, times', async ({ page, teller }) => {
  const row = await publish(page, teller.port);
  const at = (where: string): string => new URL(where, row.url).href;
  const before = await arrived(row.url);
  expect(before.headers.host).toBe(`localhost:${teller.port}`);
  const location = async (): Promise<string | undefined> => (await ask({ url: at('/go') })).headers.location;
  expect(await location()).toBe(`http://localhost:${teller.port}/there`);

  await edit(page, row, 'Settings');
  await flip(page, 'Make redirects and cookies public');
  await save(page);
  expect(await location()).toBe(at('/there'));
  await flip(page, 'Give your server the visitor’s Host');
  await save(page);
  expect((await arrived(row.url)).headers.host).toBe(new URL(row.url).host);

  const headers = page.getByRole('group', { name: 'Headers for your server' });
  const add = async (name: string, value: string): Promise<void> => {
    await headers.getByRole('button', { name: 'Add a header' }).click();
    await headers.getByLabel('Header', { exact: true }).last().fill(name);
    await headers.getByLabel('Value').last().fill(value);
  };
  await add('X-Tenant', 'blue');
  await add('X-Berth', '7');
  await headers.getByRole('button', { name: 'Remove this header: X-Tenant' }).click();
  await save(page);
  const told = (await arrived(row.url)).headers;
  expect([told['x-berth'], told['x-tenant']]).toEqual(['7', undefined]);

  await page.getByLabel('Wait for an answer at most').fill('soon');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByRole('alert')).toContainText('A time is written like 30s');
  await page.getByLabel('Wait for an answer at most').fill('1s');
  await page.getByLabel('Give up connecting after').fill('7s');
  await save(page);
  expect(await statusWith(at('/never'), {})).toBe(504);
  await page.getByLabel('Wait for an answer at most').fill('');
  await save(page);

  await openTab(page, 'Details');
  await page.getByLabel('Path', { exact: true }).fill('/tell');
  await save(page);
  expect((await arrived(at('/tell/x'))).url).toBe('/x');
  await openTab(page, 'Settings');
  await flip(page, 'Give it the whole path');
  await save(page);
  expect((await arrived(at('/tell/x'))).url).toBe('/tell/x');
  await page.reload();
  await expect(page.getByLabel('Give up connecting after')).toHaveValue('7s');
});

test('carries connections as it is told: port, silence, the visitor’s address', async ({ page }) => {
  await using origin = await tcpOrigin((socket) => socket.once('data', (data) => socket.end(data)));
  await page.getByText('Another port or host').click();
  const form = page.getByRole('form', { name: 'Another port or host' });
  await form.getByRole('textbox', { name: 'Port', exact: true }).fill(String(origin.port));
  await form.getByLabel('Speaks').selectOption('tcp');
  await form.getByRole('button', { name: 'Make public' }).click();
  const row = page.getByRole('region', { name: 'Your services' }).getByRole('listitem');
  await expect(row.locator('[data-status]')).toHaveText('Live');
  await edit(page, { row }, 'Details');
  const listen = await freePort();
  await page.getByLabel('Public port').fill(String(listen));
  await save(page);
  const said = async (): Promise<string> => {
    const socket = await dial(listen);
    socket.write('ahoy');
    const text = (await readAll(socket)).toString();
    socket.destroy();
    return text;
  };
  await expect.poll(() => said().catch(() => '')).toBe('ahoy');

  await openTab(page, 'Authentication');
  await expect(page.getByText('Only web services can ask visitors to log in.')).toBeVisible();
  await openTab(page, 'Settings');
  await page.getByLabel('End what is silent for').fill('1s');
  await flip(page, 'Tell it the visitor’s address');
  await save(page);
  // The signature of version 2 of the PROXY protocol.
  await expect.poll(() => said().catch(() => '')).toMatch(/^\r\n\r\n\0\r\nQUIT\n/);
  await using quiet = await tcpOrigin(() => undefined);
  await openTab(page, 'Details');
  await page.getByLabel('Port', { exact: true }).fill(String(quiet.port));
  await save(page);
  await untilGone(await dial(listen));
});

test('lets in who knows one of the things that were chosen, and nobody else', async ({ page, visitor, teller }) => {
  const row = await publish(page, teller.port);
  await edit(page, row, 'Authentication');
  await expect(page.getByRole('switch', { name: 'Sign-in' })).toBeDisabled();

  await flip(page, 'Password');
  const password = page.getByLabel('New password');
  await password.fill('open sesame');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(password).toHaveAttribute('type', 'text');
  await page.getByRole('button', { name: 'Hide' }).click();
  await expect(password).toHaveAttribute('type', 'password');
  await flip(page, 'PIN');
  await page.getByRole('button', { name: 'Make one up' }).click();
  await expect(page.getByLabel('New PIN')).toHaveValue(/^\d{6}$/);
  const pin = await page.getByLabel('New PIN').inputValue();
  await flip(page, 'Share links');

  const add = async (kind: string, fields: Readonly<Record<string, string>>): Promise<void> => {
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Kind').last().selectOption(kind);
    for (const [label, value] of Object.entries(fields))
      await page.getByLabel(label, { exact: true }).last().fill(value);
  };
  await add('basic', { User: 'ada', Password: 'lovelace' });
  await save(page);
  await add('bearer', { Token: 't0ken' });
  await save(page);
  await add('custom', { Header: 'X-Api-Key', Value: 'k3y' });
  await save(page);
  const basic = `Basic ${Buffer.from('ada:lovelace').toString('base64')}`;
  const ways = [{ authorization: basic }, { authorization: 'Bearer t0ken' }, { 'x-api-key': 'k3y' }, {}];
  const statuses = async (): Promise<readonly number[]> =>
    Promise.all(ways.map((headers) => statusWith(row.url, headers)));
  expect(await statuses()).toEqual([200, 200, 200, 401]);
  await page.getByRole('button', { name: 'Remove this header: X-Api-Key' }).click();
  await save(page);
  expect(await statuses()).toEqual([200, 200, 401, 401]);

  for (const [label, secret] of [
    ['PIN', pin],
    ['Password', 'open sesame'],
  ] as const) {
    expect(await visit(visitor, row.url)).toBe(401);
    await visitor.getByLabel(label).fill(secret);
    await visitor.getByLabel(label).press('Enter');
    await expect(visitor.locator('body')).toContainText('"method":"GET"');
    await visitor.context().clearCookies();
  }
  await leaveEditor(page);
  await expect(row.row.locator('[data-audience]')).toHaveText(/Password.*PIN.*Header.*share link/);
});

test('lets in from where it is told, keeps out the rest, and shows a refusal at its field', async ({
  page,
  visitor,
  teller,
}) => {
  const row = await publish(page, teller.port);
  const status = (): Promise<number> => statusWith(row.url, {});
  await edit(page, row, 'Access control');
  const networks = page.getByRole('group', { name: 'Networks' });
  await networks.getByLabel('Keep out').fill('127.0.0.0/8');
  await save(page);
  expect(await status()).toBe(403);
  await networks.getByLabel('Keep out').fill('');
  await networks.getByLabel('Let in only').fill('10.1.2.3/8');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(networks.getByRole('alert')).toContainText('The network is 10.0.0.0/8.');
  await networks.getByLabel('Let in only').fill('10.0.0.0/8');
  await save(page);
  expect(await visit(visitor, row.url)).toBe(403);
  await expect(visitor.getByRole('heading', { name: 'Not from here' })).toBeVisible();
  await networks.getByLabel('Let in only').fill('127.0.0.0/8');

  const countries = page.getByRole('group', { name: 'Countries' });
  const keptOut = countries.getByRole('combobox', { name: 'Keep out' });
  await keptOut.fill('germ');
  await page.getByRole('option', { name: 'Germany' }).click();
  await save(page);
  // Nobody knows where loopback lies, and nobody is let in only.
  expect(await status()).toBe(200);
  await countries.getByRole('button', { name: 'Remove Germany' }).click();
  const field = countries.getByRole('combobox', { name: 'Let in only' });
  await field.fill('germ');
  await field.press('Escape');
  await expect(field).toHaveValue('');
  await field.fill('united');
  await field.press('ArrowDown');
  await field.press('ArrowDown');
  await field.press('ArrowUp');
  const second = await countries.getByRole('option').nth(1).textContent();
  await field.press('Enter');
  await field.fill('germ');
  await field.press('Enter');
  await countries.getByRole('button', { name: `Remove ${second}` }).click();
  await expect(countries.getByRole('button', { name: /^Remove/ })).toHaveText(['Germany']);
  const both = page.getByRole('radio', { name: 'both have to match' });
  await both.check();
  await save(page);
  // Nobody knows where loopback lies.
  expect(await status()).toBe(403);
  await page.getByRole('radio', { name: 'one match is enough' }).check();
  await save(page);
  expect(await status()).toBe(200);

  await page.getByRole('radio', { name: 'are kept out' }).check();
  await save(page);
  expect(await status()).toBe(403);
  await page.getByRole('radio', { name: 'come in, and are marked' }).check();
  await save(page);
  expect(await status()).toBe(200);
  await page.getByRole('radio', { name: 'are treated like all others' }).check();
  await save(page);
  await page.reload();
  await expect(page.getByRole('radio', { name: 'are treated like all others' })).toBeChecked();
});
