/**
 * What strangers can do to a public port: while each attack lasts, a visitor of another service is served; afterwards
 * the edge is back where it was, in memory and in descriptors, and its log has grown by a few lines.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTACKS, type Prey, proxyHeader, reach } from '../support/attacks.ts';
import {
  call,
  EMBEDDED,
  joinEdge,
  linkLaptop,
  probe,
  publish,
  type RunningEdge,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

/** Milliseconds that an attack lasts. */
const TIME = 700;
/** Bytes of memory (spare buffers of the tunnels, up to 12 MiB, among them), and descriptors, that may differ. */
const NOISE = 24 * 1024 * 1024;
const DESCRIPTOR_NOISE = 4;
const MODEST = proxyHeader('198.51.100.7');

const stack = new AsyncDisposableStack();
let edge: RunningEdge;
let prey: Prey;
let attackers = 0;

beforeAll(async () => {
  const folder = stack.use(temporaryFolder());
  const preload = resolve(import.meta.dirname, '../support/gc-on-signal.mjs');
  edge = stack.use(
    await startEdge(folder.path, [...EMBEDDED, '--trusted-proxy', '127.0.0.1/32'], undefined, {
      NODE_OPTIONS: `--import=${preload}`,
    }),
  );
  const big = Buffer.alloc(4 << 20);
  const app = http.createServer((request, response) => {
    request.resume();
    response.on('error', () => {}).end(request.url === '/big' ? big : 'here');
  });
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).pipe(socket));
  for (const server of [app, echo]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
  }
  const datagrams = createSocket('udp4').on('message', (message, from) =>
    datagrams.send(message, from.port, from.address),
  );
  datagrams.bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  stack.defer(() => void datagrams.close());
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  await linkLaptop(edge, joined);
  const { port } = app.address() as AddressInfo;
  for (const name of ['prey', 'modest']) await publish(edge, joined, name, [{ port }]);
  const direct = async (subdomain: string, mode: string, target: number): Promise<number> => {
    const input = { subdomain, mode, targets: [{ port: target }] };
    const { value } = await call(edge, 'POST', '/services', joined.credential, input);
    return (value as { listenPort: number }).listenPort;
  };
  prey = {
    httpsPort: edge.ready.httpsPort,
    httpPort: edge.ready.httpPort ?? 0,
    tcpPort: await direct('echo', 'tcp', (echo.address() as AddressInfo).port),
    udpPort: await direct('datagrams', 'udp', datagrams.address().port),
    host: 'prey.localhost',
    from: '203.0.113.0',
  };
});
afterAll(() => stack.disposeAsync());

/** The status that a visitor from elsewhere gets of another service, over a connection of its own. */
async function visit(): Promise<number> {
  const socket = await reach(prey.httpsPort, MODEST);
  if (socket === undefined) return 0;
  const secure = connectTls({ socket, servername: 'modest.localhost', ca: edge.ca });
  secure.on('error', () => {}).on('end', () => secure.destroy());
  secure.write('GET / HTTP/1.1\r\nHost: modest.localhost\r\nConnection: close\r\n\r\n');
  let text = '';
  secure.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(secure, 'close').catch(() => {});
  socket.destroy();
  return text.endsWith('here') ? Number(text.slice(9, 12)) : 0;
}

/** What `gc-on-signal.mjs` says. */
const MEMORY_LINE = /\{"heapUsed":\d+,"external":\d+\}\n/;

/** Lines of the edge's log so far, without those that were asked for. */
const logged = (): number =>
  edge
    .log()
    .split('\n')
    .filter((line) => !line.startsWith('{"heapUsed"')).length;

const descriptors = (): number => readdirSync(`/proc/${edge.child.pid}/fd`).length;

/** Bytes of the edge's heap and outside it that are in use, garbage left out. */
async function memory(): Promise<number> {
  const begin = edge.log().length;
  const line = new Promise<string>((found) => {
    // A line may come in pieces.
    const look = (): void => {
      const match = MEMORY_LINE.exec(edge.log().slice(begin));
      if (match === null) return;
      edge.child.stderr?.off('data', look);
      found(match[0]);
    };
    edge.child.stderr?.on('data', look);
  });
  edge.child.kill('SIGUSR2');
  const { heapUsed, external } = JSON.parse(await line) as { heapUsed: number; external: number };
  return heapUsed + external;
}

/** Waits until the edge has no more descriptors open than `most`. */
async function untilClosed(most: number): Promise<void> {
  await expect.poll(descriptors, { timeout: 20_000, interval: 100 }).toBeLessThanOrEqual(most);
}

describe.skipIf(process.platform !== 'linux')('an edge under attack', () => {
  it.each(Object.entries(ATTACKS))('by %s serves others, and is what it was afterwards', async (_, attack) => {
    for (let n = 0; n < 3; n++) expect(await visit()).toBe(200);
    await untilClosed(descriptors());
    const before = { memory: await memory(), descriptors: descriptors(), log: logged() };
    const stop = new AbortController();
    const attacking = attack({ ...prey, from: `203.0.113.${++attackers}` }, stop.signal);
    const statuses: number[] = [];
    const end = performance.now() + TIME;
    // However slow the machine is: an attack that nobody was served beside shows nothing.
    while (performance.now() < end || statuses.length < 3) statuses.push(await visit());
    stop.abort();
    const release = await attacking;
    statuses.push(await visit());
    release();
    expect(new Set(statuses)).toEqual(new Set([200]));
    await untilClosed(before.descriptors + DESCRIPTOR_NOISE);
    await expect.poll(memory, { timeout: 20_000, interval: 500 }).toBeLessThan(before.memory + NOISE);
    expect(logged() - before.log).toBeLessThan(40);
    expect(edge.child.exitCode).toBeNull();
  });

  it('has counted what it refused, by bound', async () => {
    const { body } = await probe(edge, '/metrics');
    const refused = (bound: string): number =>
      Number(new RegExp(`^porthole_refused_total\\{bound="${bound}"\\} (\\d+)$`, 'm').exec(body)?.[1] ?? 0);
    for (const bound of ['h2-resets', 'h2-control-rate', 'udp-new-sessions-per-second'])
      expect([bound, refused(bound)]).toEqual([bound, expect.toSatisfy((n: number) => n > 0)]);
  });
});
