/** TCP and TLS services of an edge of their own that stands behind a proxy, and a laptop that joined it. */
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeProxyHeader } from '../../edge/proxy-header.ts';
import { selfSigned } from '../support/certificate.ts';
import { temporaryHome } from '../support/cli.ts';
import {
  dial,
  dialError,
  echo,
  hearing,
  listening,
  readAll,
  run,
  tcpOrigin,
  Up,
  untilGone,
} from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { freePort } from '../support/free-port.ts';

/** The proxy: a loopback address that visitors don't come from. */
const PROXY = '127.0.0.2';
const VISITOR = { address: '192.0.2.9', port: 4711 };
const edge = new EdgeProcess('edge.test', ['--trusted-proxy', `${PROXY}/32`, '--assigned-ports', '20000-20999']);
let up: Up;

beforeAll(async () => {
  await edge.start();
  const home = temporaryHome();
  const url = `https://127.0.0.1:${edge.ready.httpsPort}`;
  const joined = await run(home, 'join', url, '--token', await edge.token(), '--fingerprint', edge.ready.fingerprint);
  if (joined.code !== 0) throw new Error(joined.err);
  up = await Up.start(home);
});
afterAll(async () => {
  await up[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

/** A connection that comes by the proxy. */
async function viaProxy(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: PROXY, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

const header = (port: number): Uint8Array => encodeProxyHeader(VISITOR, { address: '127.0.0.1', port });

async function lastAddress(id: string): Promise<unknown> {
  for (;;) {
    const { out } = await run(up.home, 'logs', '--service', id, '--limit', '1', '--json');
    if (out !== '') return (JSON.parse(out) as { address: string }).address;
  }
}

it('assigns ports of its own range', async () => {
  await using origin = await tcpOrigin(echo);
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--name', 'ranged']);
  expect(service.url).toMatch(/^tcp:\/\/ranged\.edge\.test:20\d\d\d$/);
});

it('refuses its own ports by name, and takes the main port for what TLS services share anyway', async () => {
  const main = String(edge.ready.httpsPort);
  const tcp = await run(up.home, 'services', 'add', '80', '--protocol', 'tcp', '--listen-port', main, '--json');
  expect(JSON.parse(tcp.out)).toMatchObject({ error: { code: 'port_reserved' } });
  const args = ['--protocol', 'tls', '--name', 'on-main', '--listen-port', main, '--json'];
  const tls = await run(up.home, 'services', 'add', '80', ...args);
  expect(JSON.parse(tls.out)).not.toHaveProperty('listenPort');
});

it('believes the proxy who connects, and tells the origin', async () => {
  const heard = Promise.withResolvers<Buffer>();
  await using origin = await tcpOrigin(hearing(heard.resolve));
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--proxy-protocol']);
  const socket = await viaProxy(service.port);
  socket.write('PROXY TCP4 192.0.2.9 127.0.0.1 ');
  socket.end('4711 80\r\nhello');
  const all = await heard.promise;
  expect([...all.subarray(16, 20)]).toEqual([192, 0, 2, 9]);
  expect(all.readUInt16BE(24)).toBe(4711);
  expect(all.subarray(28).toString()).toBe('hello');
  expect(await lastAddress(service.id)).toBe('192.0.2.9');
});

it('takes a stranger’s PROXY header for what it is to the service: bytes', async () => {
  const heard = Promise.withResolvers<Buffer>();
  await using origin = await tcpOrigin(hearing(heard.resolve));
  const service = await up.add(origin.port, ['--protocol', 'tcp']);
  const socket = await dial(service.port);
  socket.end('PROXY TCP4 192.0.2.9 127.0.0.1 4711 80\r\nhello');
  expect((await heard.promise).toString()).toBe('PROXY TCP4 192.0.2.9 127.0.0.1 4711 80\r\nhello');
  expect(await lastAddress(service.id)).toBe('127.0.0.1');
});

it('lets nothing through that a proxy brings without a header', async () => {
  let heard = 0;
  await using origin = await tcpOrigin((socket) => socket.once('data', () => heard++));
  const service = await up.add(origin.port, ['--protocol', 'tcp']);
  const socket = await viaProxy(service.port);
  socket.write('hello');
  await untilGone(socket);
  expect(heard).toBe(0);
});

it('believes the proxy on the main port too: for requests, and for TLS that passes through', async () => {
  const server = http.createServer((request, response) => response.end(String(request.headers['x-forwarded-for'])));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const page = await up.add((server.address() as AddressInfo).port, ['--name', 'page']);
  const raw = await viaProxy(edge.ready.httpsPort);
  raw.write(header(edge.ready.httpsPort));
  const secure = tlsConnect({ socket: raw, servername: 'page.edge.test', rejectUnauthorized: false });
  secure.end('GET / HTTP/1.1\r\nHost: page.edge.test\r\nConnection: close\r\n\r\n');
  expect((await readAll(secure)).toString()).toMatch(/\r\n\r\n192\.0\.2\.9$/);
  expect(await lastAddress(page.id)).toBe('192.0.2.9');
  server.close();

  const identity = selfSigned();
  const open = new Set<Socket>();
  const own = createTlsServer(identity, (socket) => {
    socket.on('error', () => {});
    socket.end('own');
  });
  own.on('connection', (socket: Socket) => open.add(socket));
  await using origin = await listening(own, open);
  const sealed = await up.add(origin.port, ['--protocol', 'tls', '--name', 'sealed']);
  const second = await viaProxy(edge.ready.httpsPort);
  second.write(header(edge.ready.httpsPort));
  const inside = tlsConnect({ socket: second, servername: 'sealed.edge.test', ca: identity.cert, checkServerIdentity });
  expect((await readAll(inside)).toString()).toBe('own');
  inside.end();
  expect(await lastAddress(sealed.id)).toBe('192.0.2.9');
});

/** The origin's certificate is for `localhost`; that it is the very one is what the test asks. */
const checkServerIdentity = (): undefined => undefined;

it('keeps the name of a TCP service to its port: the main port has no page for it', async () => {
  const port = await freePort();
  await up.add(port, ['--protocol', 'tcp', '--name', 'bare'], 'error');
  const secure = tlsConnect({
    host: '127.0.0.1',
    port: edge.ready.httpsPort,
    servername: 'bare.edge.test',
    rejectUnauthorized: false,
  });
  secure.end('GET / HTTP/1.1\r\nHost: bare.edge.test\r\nConnection: close\r\n\r\n');
  expect((await readAll(secure)).toString()).toMatch(/^HTTP\/1\.1 404 /);
});

it('lets connections finish when it is told to end, and takes no new ones', async () => {
  await using origin = await tcpOrigin(echo);
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--name', 'lasting']);
  const socket = await dial(service.port);
  socket.write('before');
  await once(socket, 'data');
  const ended = edge.kill('SIGTERM');
  while ((await dialError(service.port)) === '') await up.until(() => true);
  socket.end('after');
  expect((await readAll(socket)).toString()).toBe('after');
  await ended;
  await up.until((state) => state.link.state !== 'up');

  await edge.start();
  await up.until(
    (state) => state.link.state === 'up' && state.services.some((s) => s.id === service.id && s.status === 'active'),
  );
  const again = await dial(service.port);
  again.end('and back');
  expect((await readAll(again)).toString()).toBe('and back');
});
