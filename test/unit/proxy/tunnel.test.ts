/** The proxy over a real tunnel, with real node:http and raw origins behind it. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  dialledTunnel,
  type ProxyStand,
  proxyStand,
  RawVisitor,
  routeTo,
  targetAt,
} from '../../support/proxy-stand.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  cleanups.push(() => server.close());
  return address.port;
}

function originAt(handler: http.RequestListener): Promise<number> {
  const server = http.createServer(handler);
  cleanups.push(() => server.closeAllConnections());
  return listen(server);
}

async function standFor(port: number, secure = false): Promise<ProxyStand> {
  const { pair, tunnels } = await dialledTunnel('tls');
  const stand = await proxyStand({ tunnels, routes: [routeTo(targetAt(port))], secure });
  cleanups.push(() => pair.sockets.close());
  cleanups.push(() => stand.close());
  return stand;
}

interface Answer {
  readonly response: http.IncomingMessage;
  readonly body: Buffer;
}

/** A request by node's own client. */
async function ask(stand: ProxyStand, options: http.RequestOptions & { body?: Buffer | Readable }): Promise<Answer> {
  const { body, ...rest } = options;
  const all = { host: '127.0.0.1', port: stand.port, agent: false as const, ...rest };
  const headers = { host: 'app.test', ...Object(options.headers) };
  const request = http.request({ ...all, headers });
  const responding = once(request, 'response');
  if (body instanceof Readable) await pipeline(body, request);
  else request.end(body);
  const [response] = (await responding) as [http.IncomingMessage];
  return { response, body: Buffer.concat(await response.toArray()) };
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.each([
  ['plain', false],
  ['over TLS', true],
] as const)('visitors %s', (_, secure) => {
  it('get answers over one kept connection each way', async () => {
    let connections = 0;
    const server = http.createServer((req, res) => res.end(`${req.url} ${req.headers['x-forwarded-proto']}`));
    server.on('connection', () => connections++);
    cleanups.push(() => server.closeAllConnections());
    const stand = await standFor(await listen(server), secure);
    const v = await RawVisitor.connect(stand.port, secure);
    for (let n = 0; n < 20; n++) {
      v.send(`GET /n${n} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
      await v.untilIncludes(`/n${n} ${secure ? 'https' : 'http'}`);
    }
    expect(connections).toBe(1);
    expect(stand.records.length).toBe(20);
    v.socket.destroy();
  });

  it('get 200 pipelined answers in order', async () => {
    const port = await originAt((req, res) => {
      if (req.url?.endsWith('3')) setImmediate(() => res.end(`<${req.url}>`));
      else res.end(`<${req.url}>`);
    });
    const stand = await standFor(port, secure);
    const v = await RawVisitor.connect(stand.port, secure);
    const numbers = Array.from({ length: 200 }, (_n, i) => i);
    v.send(numbers.map((n) => `GET /${n} HTTP/1.1\r\nHost: app.test\r\n\r\n`).join(''));
    await v.untilIncludes('</199>');
    expect(v.text.match(/<\/\d+>/g)).toEqual(numbers.map((n) => `</${n}>`));
    v.socket.destroy();
  });

  it('move 8 MiB up and down at once, unchanged', async () => {
    const port = await originAt((req, res) => void pipeline(req, res).catch(() => {}));
    const stand = await standFor(port, secure);
    const bytes = randomBytes(8 * 1024 * 1024);
    const client = secure ? https : http;
    const request = client.request({
      host: '127.0.0.1',
      port: stand.port,
      method: 'POST',
      headers: { host: 'app.test' },
      rejectUnauthorized: false,
      agent: false,
    });
    const responding = once(request, 'response');
    request.end(bytes);
    const [response] = (await responding) as [http.IncomingMessage];
    expect(digest(Buffer.concat(await response.toArray()))).toBe(digest(bytes));
    expect(await stand.recorded(() => true)).toMatchObject({ bytesUp: bytes.length, bytesDown: bytes.length });
  });

  it('talk over a WebSocket, text and 1 MiB, and close it in order', async () => {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket, request) => {
      socket.send(`hello ${request.headers['x-forwarded-host']}`);
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
    cleanups.push(() => sockets.close());
    const stand = await standFor(await listen(server), secure);
    const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${stand.port}/live`, {
      headers: { host: 'app.test' },
      rejectUnauthorized: false,
    });
    const [hello] = await once(socket, 'message');
    expect(String(hello)).toBe('hello app.test');
    const big = randomBytes(1024 * 1024);
    socket.send(big);
    const [echo] = await once(socket, 'message');
    expect(digest(echo)).toBe(digest(big));
    socket.close(1000, 'done');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1000);
    const closed = await stand.recorded((r) => r.kind === 'close');
    expect(closed.bytesDown).toBeGreaterThan(big.length);
    expect(stand.records.map((r) => [r.kind, r.path, r.status])).toEqual([
      ['open', '/live', 101],
      ['close', '/live', 101],
    ]);
  });
});

describe('node:http as the origin', () => {
  it('streams events, each at once', async () => {
    const sent: ((text: string) => void)[] = [];
    const port = await originAt((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      sent.push((text) => res.write(text));
    });
    const stand = await standFor(port);
    const v = await RawVisitor.connect(stand.port);
    v.send('GET /events HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await v.untilIncludes('text/event-stream');
    for (const n of [1, 2, 3]) {
      sent[0]?.(`data: ${n}\n\n`);
      await v.untilIncludes(`data: ${n}\n\n`);
    }
    v.socket.destroy();
  });

  it('answers HEAD, 204 and 304 without bodies, and the connection goes on', async () => {
    const port = await originAt((req, res) => {
      if (req.url === '/204') res.writeHead(204).end();
      else if (req.url === '/304') res.writeHead(304, { etag: '"x"' }).end();
      else res.end('a body');
    });
    const stand = await standFor(port);
    const v = await RawVisitor.connect(stand.port);
    v.send('HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\nGET /204 HTTP/1.1\r\nHost: app.test\r\n\r\n');
    v.send('GET /304 HTTP/1.1\r\nHost: app.test\r\n\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await v.untilIncludes('a body');
    expect(v.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304', 'HTTP/1.1 200']);
    expect(v.text.split('a body').length).toBe(2);
    v.socket.destroy();
  });

  it('is asked before a body is sent (100-continue)', async () => {
    const server = http.createServer();
    server.on('checkContinue', (req: http.IncomingMessage, res: http.ServerResponse) => {
      res.writeContinue();
      req.toArray().then((parts) => res.end(`got ${Buffer.concat(parts).length}`));
    });
    const stand = await standFor(await listen(server));
    const request = http.request({
      host: '127.0.0.1',
      port: stand.port,
      method: 'PUT',
      headers: { host: 'app.test', expect: '100-continue', 'content-length': 5 },
      agent: false,
    });
    request.flushHeaders();
    await once(request, 'continue');
    const responding = once(request, 'response');
    request.end('hello');
    const [response] = (await responding) as [http.IncomingMessage];
    expect(Buffer.concat(await response.toArray()).toString()).toBe('got 5');
  });

  it('gets and gives trailers', async () => {
    const port = await originAt((req, res) => {
      req.resume().on('end', () => {
        res.writeHead(200, { trailer: 'X-Sum' });
        res.write(`got ${req.trailers['x-up']}`);
        res.addTrailers({ 'X-Sum': '42' });
        res.end();
      });
    });
    const stand = await standFor(port);
    const request = http.request({
      host: '127.0.0.1',
      port: stand.port,
      method: 'POST',
      headers: { host: 'app.test', trailer: 'X-Up', 'transfer-encoding': 'chunked' },
      agent: false,
    });
    const responding = once(request, 'response');
    request.write('x');
    request.addTrailers({ 'X-Up': '7' });
    request.end();
    const [response] = (await responding) as [http.IncomingMessage];
    expect(Buffer.concat(await response.toArray()).toString()).toBe('got 7');
    expect(response.trailers).toEqual({ 'x-sum': '42' });
  });

  it('may answer before it has read the body', async () => {
    const port = await originAt((_req, res) => res.writeHead(413, { connection: 'close' }).end('too much'));
    const stand = await standFor(port);
    const v = await RawVisitor.connect(stand.port);
    v.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 50000000\r\n\r\n');
    v.socket.on('error', () => {});
    v.send(Buffer.alloc(1_000_000));
    await v.untilIncludes('too much');
    v.socket.destroy();
  });

  it('that dies in the middle of a download leaves it broken', async () => {
    const port = await originAt((req, res) => {
      res.writeHead(200, req.url === '/length' ? { 'content-length': 1000 } : {});
      res.write('part', () => req.socket.resetAndDestroy());
    });
    const stand = await standFor(port);
    for (const path of ['/length', '/chunked']) {
      await expect(ask(stand, { path })).rejects.toThrow(/aborted|hang up/);
    }
    expect(stand.records.map((r) => r.failure)).toEqual(['origin_closed', 'origin_closed']);
  });

  it('restarts between two requests without a visitor noticing', async () => {
    const first = http.createServer((_req, res) => res.end('one'));
    const port = await listen(first);
    const stand = await standFor(port);
    expect((await ask(stand, {})).body.toString()).toBe('one');
    first.closeAllConnections();
    first.close();
    await once(first, 'close');
    const second = http.createServer((_req, res) => res.end('two')).listen(port, '127.0.0.1');
    await once(second, 'listening');
    cleanups.push(() => second.close());
    expect((await ask(stand, {})).body.toString()).toBe('two');
  });
});

describe('other origins', () => {
  it('none at all is a 502 that says which port', async () => {
    const free = net.createServer();
    const port = await listen(free);
    free.close();
    await once(free, 'close');
    const stand = await standFor(port);
    const { response, body } = await ask(stand, { headers: { accept: 'text/html' } });
    expect(response.statusCode).toBe(502);
    expect(body.toString()).toContain(`Nothing listens on port ${port}.`);
    expect(stand.dials).toEqual(['origin_refused']);
  });

  it('one that is no HTTP server is a 502', async () => {
    const port = await listen(
      net.createServer((socket) => socket.on('error', () => {}).end('220 mail.test ESMTP\r\n')),
    );
    const stand = await standFor(port);
    expect((await ask(stand, {})).response.statusCode).toBe(502);
    expect(stand.records).toMatchObject([{ failure: 'origin_bad_response' }]);
  });

  it('one that ends its body by closing is passed on whole', async () => {
    const port = await listen(
      net.createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${'x'.repeat(300_000)}`));
      }),
    );
    const stand = await standFor(port);
    expect((await ask(stand, {})).body.length).toBe(300_000);
  });
});

describe.each([
  ['plain', false],
  ['over TLS', true],
] as const)('an HTTP/1.0 visitor %s', (_, secure) => {
  it('gets a reset when a body without length breaks, for its end would look like the end', async () => {
    const sockets: net.Socket[] = [];
    const port = await listen(
      net.createServer((socket) => {
        sockets.push(socket.on('error', () => {}));
        socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\npart'));
      }),
    );
    const stand = await standFor(port, secure);
    const v = await RawVisitor.connect(stand.port, secure);
    v.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
    await v.untilIncludes('part');
    sockets[0]?.resetAndDestroy();
    await v.closed;
    expect(v.error).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('back-pressure', () => {
  it('holds a 32 MiB upload while the origin does not read, and a download while the visitor does not', async () => {
    const total = 32 * 1024 * 1024;
    const go = Promise.withResolvers<void>();
    const port = await originAt((req, res) => {
      if (req.method === 'HEAD') res.end();
      if (req.method === 'HEAD') return;
      if (req.method === 'GET') {
        res.writeHead(200, { 'content-length': total });
        void pipeline(
          Readable.from(
            (function* () {
              for (let left = total; left > 0; left -= 65536) yield Buffer.alloc(65536);
            })(),
          ),
          res,
        ).catch(() => {});
        return;
      }
      let got = 0;
      void go.promise.then(() => {
        req.on('data', (chunk: Buffer) => {
          got += chunk.length;
        });
        req.on('end', () => res.end(String(got)));
      });
    });
    const stand = await standFor(port);
    const v = await RawVisitor.connect(stand.port);
    v.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${total}\r\n\r\n`);
    let written = 0;
    const more = (): boolean => {
      while (written < total) {
        written += 1024 * 1024;
        if (!v.socket.write(Buffer.alloc(1024 * 1024))) return false;
      }
      return true;
    };
    v.socket.on('drain', more);
    more();
    // What a request through the same tunnel sees: the upload must have filled up, and must not be in the way.
    for (let n = 0; n < 50; n++) await ask(stand, { method: 'HEAD' });
    expect(v.socket.writableLength).toBeGreaterThan(0);
    expect(written).toBeLessThan(total);
    go.resolve();
    await v.untilIncludes(String(total));
    v.socket.destroy();

    const slow = http.request({ host: '127.0.0.1', port: stand.port, headers: { host: 'app.test' }, agent: false });
    const responding = once(slow, 'response');
    slow.end();
    const [response] = (await responding) as [http.IncomingMessage];
    for (let n = 0; n < 50; n++) await ask(stand, { method: 'HEAD' });
    let got = 0;
    for await (const chunk of response) got += (chunk as Buffer).length;
    expect(got).toBe(total);
  });
});
