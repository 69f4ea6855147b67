/** Sign-in with a real provider (`oidc-provider`), in a real browser. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../support/chromium.ts';
import { type SignInProvider, startSignInProvider } from '../support/sign-in-provider.ts';
import { PUBLIC, temporaryFolder } from './edge-stand.ts';
import { BROWSER, LoginStand, told } from './login-stand.ts';

const PEOPLE = {
  ann: { email: 'ann@example.com', name: 'Ann', groups: ['sales', 'everyone'] },
  bob: { email: 'bob@example.com', name: 'Bob', groups: ['everyone'] },
};
const life = new AsyncDisposableStack();
let provider: SignInProvider;
let stand: LoginStand;
let browser: Browser;
let service: ServiceView;
const contexts: BrowserContext[] = [];
const redirectUri = (): string => `https://edge.test:${stand.edge.ready.httpsPort}/.porthole/sso/callback`;

beforeAll(async () => {
  provider = life.use(await startSignInProvider(PEOPLE));
  const folder = life.use(temporaryFolder());
  const { issuer, clientId, clientSecret } = provider;
  writeFileSync(join(folder.path, 'secret'), `${clientSecret}\n`, { mode: 0o600 });
  const acme = {
    id: 'acme',
    name: 'Acme',
    issuer,
    clientId,
    clientSecretFile: 'secret',
    scopes: ['email', 'profile', 'groups'],
  };
  writeFileSync(join(folder.path, 'sign-in.json'), JSON.stringify({ providers: [acme] }));
  stand = life.use(new LoginStand([...PUBLIC, '--sign-in', join(folder.path, 'sign-in.json')]));
  await stand.start();
  provider.open(redirectUri());
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
  const args = [...CHROMIUM_ARGS, '--host-resolver-rules=MAP *.edge.test 127.0.0.1, MAP edge.test 127.0.0.1'];
  browser = await chromium.launch({ executablePath, args });
  life.defer(() => browser.close());
  service = await stand.publish('shop', { sso: { groups: ['sales'] } });
}, 120_000);
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});
afterAll(() => life.disposeAsync());

async function open(): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  contexts.push(context);
  return context.newPage();
}

/** Fills in the provider's own pages. */
async function signIn(page: Page, login: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(login);
  await page.getByPlaceholder('and password').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

it('lets in who is in the group, and brings back the address with its query', async () => {
  const page = await open();
  const address = `${stand.origin(service)}/orders/7?tab=lines&q=a%20b&error=mine`;
  await page.goto(address);
  expect(page.url()).toContain(provider.issuer);
  await signIn(page, 'ann');
  await page.waitForURL(address);
  const seen = JSON.parse(await page.locator('body').innerText());
  expect(seen.url).toBe('/orders/7?tab=lines&q=a%20b&error=mine');
  expect(seen.headers).toMatchObject({
    'x-porthole-user': 'ann@example.com',
    'x-porthole-groups': 'sales',
    'x-porthole-auth': 'sso',
  });
  expect(seen.headers.cookie).toBeUndefined();
  const cookies = await page.context().cookies(stand.origin(service));
  expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual([
    { name: 'porthole_session', httpOnly: true, secure: true, sameSite: 'Lax' },
  ]);

  await page.goto(`${stand.origin(service)}/?error=access_denied`);
  expect(JSON.parse(await page.locator('body').innerText()).url).toBe('/?error=access_denied');

  const { value } = await stand.api('GET', `/logs?service=${service.id}&user=ann%40example.com&auth=sso`);
  expect(value).toMatchObject({
    records: expect.arrayContaining([expect.objectContaining({ user: 'ann@example.com' })]),
  });
});

it('turns away who is not in the group, says why, and lets another account try', async () => {
  const page = await open();
  await page.goto(stand.origin(service));
  await signIn(page, 'bob');
  await page.getByRole('heading', { name: 'You are not among those who are let in' }).waitFor();
  expect(page.url()).toContain('/.porthole/sso/callback');
  await page.getByRole('link', { name: 'Try again' }).click();
  await signIn(page, 'ann');
  await page.waitForURL(`${stand.origin(service)}/`);
  const { value } = await stand.api('GET', `/logs?service=${service.id}&auth=sso_denied`);
  expect(JSON.stringify(value)).toContain('bob@example.com is in none of the groups');
});

it('signs out by way of the logout page', async () => {
  const page = await open();
  await page.goto(stand.origin(service));
  await signIn(page, 'ann');
  await page.waitForURL(`${stand.origin(service)}/`);
  await page.goto(`${stand.origin(service)}/.porthole/logout`);
  await page.getByRole('button').click();
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor();
  expect(await page.context().cookies(stand.origin(service))).toEqual([]);
});

it('finishes a sign-in once, in the browser that began it, and within ten minutes', async () => {
  const begun = await stand.visit(service, { path: '/deep?x=1', headers: { accept: BROWSER } });
  expect(begun.status).toBe(302);
  const address = new URL(begun.headers.location ?? '');
  expect(address.origin).toBe(provider.issuer);
  expect(address.searchParams.get('code_challenge_method')).toBe('S256');
  expect(address.searchParams.get('redirect_uri')).toBe(redirectUri());
  const state = address.searchParams.get('state') ?? '';
  const cookie = begun.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  expect(begun.headers['set-cookie']?.[0]).toMatch(
    /^__Host-porthole_sso_[^;]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/,
  );
  const callback = (query: string, sent: string) =>
    stand.visit(service, { path: `/.porthole/sso/callback?${query}`, headers: { accept: BROWSER, cookie: sent } });
  const of = (more: string): string => `state=${encodeURIComponent(state)}&${more}`;

  // Another browser: no cookie, or that of another attempt.
  expect((await callback(of('code=x'), '')).headers['x-porthole-failure']).toBe('sso_expired');
  const other = await stand.visit(service, { path: '/', headers: { accept: BROWSER } });
  const others = other.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  expect((await callback(of('code=x'), others)).headers['x-porthole-failure']).toBe('sso_expired');
  // Planted by a neighbour under the same domain, for whom browsers keep no `__Host-` cookie.
  const planted = cookie.replace('__Host-', '');
  expect((await callback(of('code=x'), planted)).headers['x-porthole-failure']).toBe('sso_expired');
  // A state that nobody made.
  expect((await callback('state=made-up&code=x', cookie)).headers['x-porthole-failure']).toBe('sso_expired');
  // A code that the provider doesn't know; after that the attempt is spent.
  const bad = await callback(`${of('code=made-up')}&iss=${encodeURIComponent(provider.issuer)}`, cookie);
  expect(bad.headers['x-porthole-failure']).toBe('sso_failed');
  expect(bad.status).toBe(502);
  expect((await callback(of('code=made-up'), cookie)).headers['x-porthole-failure']).toBe('sso_expired');
  // Another service has no use for it.
  const neighbour = await stand.publish('neighbour', { sso: {} });
  const moved = await stand.visit(neighbour, {
    path: `/.porthole/sso/callback?${of('code=x')}`,
    headers: { accept: BROWSER, cookie },
  });
  expect(moved.headers['x-porthole-failure']).toBe('sso_expired');
});

it('tells of an error of the provider, and never takes one for a way in', async () => {
  const begun = await stand.visit(service, { headers: { accept: BROWSER } });
  const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? '';
  const cookie = begun.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  const query = new URLSearchParams({
    state,
    error: 'access_denied',
    error_description: '<b>x</b>',
    iss: provider.issuer,
  });
  const seen = await stand.visit(service, {
    path: `/.porthole/sso/callback?${query}`,
    headers: { accept: BROWSER, cookie },
  });
  expect(seen.status).toBe(502);
  expect(seen.body).toContain('did not let you in');
  expect(seen.body).not.toContain('<b>');
});

it('comes back by way of the cluster’s own name, and sends on only to where it began', async () => {
  const begun = await stand.visit(service, { headers: { accept: BROWSER } });
  const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? '';
  const cluster = { ...service, domain: 'edge.test' };
  const back = await stand.visit(cluster, {
    path: `/.porthole/sso/callback?code=c&state=${encodeURIComponent(state)}`,
  });
  expect(back.status).toBe(302);
  expect(back.headers.location).toBe(
    `${stand.origin(service)}/.porthole/sso/callback?code=c&state=${encodeURIComponent(state)}`,
  );
  const forged = Buffer.from(JSON.stringify({ id: 'x', origin: 'https://evil.test' })).toString('base64url');
  expect((await stand.visit(cluster, { path: `/.porthole/sso/callback?code=c&state=${forged}` })).status).toBe(404);
});

it('says so when the provider is away, and works again when it is back', async () => {
  const both = await stand.publish('both', { sso: {}, pin: '042917' });
  const page = await stand.visit(both, { headers: { accept: BROWSER } });
  expect(page.status).toBe(401);
  expect(page.body).toContain('Acme');
  expect(page.body).toContain('/.porthole/sso/start?next=%2F');
  // Other ways go on.
  const session = await stand.session(both, { pin: '042917' });
  expect(told(await stand.visit(both, { headers: { cookie: session } })).url).toBe('/');
  provider.shut();
  await stand.restart();
  try {
    const away = await stand.visit(service, { headers: { accept: BROWSER } });
    expect(away.headers['x-porthole-failure']).toBe('sso_failed');
    expect(away.body).toContain('the provider cannot be reached');
  } finally {
    provider.open(redirectUri());
  }
});

it('has a login page that everybody can use, in their language, on a phone and in the dark', async () => {
  const both = await stand.publish('page', { sso: {}, pin: '042917', password: 'open sesame' });
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      javaScriptEnabled: true,
      locale: 'de-AT',
      colorScheme,
      viewport: { width: 320, height: 700 },
    });
    contexts.push(context);
    const page = await context.newPage();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${stand.origin(both)}/start?x=1`);
    await page.getByRole('heading', { name: 'Anmelden' }).waitFor();
    expect(requests).toEqual([`${stand.origin(both)}/start?x=1`]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.getByLabel('PIN').fill('000000');
    await page.getByRole('button', { name: 'Weiter' }).last().click();
    await page.getByText('Das war nicht richtig.').waitFor();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.getByLabel('PIN').fill('042917');
    await page.getByRole('button', { name: 'Weiter' }).last().click();
    await page.waitForURL(`${stand.origin(both)}/start?x=1`);
  }
});

it('does not begin for programs: they get a short 401', async () => {
  const seen = await stand.visit(service, { headers: { accept: 'application/json' } });
  expect(seen.status).toBe(401);
  expect(JSON.parse(seen.body)).toMatchObject({ error: { code: 'login_required' } });
});
