/** The edge as its operators and visitors meet it: a real process, real sockets, real TLS. */
import { once } from 'node:events';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { JoinReply, ServiceView } from '../../shared/contract/control-api.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import {
  ask,
  askPlain,
  call,
  HandshakeRefused,
  joinEdge,
  type Laptop,
  linkLaptop,
  probe,
  publish,
  type RunningEdge,
  runEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const stack = new AsyncDisposableStack();
let edge: RunningEdge;
let joined: JoinReply;
let laptop: Laptop;
let app: Awaited<ReturnType<typeof startApp>>;
let service: ServiceView;

/** Waits until `GET path` at `host` answers `status`. Each look is a request; the change itself takes one event. */
async function untilStatus(host: string, status: number): Promise<void> {
  for (;;) if ((await ask(edge, host)).status === status) return;
}

const setEnabled = (enabled: boolean) => call(edge, 'PATCH', `/services/${service.id}`, joined.credential, { enabled });

beforeAll(async () => {
  const folder = stack.use(temporaryFolder());
  edge = stack.use(await startEdge(folder.path));
  app = stack.use(
    await startApp((request, response) => {
      if (request.url === '/hang') return;
      response.end(`${request.method} ${request.url} for ${request.headers['x-forwarded-host']}`);
    }),
  );
  joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  laptop = await linkLaptop(edge, joined);
  service = await publish(edge, joined, 'shop', [{ port: app.port }]);
});
afterAll(() => stack.disposeAsync());

describe('a visitor', () => {
  it('reaches the app over https', async () => {
    const answer = await ask(edge, 'shop.localhost', { path: '/a?b=c' });
    expect(answer).toMatchObject({ status: 200, body: 'GET /a?b=c for shop.localhost' });
  });

  it('reaches the app over plain HTTP on an embedded edge', async () => {
    const answer = await askPlain(edge.ready.httpPort ?? 0, `shop.localhost:${edge.ready.httpPort}`);
    expect(answer.status).toBe(200);
  });

  it('keeps the connection for the next request, and resumes the TLS session on another', async () => {
    const agent = new https.Agent({ keepAlive: true, maxCachedSessions: 10 });
    await ask(edge, 'shop.localhost', { agent });
    expect((await ask(edge, 'shop.localhost', { agent })).status).toBe(200);
    agent.destroy();
  });

  it('sees 404 for an unknown name, whichever way it comes', async () => {
    for (const answer of [
      await ask(edge, 'nobody.localhost'),
      await ask(edge, 'localhost'),
      await askPlain(edge.ready.httpPort ?? 0, 'nobody.localhost'),
      await askPlain(edge.ready.httpPort ?? 0, 'shop.example.com'),
    ])
      expect(answer.status).toBe(404);
  });

  it('sees 421 for another name than the connection was opened for', async () => {
    const answer = await ask(edge, 'shop.localhost', { servername: 'other.localhost' });
    expect(answer.status).toBe(421);
  });

  it('sees 421 on a resumed TLS 1.2 session too', async () => {
    const options = { host: '127.0.0.1', port: edge.ready.httpsPort, ca: edge.ca, maxVersion: 'TLSv1.2' } as const;
    const first = tlsConnect({ ...options, servername: 'other.localhost' });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const again = tlsConnect({ ...options, servername: 'other.localhost', session });
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(true);
    again.end('GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n');
    expect(await text(again)).toMatch(/^HTTP\/1\.1 421 /);
  });

  it('sees 503 at once when the service is switched off, and the app again when it is switched on', async () => {
    await setEnabled(false);
    await untilStatus('shop.localhost', 503);
    await setEnabled(true);
    await untilStatus('shop.localhost', 200);
  });

  it('loses a request under way when the service is switched off', async () => {
    const hanging = ask(edge, 'shop.localhost', { path: '/hang' });
    await untilStatus('shop.localhost', 200);
    await setEnabled(false);
    expect((await hanging).status).toBe(503);
    await setEnabled(true);
    await untilStatus('shop.localhost', 200);
  });

  it('speaks WebSocket through, until the service is removed', async () => {
    const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    sockets.on('connection', (peer) => peer.on('message', (data) => peer.send(`echo ${String(data)}`)));
    await once(sockets, 'listening');
    const address = sockets.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const live = await publish(edge, joined, 'live', [{ port }]);
    await untilStatus('live.localhost', 426);
    const options = { ca: edge.ca, servername: 'live.localhost', headers: { host: 'live.localhost' } };
    const client = new WebSocket(`wss://127.0.0.1:${edge.ready.httpsPort}/`, options);
    await once(client, 'open');
    client.send('hello');
    expect(String((await once(client, 'message'))[0])).toBe('echo hello');
    const closed = once(client, 'close');
    await call(edge, 'DELETE', `/services/${live.id}`, joined.credential);
    await closed;
    expect((await ask(edge, 'live.localhost')).status).toBe(404);
    for (const peer of sockets.clients) peer.terminate();
    sockets.close();
  });

  it('goes to the target with the longest prefix, and by no path to another', async () => {
    await using api = await startApp((request, response) => response.end(`api ${request.url}`));
    await publish(edge, joined, 'split', [{ port: app.port }, { port: api.port, path: '/api' }]);
    await untilStatus('split.localhost', 200);
    expect((await ask(edge, 'split.localhost', { path: '/api/x' })).body).toBe('api /x');
    expect((await ask(edge, 'split.localhost', { path: '/apiv2' })).body).toContain('GET /apiv2');
    expect((await ask(edge, 'split.localhost', { path: '/api/..%2fsecret' })).status).toBe(400);
  });
});

describe('the main port', () => {
  const dial = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: edge.ready.httpsPort });
    await once(socket, 'connect');
    return socket;
  };

  it('closes garbage, and tells plain HTTP to use https', async () => {
    const garbage = await dial();
    const closed = new Promise((resolve) => garbage.on('error', () => {}).once('close', resolve));
    garbage.write(Buffer.alloc(100_000, 0xff));
    await closed;
    const plain = await dial();
    plain.end('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n');
    expect(await text(plain)).toContain('This port speaks https.');
  });

  it('cuts a client that never finishes its hello, within seconds', async () => {
    const slow = await dial();
    slow.write(Buffer.of(22, 3, 1, 2, 0, 1));
    const started = performance.now();
    slow.resume();
    await once(slow, 'close');
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('serves on while a thousand connections do nothing', async () => {
    const idle = await Promise.all(Array.from({ length: 1000 }, dial));
    expect((await ask(edge, 'shop.localhost')).status).toBe(200);
    for (const socket of idle) socket.destroy();
  });
});

describe('a laptop', () => {
  it('is turned away without the right credential, as itself only', async () => {
    const wrong = { ...joined, credential: `${joined.credential.slice(0, -1)}_` };
    await expect(linkLaptop(edge, wrong)).rejects.toThrow(HandshakeRefused);
    await expect(linkLaptop(edge, { ...joined, agentId: 'somebody' })).rejects.toMatchObject({
      failure: { kind: 'refused', code: GO_AWAY.CREDENTIAL },
    });
  });

  it('may link twice; the newer link takes the visitors, and the older one when it goes', async () => {
    const second = await linkLaptop(edge, joined);
    expect((await ask(edge, 'shop.localhost')).status).toBe(200);
    second.tunnel.close(GO_AWAY.SHUTDOWN, 'done');
    await second.ended;
    await untilStatus('shop.localhost', 200);
  });

  it('that is offline makes a 503 at once, with Retry-After, and is back as soon as it links', async () => {
    laptop.tunnel.close(GO_AWAY.SHUTDOWN, 'lid closed');
    await laptop.ended;
    await untilStatus('shop.localhost', 503);
    const started = performance.now();
    const answer = await ask(edge, 'shop.localhost');
    expect(answer.headers['retry-after']).toBeDefined();
    expect(performance.now() - started).toBeLessThan(8_000);
    laptop = await linkLaptop(edge, joined);
    await untilStatus('shop.localhost', 200);
  });

  it('that leaves the cluster loses its link', async () => {
    const dataDir = dirname(dirname(edge.ready.caFile ?? ''));
    const made = await runEdge(['token', 'create', '--data-dir', dataDir, '--json']);
    const token = JSON.parse(made.out) as { token: string };
    const other = await joinEdge(edge, token.token);
    const link = await linkLaptop(edge, other);
    expect((await call(edge, 'DELETE', '/agents/self', other.credential)).status).toBe(204);
    expect(await link.ended).toMatchObject({ by: 'peer', code: GO_AWAY.CREDENTIAL });
    await expect(linkLaptop(edge, other)).rejects.toThrow(HandshakeRefused);
  });
});

describe('health and metrics', () => {
  it('answers the probes on a listener of their own', async () => {
    for (const path of ['/healthz/live', '/healthz/ready', '/healthz/startup'])
      expect((await probe(edge, path)).status).toBe(200);
    expect((await probe(edge, '/other')).status).toBe(404);
  });

  it('counts what the visitors did', async () => {
    const before = await probe(edge, '/metrics');
    await ask(edge, 'shop.localhost');
    const after = await probe(edge, '/metrics');
    const value = (answer: { body: string }, name: string) =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(answer.body)?.[1]);
    expect(value(after, 'porthole_requests_total')).toBeGreaterThan(value(before, 'porthole_requests_total'));
    expect(value(after, 'porthole_agents_connected')).toBe(1);
    expect(after.body).toMatch(/^porthole_responses_total\{class="5xx"\} [1-9]/m);
    expect(after.body).toContain('process_resident_memory_bytes');
  });
});
