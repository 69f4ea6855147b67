/** Logging in by bytes: what comes early, late, in pieces, or not at all. */
import { once } from 'node:events';
import tls, { type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { LoginStand } from './login-stand.ts';

const PIN = '042917';
const stand = new LoginStand();
let service: ServiceView;
beforeAll(async () => {
  await stand.start();
  service = await stand.publish('raw', { pin: PIN, headers: [{ kind: 'bearer', token: 'tok' }] });
});
afterAll(() => stand[Symbol.asyncDispose]());

let last = 0;
/** A connection of a visitor with an address of its own, and everything that it has heard. */
function connect(): {
  readonly socket: TLSSocket;
  heard(): string;
  until(what: RegExp): Promise<string>;
  closed: Promise<unknown>;
} {
  let heard = '';
  // `localAddress` is passed on to the socket underneath.
  const options: tls.ConnectionOptions & { localAddress: string } = {
    host: '127.0.0.1',
    port: stand.edge.ready.httpsPort,
    servername: service.domain,
    ca: stand.edge.ca,
    localAddress: `127.0.5.${++last}`,
  };
  const socket = tls.connect(options);
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  return {
    socket,
    heard: () => heard,
    closed: new Promise((resolve) => socket.once('close', resolve)),
    async until(what) {
      while (!what.test(heard)) await once(socket, 'data');
      return heard;
    },
  };
}

const form = (body: string, more = ''): string =>
  `POST /.porthole/login HTTP/1.1\r\nHost: ${service.domain}\r\nContent-Type: application/x-www-form-urlencoded\r\n${more}` +
  `Content-Length: ${body.length}\r\n\r\n${body}`;
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: ${service.domain}\r\n${more}\r\n`;

it('answers requests in a pipeline in their order, though some are decided later than others', async () => {
  const visitor = connect();
  visitor.socket.write(
    get('/1', 'Authorization: Bearer tok\r\n') +
      form(`pin=${PIN}`) +
      get('/2') +
      get('/3', 'Authorization: Bearer tok\r\n'),
  );
  const heard = await visitor.until(/"url":"\/3"/);
  expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 303', 'HTTP/1.1 401', 'HTTP/1.1 200']);
  visitor.socket.destroy();
});

it('takes a form byte by byte', async () => {
  const visitor = connect();
  for (const byte of form(`pin=${PIN}&next=%2Fslow`)) {
    visitor.socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await visitor.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 303 See Other\r\n(?:.*\r\n)*Location: \/slow\r\n/);
  visitor.socket.destroy();
});

it('asks for a form that its visitor holds back', async () => {
  const visitor = connect();
  const [head = '', body = ''] = form(`pin=${PIN}`, 'Expect: 100-continue\r\n').split('\r\n\r\n');
  visitor.socket.write(`${head}\r\n\r\n`);
  await visitor.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  visitor.socket.write(body);
  await visitor.until(/HTTP\/1\.1 303/);
  visitor.socket.destroy();
});

it('lets the origin be asked for a body that a header client holds back', async () => {
  const visitor = connect();
  visitor.socket.write(
    `PUT /up HTTP/1.1\r\nHost: ${service.domain}\r\nAuthorization: Bearer tok\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
  );
  await visitor.until(/HTTP\/1\.1 100 Continue\r\n\r\n/);
  visitor.socket.write('body');
  expect(await visitor.until(/"body":"[^"]*"/)).toContain('"body":"body"');
  visitor.socket.destroy();
});

it('answers a visitor who has closed its sending side', async () => {
  const visitor = connect();
  visitor.socket.end(form(`pin=${PIN}`));
  await visitor.until(/HTTP\/1\.1 303/);
  await visitor.closed;
});

it('takes a large body of a header client that came while it was decided', async () => {
  const visitor = connect();
  const body = 'x'.repeat(3_000_000);
  visitor.socket.write(
    `PUT /big HTTP/1.1\r\nHost: ${service.domain}\r\nAuthorization: Bearer tok\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  // Looked for at the end alone, and counted once: that is asked for every piece of it.
  const heard = await visitor.until(/x"}$/);
  expect(heard).toMatch(/^HTTP\/1\.1 200/);
  expect(heard.endsWith(`"body":"${body}"}`)).toBe(true);
  visitor.socket.destroy();
});

it('bears visitors who leave before it is decided, and counts what was compared', async () => {
  for (let i = 0; i < 30; i++) {
    const visitor = connect();
    await once(visitor.socket, 'secureConnect');
    visitor.socket.write(form('pin=000000'));
    visitor.socket.destroy();
  }
  expect((await stand.login(service, { pin: PIN }, { from: '127.0.6.1' })).status).toBe(303);
});

it('drops what a visitor names in Connection before it looks who it is', async () => {
  const visitor = connect();
  visitor.socket.write(get('/', 'Connection: authorization\r\nAuthorization: Bearer tok\r\n'));
  await visitor.until(/HTTP\/1\.1 401/);
  visitor.socket.destroy();
});

it('keeps a header that lets in out of the trailers, too', async () => {
  const custom = await stand.publish('trailers', { headers: [{ kind: 'custom', name: 'X-Api-Key', value: 'k' }] });
  const socket = tls.connect({
    host: '127.0.0.1',
    port: stand.edge.ready.httpsPort,
    servername: custom.domain,
    ca: stand.edge.ca,
  });
  socket.on('error', () => {});
  let heard = '';
  socket.write(
    `POST / HTTP/1.1\r\nHost: ${custom.domain}\r\nX-Api-Key: k\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: close\r\n\r\n` +
      '2\r\nhi\r\n0\r\nX-Api-Key: k\r\nX_Api_Key: k\r\nX-Fine: yes\r\n\r\n',
  );
  for await (const text of socket.setEncoding('latin1')) heard += text;
  expect(heard).toMatch(/^HTTP\/1\.1 200/);
  expect(heard.toLowerCase()).not.toContain('api-key');
  expect(heard.toLowerCase()).not.toContain('api_key');
});
