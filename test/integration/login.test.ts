/** Who comes in to a protected service, over real sockets: a real edge process, visitors who send what they like. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import http2 from 'node:http2';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { BROWSER, cookieOf, LoginStand, type Seen, told } from './login-stand.ts';

const stand = new LoginStand();
beforeAll(() => stand.start());
afterAll(() => stand[Symbol.asyncDispose]());

const PIN = '042917';
const PASSWORD = 'correct horse';
const html = { accept: BROWSER };
let count = 0;
/** Each test has addresses of its own, so that none is held up by what another got wrong. */
const address = (): string => `127.0.${1 + Math.floor(++count / 250)}.${1 + (count % 250)}`;
const name = (): string => `s${++count}`;

describe('a visitor without a session', () => {
  let service: ServiceView;
  beforeAll(async () => {
    service = await stand.publish(name(), { pin: PIN, password: PASSWORD });
  });

  it('gets the login page of a browser: both forms, nothing from elsewhere, nothing kept', async () => {
    const seen = await stand.visit(service, { path: '/deep/link?a=1&b=2', headers: html });
    expect(seen.status).toBe(401);
    expect(seen.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(seen.headers['content-security-policy']).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
    expect(seen.headers).toMatchObject({ 'cache-control': 'no-store', 'x-frame-options': 'DENY' });
    expect(seen.body).toContain('name="password"');
    expect(seen.body).toContain('name="pin"');
    expect(seen.body).toContain('value="/deep/link?a=1&amp;b=2"');
    expect(seen.body).toContain('Published by test laptop');
    expect(seen.body).not.toMatch(/<script|src=|url\(/);
    expect(seen.headers['set-cookie']).toBeUndefined();
  });

  it.each([
    ['*/*', 'text/plain; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['', 'text/plain; charset=utf-8'],
  ])('that accepts %j gets a short 401', async (accept, type) => {
    const seen = await stand.visit(service, { headers: accept === '' ? {} : { accept } });
    expect(seen.status).toBe(401);
    expect(seen.headers['content-type']).toBe(type);
    expect(seen.headers['www-authenticate']).toBe(`Porthole realm="${service.domain}"`);
    expect(seen.body.length).toBeLessThan(600);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])('gets nowhere with %s', async (method) => {
    const seen = await stand.visit(service, { method, body: method === 'POST' ? 'x=1' : '', headers: html });
    expect(seen.status).toBe(401);
    if (method === 'HEAD') expect(seen.body).toBe('');
  });

  it('may not upgrade either', async () => {
    const seen = await stand.visit(service, { headers: { connection: 'Upgrade', upgrade: 'websocket' } });
    expect(seen.status).toBe(401);
  });

  it.each([
    '/%2eporthole/login',
    '//.porthole/login',
    '/.PORTHOLE/login',
    '/./.porthole/login',
    '/x/../.porthole/login',
    '/.porthole%2flogin',
    '/.portholes/x',
    '/%2e%2e/.porthole/login',
  ])('is asked at %s as everywhere', async (path) => {
    const seen = await stand.visit(service, { path, headers: html });
    expect([seen.status, seen.headers['x-porthole-failure']]).toEqual([401, 'login_required']);
  });

  it.each(['/.porthole', '/.porthole/', '/.porthole/../x', '/.porthole/x', '/.porthole/login/', '/.porthole//login'])(
    'finds nothing at %s',
    async (path) => {
      expect((await stand.visit(service, { path })).status).toBe(404);
    },
  );
});

describe('the login form', () => {
  let service: ServiceView;
  beforeAll(async () => {
    service = await stand.publish(name(), { pin: PIN, password: PASSWORD });
  });

  it.each([
    ['pin', { pin: PIN }],
    ['password', { password: PASSWORD }],
  ] as const)('lets in by %s, once and for all requests of the session', async (method, form) => {
    const seen = await stand.login(service, { ...form, next: '/x?y=1' });
    expect([seen.status, seen.headers.location]).toEqual([303, '/x?y=1']);
    expect(seen.headers['cache-control']).toBe('no-store');
    const [cookie = ''] = seen.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^porthole_session=[\w.-]+; Path=\/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax$/);
    const inside = await stand.visit(service, {
      path: '/x?y=1',
      headers: { cookie: `a=1; ${cookieOf(seen)}; b="2"`, 'x-porthole-user': 'root', X_Porthole_Groups: 'admins' },
    });
    expect(inside.status).toBe(200);
    const { headers } = told(inside);
    expect(headers.cookie).toBe('a=1; b="2"');
    expect(headers['x-porthole-auth']).toBe(method);
    expect(headers['x-porthole-user']).toBeUndefined();
    expect(headers.x_porthole_groups).toBeUndefined();
  });

  it('passes on no cookie field where the session was all there was', async () => {
    const cookie = await stand.session(service, { pin: PIN });
    const { headers } = told(await stand.visit(service, { headers: { cookie } }));
    expect(headers.cookie).toBeUndefined();
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example/',
    '/\t/evil.example',
    '/\r\nSet-Cookie: a=b',
    'javascript:alert(1)',
    '',
    '/.porthole/logout',
    `/${'x'.repeat(3000)}`,
    '/ü',
  ])('sends nobody to %j', async (next) => {
    const seen = await stand.login(service, { pin: PIN, next });
    expect([seen.status, seen.headers.location]).toEqual([303, '/']);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour under the same domain', { 'sec-fetch-site': 'same-site' }],
    ['nowhere', { 'sec-fetch-site': 'none' }],
    ['another origin', { origin: 'https://evil.example', 'sec-fetch-site': undefined }],
    ['another port', { origin: 'https://app.edge.test:1', 'sec-fetch-site': undefined }],
    ['a null origin', { origin: 'null', 'sec-fetch-site': undefined }],
    ['plain http', { origin: 'http://', 'sec-fetch-site': undefined }],
  ])('takes no post from %s', async (_, headers) => {
    const seen = await stand.login(service, { pin: PIN }, { headers });
    expect([seen.status, seen.headers['x-porthole-failure']]).toEqual([403, 'login_cross_site']);
    expect(seen.headers['set-cookie']).toBeUndefined();
  });

  it('takes a post of a page without referrer on the word of the browser', async () => {
    const seen = await stand.login(service, { pin: PIN }, { headers: { origin: 'null' } });
    expect(seen.status).toBe(303);
  });

  it('takes secrets from the body only', async () => {
    const from = address();
    const seen = await stand.login(service, {}, { path: `/.porthole/login?pin=${PIN}`, from });
    expect(seen.status).toBe(401);
    const get = await stand.visit(service, { path: `/.porthole/login?pin=${PIN}`, headers: html, from });
    expect([get.status, get.headers['set-cookie']]).toEqual([401, undefined]);
  });

  it('takes a body in chunks, and in as many fields as a PIN has boxes', async () => {
    const form = `pin=0&pin=4&pin=2&pin=9&pin=1&pin=7&next=${encodeURIComponent('/z')}`;
    const seen = await stand.visit(service, {
      path: '/.porthole/login',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'transfer-encoding': 'chunked' },
      body: form,
    });
    expect([seen.status, seen.headers.location]).toEqual([303, '/z']);
  });

  it('bounds its body, announced or not', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = { path: '/.porthole/login', method: 'POST', body: 'x'.repeat(17 * 1024) };
    expect((await stand.visit(service, { ...form, headers })).status).toBe(413);
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    expect((await stand.visit(service, { ...form, headers: chunked })).status).toBe(413);
  });

  it('says that a try failed, and shows the form again', async () => {
    const from = address();
    const seen = await stand.login(service, { pin: '000000', next: '/x' }, { from });
    expect([seen.status, seen.headers['x-porthole-failure']]).toEqual([401, 'login_failed']);
    expect(seen.body).toContain('role="alert"');
    expect(seen.body).toContain('value="/x"');
  });

  it('ends a session with its log-out, which takes posts of its own pages only', async () => {
    const cookie = await stand.session(service, { pin: PIN });
    const out = { path: '/.porthole/logout', headers: { cookie, accept: BROWSER, origin: stand.origin(service) } };
    expect((await stand.visit(service, out)).status).toBe(200);
    const foreign = { ...out.headers, origin: 'https://evil.example' };
    expect((await stand.visit(service, { ...out, method: 'POST', headers: foreign })).status).toBe(403);
    const seen = await stand.visit(service, { ...out, method: 'POST' });
    expect([seen.status, seen.headers.location]).toEqual([303, '/.porthole/logout?done']);
    expect(seen.headers['set-cookie']?.[0]).toMatch(/^porthole_session=; Path=\/; Max-Age=0;/);
  });

  it('is in the access log with method and reason, and without any secret', async () => {
    const cookie = await stand.session(service, { pin: PIN });
    await stand.visit(service, { path: '/logged', headers: { cookie } });
    const { value } = await stand.api('GET', `/logs?service=${service.id}&path=/logged`);
    expect(value).toMatchObject({ records: [{ path: '/logged', auth: 'pin', status: 200 }] });
    const all = JSON.stringify((await stand.api('GET', `/logs?service=${service.id}&limit=1000`)).value);
    expect(all).toContain('login_cross_site');
    expect(all).toContain('"reason":"The PIN was wrong."');
    for (const secret of [PIN, PASSWORD, cookie.slice(20)]) expect(all + stand.edge.log()).not.toContain(secret);
  });
});

describe('guessing', () => {
  it('locks address and service after five failures in a minute, whatever is tried then', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const other = await stand.publish(name(), { pin: PIN });
    const inside = await stand.session(service, { pin: PIN });
    const from = address();
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await stand.login(service, { pin: `00000${i}` }, { from })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    const right = await stand.login(service, { pin: PIN }, { from });
    expect(right.status).toBe(429);
    expect(Number(right.headers['retry-after'])).toBeGreaterThan(20);
    expect(right.body).toMatch(/Wait \d\d seconds/);
    expect((await stand.visit(service, { headers: html, from })).body).toMatch(/Wait \d\d seconds/);
    // Neither the session of somebody behind the same address, nor another address, nor another service is concerned.
    expect((await stand.visit(service, { headers: { cookie: inside }, from })).status).toBe(200);
    expect((await stand.login(service, { pin: PIN }, { from: address() })).status).toBe(303);
    expect((await stand.login(other, { pin: PIN }, { from })).status).toBe(303);
  });

  it('gains nothing by guessing all at once', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const from = address();
    const tries = await Promise.all(
      Array.from({ length: 40 }, (_, i) => stand.login(service, { pin: String(100_000 + i) }, { from })),
    );
    expect(tries.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(5);
    expect(new Set(tries.map(({ status }) => status))).toEqual(new Set([401, 429]));
  });

  it('by many addresses makes strangers wait, and nobody who has been here', async () => {
    const service = await stand.publish(name(), { pin: PIN, password: PASSWORD });
    const known = address();
    expect((await stand.login(service, { pin: PIN }, { from: known })).status).toBe(303);
    const bots = Array.from({ length: 40 }, address);
    const seen: number[] = [];
    for (const from of bots)
      for (const pin of ['111111', '222222']) seen.push((await stand.login(service, { pin }, { from })).status);
    expect(seen.filter((status) => status === 401)).toHaveLength(60);
    expect(seen.slice(60).every((status) => status === 429)).toBe(true);
    expect((await stand.login(service, { pin: PIN }, { from: address() })).status).toBe(429);
    expect((await stand.login(service, { pin: PIN }, { from: known })).status).toBe(303);
    // What is not as easily guessed is counted by itself.
    expect((await stand.login(service, { password: PASSWORD }, { from: address() })).status).toBe(303);
  });

  it('is told to the owner', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const from = address();
    for (let i = 0; i < 7; i++) await stand.login(service, { pin: '000000' }, { from });
    const { value } = await stand.api('GET', `/logs?service=${service.id}&auth=login_locked`);
    expect(value).toMatchObject({
      records: [
        { status: 429, reason: expect.stringMatching(/^Nothing was compared: \d+ s are left/) },
        { status: 429, reason: 'The PIN was wrong. The address is locked for 30 s.' },
      ],
    });
  });

  it('is remembered when the node is killed', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const inside = await stand.session(service, { pin: PIN });
    const from = address();
    for (let i = 0; i < 6; i++) await stand.login(service, { pin: '000000' }, { from });
    await stand.restart('SIGKILL');
    expect((await stand.login(service, { pin: PIN }, { from })).status).toBe(429);
    expect((await stand.visit(service, { headers: { cookie: inside } })).status).toBe(200);
  });
});

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('header auth', () => {
  let service: ServiceView;
  beforeAll(async () => {
    service = await stand.publish(name(), {
      headers: [
        { kind: 'basic', user: 'ana', password: 'p:w' },
        { kind: 'bearer', token: 'tok-1' },
        { kind: 'bearer', token: 'tok-2' },
        { kind: 'custom', name: 'X-Api-Key', value: 'key 1' },
      ],
    });
  });

  it.each<[string, Record<string, string>]>([
    ['basic', { authorization: basic('ana', 'p:w') }],
    ['basic in any case', { authorization: basic('ana', 'p:w').replace('Basic', 'bASIC') }],
    ['the first bearer', { authorization: 'Bearer tok-1' }],
    ['the second bearer', { authorization: 'Bearer tok-2' }],
    ['the custom one', { 'x-api-key': 'key 1' }],
    ['one right beside one wrong', { 'x-api-key': 'key 1', authorization: 'Bearer wrong' }],
  ])('lets in by %s, without a cookie, and shows the origin nothing of it', async (_, headers) => {
    const from = address();
    for (const body of ['', 'a body that waits']) {
      const seen = await stand.visit(service, { method: 'POST', body, headers: { ...headers, 'x-kept': '1' }, from });
      expect(seen.status).toBe(200);
      expect(seen.headers['set-cookie']).toBeUndefined();
      const { headers: passed, body: received } = told(seen);
      expect(received).toBe(body);
      expect(passed.authorization).toBeUndefined();
      expect(passed['x-api-key']).toBeUndefined();
      expect(passed['x-kept']).toBe('1');
      expect(passed['x-porthole-auth']).toBe('header');
      expect(passed['x-porthole-user']).toBe(
        'authorization' in headers && /^basic/i.test(headers.authorization ?? '') ? 'ana' : undefined,
      );
    }
  });

  it.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'login_required'],
    ['a wrong password', { authorization: basic('ana', 'pw') }, 'header_rejected'],
    ['another user', { authorization: basic('bob', 'p:w') }, 'header_rejected'],
    ['a wrong token', { authorization: 'Bearer tok-3' }, 'header_rejected'],
    ['a wrong key', { 'x-api-key': 'key 2' }, 'header_rejected'],
    ['another spelling of the name', { x_api_key: 'key 1' }, 'login_required'],
    ['the secret under another scheme', { authorization: 'Basic tok-1' }, 'login_required'],
  ])('answers %s with 401', async (_, headers, code) => {
    const seen = await stand.visit(service, { headers, from: address() });
    expect([seen.status, seen.headers['x-porthole-failure']]).toEqual([401, code]);
    expect(seen.headers['www-authenticate']).toContain('Basic realm=');
  });

  it('counts wrong values as guesses, and lets a known client go on meanwhile', async () => {
    const from = address();
    const good = { headers: { authorization: 'Bearer tok-1' }, from };
    expect((await stand.visit(service, good)).status).toBe(200);
    const seen: number[] = [];
    for (let i = 0; i < 7; i++)
      seen.push((await stand.visit(service, { headers: { authorization: `Bearer wrong-${i}` }, from })).status);
    expect(seen).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await stand.visit(service, good)).status).toBe(200);
    // What is right but was never shown by this address is not told from what is wrong.
    expect((await stand.visit(service, { headers: { authorization: 'Bearer tok-2' }, from })).status).toBe(429);
  });

  it('ends with its rule', async () => {
    const own = await stand.publish(name(), { pin: PIN, headers: [{ kind: 'bearer', token: 'old' }] });
    const from = address();
    expect((await stand.visit(own, { headers: { authorization: 'Bearer old' }, from })).status).toBe(200);
    await stand.change(own, { auth: { headers: [{ kind: 'bearer', token: 'new' }] } });
    expect((await stand.visit(own, { headers: { authorization: 'Bearer old' }, from })).status).toBe(401);
    expect((await stand.visit(own, { headers: { authorization: 'Bearer new' }, from })).status).toBe(200);
  });
});

describe('sessions', () => {
  it.each<[string, object]>([
    ['another PIN', { auth: { pin: '111111' } }],
    ['another password', { auth: { password: 'new' } }],
    ['a method less', { auth: { password: null } }],
    ['another domain', { subdomain: `moved${Date.now() % 100000}` }],
  ])('end at once with %s', async (_, patch) => {
    const service = await stand.publish(name(), { pin: PIN, password: PASSWORD });
    const cookie = await stand.session(service, { pin: PIN });
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(200);
    const changed = await stand.change(service, patch);
    expect((await stand.visit(changed, { headers: { cookie } })).status).toBe(401);
  });

  it.each<[string, object]>([
    ['another name', { name: 'Other' }],
    ['a method more', { auth: { link: true } }],
    ['a header rule more', { auth: { headers: [{ kind: 'bearer', token: 't' }] } }],
  ])('stay with %s', async (_, patch) => {
    const service = await stand.publish(name(), { pin: PIN });
    const cookie = await stand.session(service, { pin: PIN });
    await stand.change(service, patch);
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(200);
  });

  it('end when everybody is signed out, WebSockets and downloads under way too', async () => {
    const service = await stand.publish(name(), { pin: PIN, headers: [{ kind: 'bearer', token: 't' }] });
    const cookie = await stand.session(service, { pin: PIN });
    const before = (await stand.api('POST', `/services/${service.id}/sign-out`)).status;
    expect(before).toBe(200);
    await stand.change(service, { name: 'so that the edge has seen it' });
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(401);
    expect((await stand.visit(service, { headers: { authorization: 'Bearer t' }, from: address() })).status).toBe(200);
  });

  it('of one service are nothing to another, nor to a share link', async () => {
    const one = await stand.publish(name(), { pin: PIN });
    const two = await stand.publish(name(), { pin: PIN });
    const cookie = await stand.session(one, { pin: PIN });
    expect((await stand.visit(two, { headers: { cookie } })).status).toBe(401);
  });

  it('are found among planted ones, and no planted one counts', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const cookie = await stand.session(service, { pin: PIN });
    const [head = '', payload = '', signature = ''] = cookie.slice('porthole_session='.length).split('.');
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    const planted = [
      'x',
      '',
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${head}.${payload}.${'A'.repeat(86)}`,
    ];
    for (const token of planted) {
      const seen = await stand.visit(service, { headers: { cookie: `porthole_session=${token}` } });
      expect(seen.status).toBe(401);
    }
    const beside = `porthole_session=x; ${cookie}; porthole_session=y`;
    const seen = await stand.visit(service, { headers: { cookie: beside } });
    expect([seen.status, told(seen).headers.cookie]).toEqual([200, undefined]);
  });
});

describe('a WebSocket of a visitor', () => {
  it('ends with the session that it came in by', async () => {
    const { createServer } = await import('node:net');
    const origin = createServer((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      );
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const place = origin.address();
    const port = typeof place === 'object' && place !== null ? place.port : 0;
    const service = await stand.publish(name(), { pin: PIN }, port);
    const cookie = await stand.session(service, { pin: PIN });
    const socket = tls.connect({
      host: '127.0.0.1',
      port: stand.edge.ready.httpsPort,
      servername: service.domain,
      ca: stand.edge.ca,
      ALPNProtocols: ['http/1.1'],
    });
    socket.on('error', () => {});
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${service.domain}\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101/);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await stand.change(service, { auth: { pin: '111111' } });
    await closed;
    origin.close();
  });
});

describe('a share link', () => {
  let service: ServiceView;
  beforeAll(async () => {
    service = await stand.publish(name(), { link: true });
  });

  it('without bound opens at once, to the path that it was given with', async () => {
    const { path } = await stand.share(service, { label: 'client demo' });
    const seen = await stand.visit(service, { path: `${path}?next=/start%3Fa=1`, headers: html });
    expect([seen.status, seen.headers.location]).toEqual([303, '/start?a=1']);
    expect(seen.headers['referrer-policy']).toBe('no-referrer');
    expect(seen.headers['cache-control']).toBe('no-store');
    const inside = await stand.visit(service, { headers: { cookie: cookieOf(seen) } });
    expect(told(inside).headers).toMatchObject({ 'x-porthole-auth': 'share' });
    expect(told(inside).headers['x-porthole-user']).toBeUndefined();
    const { value } = await stand.api('GET', `/logs?service=${service.id}&user=client`);
    expect(JSON.stringify(value)).toContain('"user":"client demo"');
  });

  it('with a bound takes a click, and isn’t used up by who only looks', async () => {
    const { path, share } = await stand.share(service, { uses: 1 });
    for (const how of [
      { method: 'GET' },
      { method: 'HEAD' },
      { method: 'GET', headers: { 'sec-purpose': 'prefetch;prerender' } },
      { method: 'GET', headers: { purpose: 'prefetch' } },
    ]) {
      const seen = await stand.visit(service, { path, ...how });
      expect([seen.status, seen.headers['set-cookie']]).toEqual([200, undefined]);
      expect(seen.headers['referrer-policy']).toBe('no-referrer');
    }
    const foreign = { origin: 'https://evil.example' };
    expect((await stand.visit(service, { path, method: 'POST', headers: foreign })).status).toBe(403);
    const seen = await stand.visit(service, { path, method: 'POST', headers: { origin: stand.origin(service) } });
    expect([seen.status, seen.headers.location]).toEqual([303, '/']);
    const again = await stand.visit(service, { path, headers: html });
    expect([again.status, again.headers['x-porthole-failure']]).toEqual([410, 'share_over']);
    const { value } = await stand.api('GET', `/shares?service=${service.id}`);
    expect(value).toContainEqual(expect.objectContaining({ id: share.id, uses: 1, maxUses: 1 }));
  });

  it('for one lets exactly one of many in, and that one stays in', async () => {
    const { path } = await stand.share(service, { uses: 1 });
    const headers = { origin: stand.origin(service) };
    const seen = await Promise.all(
      Array.from({ length: 12 }, () => stand.visit(service, { path, method: 'POST', headers })),
    );
    const won = seen.filter(({ status }) => status === 303);
    expect(won).toHaveLength(1);
    expect(seen.filter(({ status }) => status === 410)).toHaveLength(11);
    const cookie = cookieOf(won[0] ?? seen[0] ?? ({ headers: {} } as Seen));
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(200);
  });

  it('isn’t used up by who is in already', async () => {
    const { path } = await stand.share(service, { uses: 2 });
    const open = { path, method: 'POST', headers: { origin: stand.origin(service) } };
    const cookie = cookieOf(await stand.visit(service, open));
    const again = await stand.visit(service, { ...open, headers: { ...open.headers, cookie } });
    expect([again.status, again.headers['set-cookie']]).toEqual([303, undefined]);
    expect((await stand.visit(service, open)).status).toBe(303);
    expect((await stand.visit(service, open)).status).toBe(410);
  });

  it('taken back ends the sessions that it opened, and no others', async () => {
    const [one, two] = [await stand.share(service), await stand.share(service)];
    const cookies = [cookieOf(await stand.visit(service, one)), cookieOf(await stand.visit(service, two))];
    const revoked = await stand.api('DELETE', `/shares/${one.share.id}`);
    expect(revoked.value).toMatchObject({ id: one.share.id, revokedAt: expect.any(Number) });
    await stand.change(service, { name: `after ${one.share.id}` });
    expect((await stand.visit(service, { headers: { cookie: cookies[0] } })).status).toBe(401);
    expect((await stand.visit(service, { headers: { cookie: cookies[1] } })).status).toBe(200);
    expect((await stand.visit(service, one)).status).toBe(410);
  });

  it('of another service, cut short, or made up is none', async () => {
    const other = await stand.publish(name(), { pin: PIN });
    const { path } = await stand.share(other);
    for (const wrong of [path, path.slice(0, -1), `${path}x`, '/.porthole/share/', '/.porthole/share/x']) {
      const seen = await stand.visit(service, { path: wrong, from: address() });
      expect([seen.status, seen.headers['x-porthole-failure']]).toEqual([403, 'share_invalid']);
    }
  });

  it('never stands in a log, nor before an origin, in whatever spelling', async () => {
    const { path } = await stand.share(service);
    const token = path.slice(path.lastIndexOf('/') + 1);
    const cookie = cookieOf(await stand.visit(service, { path }));
    for (const odd of [`/${path}`, path.toUpperCase().replace(token.toUpperCase(), token), `/x${path}`]) {
      expect((await stand.visit(service, { path: odd, headers: { cookie } })).status).toBe(404);
    }
    const strange = await stand.visit({ ...service, domain: 'nobody.edge.test' }, { path });
    expect(strange.status).toBe(404);
    const { value } = await stand.api('GET', `/logs?service=${service.id}&limit=1000`);
    expect(JSON.stringify(value) + stand.edge.log()).not.toContain(token);
    expect(JSON.stringify(value)).toContain('/.porthole/share/phs_…');
  });
});

describe('over HTTP/2', () => {
  it('the same rules hold', async () => {
    const service = await stand.publish(name(), { pin: PIN, headers: [{ kind: 'bearer', token: 't' }] });
    const { httpsPort } = stand.edge.ready;
    const session = http2.connect(`https://127.0.0.1:${httpsPort}`, { servername: service.domain, ca: stand.edge.ca });
    const authority = `${service.domain}:${httpsPort}`;
    const request = async (
      fields: http2.OutgoingHttpHeaders,
      body = '',
    ): Promise<http2.IncomingHttpHeaders & { body: string }> => {
      const stream = session.request({ ':authority': authority, ...fields }, { endStream: body === '' });
      if (body !== '') stream.end(body);
      const [head] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
      let text = '';
      for await (const piece of stream.setEncoding('utf8')) text += piece;
      return { ...head, body: text };
    };
    expect(await request({ accept: BROWSER })).toMatchObject({ ':status': 401 });
    const post = {
      ':method': 'POST',
      ':path': '/.porthole/login',
      'content-type': 'application/x-www-form-urlencoded',
      origin: `https://${authority}`,
    };
    expect(await request(post, 'pin=000000')).toMatchObject({ ':status': 401 });
    expect(await request(post, 'x'.repeat(20_000))).toMatchObject({ ':status': 413 });
    const seen = await request(post, `pin=${PIN}&next=/h2`);
    expect(seen).toMatchObject({ ':status': 303, location: '/h2' });
    const cookie = seen['set-cookie']?.[0]?.split(';')[0] ?? '';
    const inside = await request({ ':path': '/h2', cookie: ['a=1', cookie] });
    expect(inside[':status']).toBe(200);
    expect(JSON.parse(inside.body)).toMatchObject({ url: '/h2', headers: { cookie: 'a=1', 'x-porthole-auth': 'pin' } });
    const body = 'b'.repeat(200_000);
    const upload = await request({ ':method': 'PUT', ':path': '/up', authorization: 'Bearer t' }, body);
    expect(JSON.parse(upload.body)).toMatchObject({ method: 'PUT', body, headers: { 'x-porthole-auth': 'header' } });
    session.close();
  });
});

describe('what owners set', () => {
  it.each<[object, string, number]>([
    [{ pin: '12345' }, 'pin_invalid', 400],
    [{ pin: '' }, 'pin_invalid', 400],
    [{ password: '' }, 'password_invalid', 400],
    [{ headers: [{ kind: 'custom', name: 'Cookie', value: 'x' }] }, 'header_invalid', 400],
    [{ headers: [{ kind: 'custom', name: 'CF-Connecting-IP', value: 'x' }] }, 'header_invalid', 400],
    [{ headers: [{ id: 'nobody' }] }, 'input_invalid', 400],
    [{ sso: {} }, 'provider_unknown', 400],
  ])('is refused as %j', async (auth, code, status) => {
    const made = await stand.api('POST', '/services', { subdomain: name(), targets: [{ port: 1 }], auth });
    expect(made).toMatchObject({ status, value: { error: { code } } });
    const service = await stand.publish(name(), { pin: PIN });
    expect(await stand.api('PATCH', `/services/${service.id}`, { auth })).toMatchObject({
      status,
      value: { error: { code } },
    });
  });

  it('goes before any login where it says from where visitors may come', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const [blocked, other] = [address(), address()];
    const wrong = { restrictions: { blockCidrs: [`${blocked}/8`] } };
    expect(await stand.api('PATCH', `/services/${service.id}`, wrong)).toMatchObject({
      status: 400,
      value: { error: { code: 'cidr_invalid', field: 'restrictions.blockCidrs.0' } },
    });
    const cookie = await stand.session(service, { pin: PIN }, { from: blocked });
    await stand.change(service, { restrictions: { blockCidrs: [blocked] } });
    for (const how of [{ headers: html }, { headers: { cookie } }, { path: '/.porthole/login' }])
      expect((await stand.visit(service, { ...how, from: blocked })).status).toBe(403);
    expect((await stand.login(service, { pin: PIN }, { from: blocked })).status).toBe(403);
    expect((await stand.visit(service, { headers: { cookie }, from: other })).status).toBe(200);
    await stand.change(service, { restrictions: null });
    expect((await stand.visit(service, { headers: { cookie }, from: blocked })).status).toBe(200);
  });

  it('asks nothing of TCP services', async () => {
    const made = await stand.api('POST', '/services', {
      mode: 'tcp',
      targets: [{ port: 1, protocol: 'tcp' }],
      auth: { pin: PIN },
    });
    expect(made).toMatchObject({ status: 400, value: { error: { code: 'auth_mode' } } });
  });

  it('never comes out again', async () => {
    const headers = [{ kind: 'basic' as const, user: 'ana', password: 'hidden-1' }];
    const service = await stand.publish(name(), { pin: PIN, password: 'hidden-2', headers });
    expect(service.auth).toEqual({
      pin: true,
      password: true,
      headers: [{ id: expect.any(String), kind: 'basic', name: 'authorization', user: 'ana' }],
    });
    const { value } = await stand.api('GET', '/services');
    expect(JSON.stringify(value)).not.toMatch(/hidden|argon2|042917/);
  });

  it('makes the service public again with the last method gone', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const shared = await stand.share(service);
    const open = await stand.change(service, { auth: { pin: null } });
    expect(open.auth).toBeUndefined();
    expect((await stand.visit(open)).status).toBe(200);
    expect((await stand.visit(open, { path: shared.path })).headers.location).toBe('/');
    expect((await stand.visit(open, { path: '/.porthole/x' })).status).toBe(404);
    expect(await stand.api('POST', `/services/${service.id}/shares`, {})).toMatchObject({
      value: { error: { code: 'share_public' } },
    });
  });

  it('counts the links that can still be opened', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const { share } = await stand.share(service, { uses: 3 });
    await stand.share(service);
    expect((await stand.change(service, { name: 'two' })).shares).toBe(2);
    await stand.api('DELETE', `/shares/${share.id}`);
    expect((await stand.change(service, { name: 'one' })).shares).toBe(1);
    expect(await stand.api('DELETE', '/shares/nobody')).toMatchObject({ status: 404 });
  });
});

describe('a node that has lost its key', () => {
  it('keeps the sessions that there are, opens none, and gets new keys for them when all are signed out', async () => {
    const service = await stand.publish(name(), { pin: PIN });
    const cookie = await stand.session(service, { pin: PIN });
    rmSync(join(stand.dataDir, 'secret.key'));
    await stand.restart();
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(200);
    expect((await stand.login(service, { pin: PIN })).status).toBe(500);
    await stand.api('POST', `/services/${service.id}/sign-out`);
    await stand.change(service, { name: 'signed out' });
    expect((await stand.visit(service, { headers: { cookie } })).status).toBe(401);
    expect((await stand.login(service, { pin: PIN })).status).toBe(303);
  });
});

describe('a damaged store', () => {
  it.each([
    ['without the secrets', 'delete from service_secrets where service_id = ?'],
    ['with another hash', "update service_secrets set pin = 'x' where service_id = ?"],
    [
      'with a hash that would take hours',
      "update service_secrets set pin = replace(pin, 'm=19456', 'm=99999999') where service_id = ?",
    ],
    ['whose service says nothing of methods', "update services set body = json_remove(body, '$.auth') where id = ?"],
    ['without a key', "update service_secrets set public_key = '' where service_id = ?"],
  ])('%s closes the service', async (_, sql) => {
    const service = await stand.publish(name(), { pin: PIN });
    const database = new DatabaseSync(join(stand.dataDir, 'edge.db'), { timeout: 5000 });
    database.prepare(sql).run(service.id);
    database.close();
    await stand.change(service, { name: 'read again' });
    expect((await stand.visit(service)).status).toBe(500);
    expect((await stand.login(service, { pin: PIN })).status).toBe(500);
    const { value } = await stand.api('GET', '/services');
    expect(value).toContainEqual(expect.objectContaining({ id: service.id, status: 'error' }));
  });
});
