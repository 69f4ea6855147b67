/** What somebody tries who wants in: a stranger, a neighbour under the same domain, a proxy that nobody trusts. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http2, { type OutgoingHttpHeaders } from 'node:http2';
import { connect as netConnect } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { PUBLIC } from './edge-stand.ts';
import { BROWSER, cookieOf, LoginStand, told } from './login-stand.ts';

const PIN = '042917';
/** The one proxy that is trusted. Visitors come from elsewhere. */
const PROXY = '127.0.0.2';
/** Who alone may come in to the restricted service. */
const FRIEND = '203.0.113.7';
const stand = new LoginStand([...PUBLIC, '--trusted-proxy', `${PROXY}/32`]);
let locked: ServiceView;
let open: ServiceView;
let restricted: ServiceView;
let session: string;

beforeAll(async () => {
  await stand.start();
  locked = await stand.publish('locked', { pin: PIN, headers: [{ kind: 'basic', user: 'ann', password: 'right' }] });
  open = await stand.publish('open');
  restricted = await stand.publish('restricted');
  restricted = await stand.change(restricted, { restrictions: { allowCidrs: ['203.0.113.0/24'] } });
  session = await stand.session(locked, { pin: PIN }, { from: '127.0.3.1' });
});
afterAll(() => stand[Symbol.asyncDispose]());

interface Wire {
  readonly servername?: string;
  readonly from?: string;
  /** Before the handshake. */
  readonly prefix?: string;
}

/** Everything that the edge answers to `bytes` on one connection, until it closes. */
async function wire(bytes: string, { servername = locked.domain, from, prefix }: Wire = {}): Promise<string> {
  const raw = netConnect({
    host: '127.0.0.1',
    port: stand.edge.ready.httpsPort,
    ...(from === undefined ? {} : { localAddress: from }),
  });
  if (prefix !== undefined) raw.write(prefix);
  const socket = tls.connect({
    socket: raw,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
    ...(servername === '' ? {} : { servername }),
  });
  let heard = '';
  socket.on('error', () => {});
  raw.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(bytes, 'latin1');
  await closed;
  return heard;
}

const statuses = (heard: string): number[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const request = (target: string, more = '', method = 'GET', host = locked.domain): string =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
const LAST = 'Connection: close\r\n';

describe('a path near those of the edge', () => {
  it.each([
    '/.porthole',
    '/.porthole/',
    '/.porthole/nothing',
    '/.porthole/../',
    '/.porthole/login/../../inside',
    '/.porthole/share/../../inside',
    '/.porthole/sso/callback/../../../inside',
    '/.porthole/%2e%2e/inside',
    '/.porthole%2flogin',
    '/.porthole%2f..%2finside',
    '/%2eporthole/login',
    '/%2Eporthole/../inside',
    '/.%70orthole/login',
    '//.porthole/login',
    '/./.porthole/login',
    '/x/../.porthole/login',
    '/.PORTHOLE/login',
    '/.porthole;x/login',
    '/.porthole/login;x=1',
    '/;/.porthole/login',
    '/.porthole\\login',
    '/\\.porthole/login',
    '/.porthole/login%00',
    '/.porthole/login#',
    '/.porthole?/../inside',
  ])('%s lets nobody in', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND', 'get']) {
      const heard = await wire(request(path, `${LAST}Content-Length: 0\r\n`, method));
      expect(statuses(heard)).toHaveLength(1);
      expect([400, 401, 403, 404, 405]).toContain(statuses(heard)[0]);
    }
  });

  it('in absolute form is the same path, and of one service only', async () => {
    const absolute = (target: string, host = locked.domain): Promise<number[]> =>
      wire(request(target, LAST, 'GET', host)).then(statuses);
    expect(await absolute(`https://${locked.domain}/.porthole/../inside`)).toEqual([404]);
    expect(await absolute(`https://${locked.domain}/inside`)).toEqual([401]);
    expect(await absolute(`https://${locked.domain}?inside`)).toEqual([401]);
    expect(await absolute(`http://${locked.domain}/inside`)).toEqual([401]);
    expect(await absolute(`https://${open.domain}/inside`)).toEqual([400]);
    expect(await absolute(`https://${open.domain}/inside`, open.domain)).toEqual([421]);
    expect(await absolute(`https://${open.domain}@${locked.domain}/`)).toEqual([400]);
    expect(await absolute(`https://${locked.domain}\\@${open.domain}/`)).toEqual([400]);
    expect(await absolute('ftp://x/')).toEqual([400]);
    expect(statuses(await wire(request('*', LAST, 'OPTIONS')))).toEqual([401]);
  });
});

describe('a name', () => {
  it.each([
    ['in capitals', () => locked.domain.toUpperCase()],
    ['with a dot behind', () => `${locked.domain}.`],
    ['with a port', () => `${locked.domain}:1`],
    ['in capitals, with a dot and a port', () => `${locked.domain.toUpperCase()}.:443`],
  ])('%s is the same service, behind the same login', async (_, host) => {
    expect(statuses(await wire(request('/', LAST, 'GET', host())))).toEqual([401]);
    expect(statuses(await wire(request('/', `Cookie: ${session}\r\n${LAST}`, 'GET', host())))).toEqual([200]);
    // Without a name in the handshake there is no service at all.
    expect(statuses(await wire(request('/', LAST, 'GET', host()), { servername: '' }))).toEqual([404]);
  });

  it('that isn’t one, or is two, gets nobody anywhere', async () => {
    const of = async (host: string, how?: Wire): Promise<number[]> =>
      statuses(await wire(`GET / HTTP/1.1\r\n${host}${LAST}\r\n`, how));
    expect(await of(`Host: ${open.domain}\r\nHost: ${locked.domain}\r\n`)).toEqual([400]);
    expect(await of(`Host: ${locked.domain}..\r\n`)).not.toEqual([200]);
    expect(await of(`Host: ${locked.domain}, ${open.domain}\r\n`)).toEqual([400]);
    expect(await of(`Host: ${open.domain}#${locked.domain}\r\n`)).toEqual([400]);
    expect(await of(`Host : ${locked.domain}\r\n`)).toEqual([400]);
    expect(await of('')).toEqual([400]);
    expect(await of(`Host: ${locked.domain}\r\nX-Forwarded-Host: ${open.domain}\r\n`)).toEqual([401]);
    expect(await of(`Host: ${locked.domain}\r\nX-Original-URL: /.porthole/login\r\n`)).toEqual([401]);
  });

  it('of another service than in the handshake is refused, whoever has a session', async () => {
    const other = request('/', `Cookie: ${session}\r\n${LAST}`);
    expect(statuses(await wire(other, { servername: open.domain }))).toEqual([421]);
    expect(statuses(await wire(other, { servername: locked.domain.toUpperCase() }))).toEqual([200]);
  });

  it('is that of the handshake where HTTP/1.0 has none', async () => {
    const old = `GET / HTTP/1.0\r\n\r\n`;
    expect(statuses(await wire(old))).toEqual([401]);
    expect(statuses(await wire(old, { servername: open.domain }))).toEqual([200]);
    expect(statuses(await wire(old, { servername: '' }))).toEqual([404]);
  });
});

describe('a connection', () => {
  it('lets nobody in behind a request that was denied', async () => {
    const hidden = request('/inside');
    const body = `POST /.porthole/login HTTP/1.1\r\nHost: ${locked.domain}\r\nContent-Length: ${hidden.length}\r\n\r\n`;
    const heard = await wire(`${request('/')}${body}${hidden}${request('/inside')}${request('/inside', LAST)}`);
    expect(statuses(heard)).not.toContain(200);
    expect(statuses(heard)[0]).toBe(401);
    // A session counts for the request that it came with.
    const mixed = await wire(request('/', `Cookie: ${session}\r\n`) + request('/', LAST));
    expect(statuses(mixed)).toEqual([200, 401]);
  });

  it.each([
    ['Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'],
    ['Content-Length: 4\r\nContent-Length: 5\r\n'],
    ['Transfer-Encoding: chunked, identity\r\n'],
    ['Transfer-Encoding:\x0bchunked\r\n'],
    [`X: y\r\n Cookie: z\r\n`],
    [`X: y\nCookie: z\r\n`],
  ])('that could be read in two ways ends with its first request: %j', async (fields) => {
    const heard = await wire(
      `${request('/', fields, 'POST')}0\r\n\r\n${request('/', `Cookie: ${session}\r\n${LAST}`)}`,
    );
    expect(statuses(heard)).toEqual([400]);
  });

  it('is offered no early data, which somebody could send again', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const where = `127.0.0.1:${stand.edge.ready.httpsPort}`;
    const args = ['s_client', '-connect', where, '-servername', locked.domain, '-tls1_3', '-ign_eof'];
    const child = execFile('openssl', args, (_, out) => resolve(out));
    child.stdin?.end(request('/', LAST));
    const out = await promise;
    expect(out).toMatch(/Max Early Data: 0/);
    expect(out).not.toMatch(/Max Early Data: [1-9]/);
    expect(statuses(out)).toEqual([401]);
  });
});

describe('over HTTP/2', () => {
  async function ask(fields: OutgoingHttpHeaders): Promise<number> {
    const session = http2.connect(`https://127.0.0.1:${stand.edge.ready.httpsPort}`, {
      servername: locked.domain,
      ca: stand.edge.ca,
    });
    session.on('error', () => {});
    await once(session, 'remoteSettings');
    const stream = session.request(fields, { endStream: fields[':protocol'] === undefined });
    stream.on('error', () => {});
    const status = await new Promise<number>((resolve) => {
      stream.once('response', (head) => resolve(head[':status'] ?? 0));
      stream.once('close', () => resolve(0));
    });
    session.destroy();
    return status;
  }

  it('the name counts once', async () => {
    expect(await ask({ ':authority': locked.domain })).toBe(401);
    expect(await ask({ ':authority': locked.domain.toUpperCase(), cookie: session })).toBe(200);
    expect(await ask({ ':authority': open.domain })).toBe(421);
    expect([0, 400]).toContain(await ask({ ':authority': locked.domain, host: open.domain }));
    expect([0, 400]).toContain(await ask({ ':authority': open.domain, host: locked.domain }));
  });

  it('a WebSocket needs a session as everything else does', async () => {
    const upgrade = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': '/ws' };
    expect(await ask({ ...upgrade, ':authority': locked.domain })).toBe(401);
    expect(await ask({ ...upgrade, ':authority': locked.domain, ':path': '/.porthole/login' })).toBe(401);
  });

  it('paths of the edge have one spelling', async () => {
    for (const path of ['/.porthole/../inside', '//.porthole/login', '/%2eporthole/login', '/.porthole\\..\\inside'])
      expect([400, 401, 404]).toContain(await ask({ ':authority': locked.domain, ':path': path }));
  });
});

describe('who says it comes from elsewhere', () => {
  const from = (fields: string, how: Wire = {}): Promise<number[]> =>
    wire(request('/', `${fields}${LAST}`, 'GET', restricted.domain), { servername: restricted.domain, ...how }).then(
      statuses,
    );

  it.each([
    'X-Forwarded-For',
    'x_forwarded_for',
    'X-Real-IP',
    'CF-Connecting-IP',
    'True-Client-IP',
    'X-Client-IP',
    'X-Original-Forwarded-For',
  ])('is not believed in %s', async (name) => {
    expect(await from(`${name}: ${FRIEND}\r\n`)).toEqual([403]);
    expect(await from(`Forwarded: for=${FRIEND}\r\n${name}: ${FRIEND}\r\n`)).toEqual([403]);
  });

  it('is not believed in a PROXY header', async () => {
    const v1 = `PROXY TCP4 ${FRIEND} 127.0.0.1 4711 443\r\n`;
    expect(await from('', { prefix: v1 })).toEqual([]);
    expect(await from('', { prefix: v1, from: PROXY })).toEqual([200]);
    expect(await from('', { prefix: v1 + v1, from: PROXY })).toEqual([]);
    expect(await from('', { prefix: `PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n`, from: PROXY })).toEqual([403]);
    // The visitor whom the proxy names is no proxy itself.
    const named = { prefix: `PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n`, from: PROXY };
    expect(await from(`X-Forwarded-For: ${FRIEND}\r\n`, named)).toEqual([403]);
  });

  it.each<[string, number]>([
    [`X-Forwarded-For: ${FRIEND}\r\n`, 200],
    [`X-Forwarded-For: 192.0.2.1, ${FRIEND}\r\n`, 200],
    [`X-Forwarded-For: ::ffff:${FRIEND}\r\n`, 200],
    ['X-Forwarded-For: ::FFFF:cb00:7107\r\n', 200],
    [`X-Forwarded-For: ${FRIEND}, ${PROXY}\r\n`, 200],
    [`X-Forwarded-For: ${FRIEND}, 192.0.2.1\r\n`, 403],
    [`X-Forwarded-For: ${FRIEND}\r\nX-Forwarded-For: 192.0.2.1\r\n`, 403],
    [`X-Forwarded-For: ${FRIEND}, unknown\r\n`, 403],
    [`X-Forwarded-For: ${FRIEND},\r\n`, 403],
    ['X-Forwarded-For: 203.0.113.07\r\n', 403],
    ['X-Forwarded-For: 0xcb.0.113.7\r\n', 403],
    ['X-Forwarded-For: ::203.0.113.7\r\n', 403],
    [`Connection: X-Forwarded-For\r\nX-Forwarded-For: ${FRIEND}, 192.0.2.1\r\n`, 403],
  ])('is believed by the word of a trusted proxy alone: %j → %i', async (fields, status) => {
    expect(await from(fields, { from: PROXY })).toEqual([status]);
  });
});

it('visitors who share a proxy’s HTTP/2 connection are judged one by one', async () => {
  // `localAddress` is passed on to the socket underneath.
  const options: http2.SecureClientSessionOptions & { localAddress: string } = {
    servername: restricted.domain,
    ca: stand.edge.ca,
    localAddress: PROXY,
  };
  const shared = http2.connect(`https://127.0.0.1:${stand.edge.ready.httpsPort}`, options);
  const status = async (forwardedFor: string): Promise<number | undefined> => {
    const fields = { ':authority': restricted.domain, 'x-forwarded-for': forwardedFor };
    const stream = shared.request(fields, { endStream: true });
    const [head] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
    stream.resume();
    return head[':status'];
  };
  const all = await Promise.all([FRIEND, '192.0.2.1', `${FRIEND}, 192.0.2.1`, '203.0.113.9', PROXY].map(status));
  expect(all).toEqual([200, 403, 403, 200, 403]);
  shared.close();
});

describe('an origin', () => {
  it.each([
    ['that is open', () => open, () => ''],
    ['behind a login', () => locked, () => `; ${session}`],
  ])('%s gets neither the edge’s cookies nor what a visitor says it is', async (_, service, cookie) => {
    const fields = ['X-Porthole-User', 'x_porthole_user', 'X-Porthole_Groups', 'X_Porthole_Auth', 'x-porthole-x'];
    const seen = await stand.visit(service(), {
      headers: {
        cookie: `a=1; porthole_session=planted; __Host-porthole_sso_x=y; b=2${cookie()}`,
        ...Object.fromEntries(fields.map((name) => [name, 'mallory'])),
      },
    });
    expect(seen.status).toBe(200);
    expect(told(seen).headers.cookie).toBe('a=1; b=2');
    expect(JSON.stringify(told(seen).headers)).not.toMatch(/mallory/);
  });
});

describe('the login', () => {
  it.each([
    'https://evil.test/',
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/\t/evil.test',
    '/\r\nSet-Cookie: x=y',
    '/x\r\n\r\n<script>',
    ' //evil.test',
    'javascript:alert(1)',
    'evil.test',
    '/ü',
    '/.porthole/logout',
    '/.porthole?x',
  ])('sends nobody to %j', async (next) => {
    const seen = await stand.login(locked, { pin: PIN, next }, { from: '127.0.3.1' });
    expect([seen.status, seen.headers.location]).toEqual([303, '/']);
    const query = `next=${encodeURIComponent(next)}`;
    const cookie = cookieOf(seen);
    const back = await stand.visit(locked, { path: `/.porthole/login?${query}`, headers: { cookie } });
    expect([back.status, back.headers.location]).toEqual([303, '/']);
    const atOpen = await stand.visit(open, { path: `/.porthole/login?${query}` });
    expect([atOpen.status, atOpen.headers.location]).toEqual([303, '/']);
  });

  it('is not to be framed, nor is anything that the edge says', async () => {
    const share = await stand.share(locked, { uses: 2 });
    const pages = await Promise.all([
      stand.visit(locked, { headers: { accept: BROWSER } }),
      stand.visit(locked, { path: '/.porthole/logout', headers: { accept: BROWSER } }),
      stand.visit(locked, { path: share.path, headers: { accept: BROWSER } }),
      stand.visit(restricted, { headers: { accept: BROWSER } }),
      stand.visit({ ...locked, domain: 'nobody.edge.test' }, { headers: { accept: BROWSER } }),
    ]);
    expect(pages.map(({ status }) => status)).toEqual([401, 200, 200, 403, 404]);
    for (const { headers } of pages) expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/);
  });

  it('tells nobody which users there are, and counts the wrong ones', async () => {
    const basic = (user: string, from: string, password = 'wrong') =>
      stand.visit(locked, {
        headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
        from,
      });
    const known = await basic('ann', '127.0.3.2');
    const unknown = await basic('bob', '127.0.3.3');
    expect([known.status, unknown.status]).toEqual([401, 401]);
    expect(unknown.headers['x-porthole-failure']).toBe('header_rejected');
    expect(known.headers['x-porthole-failure']).toBe('header_rejected');
    // Another’s password is nobody’s.
    expect((await basic('bob', '127.0.3.3', 'right')).status).toBe(401);
    expect((await basic('ann', '127.0.3.2', 'right')).status).toBe(200);
    for (let i = 0; i < 3; i++) await basic(`user${i}`, '127.0.3.3');
    expect((await basic('one more', '127.0.3.3')).status).toBe(429);
    expect((await basic('ann', '127.0.3.3', 'right')).status).toBe(429);
  });
});
