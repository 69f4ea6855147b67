/** Servers that listen on a Unix socket, through a real edge and agent. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dial, readAll } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { hasStatus, Laptop, publicUrl } from '../support/laptop.ts';
import { ask } from '../support/visitor.ts';

const edge = new EdgeProcess();
const folder = mkdtempSync(join(tmpdir(), 'porthole sockets '));
let laptop: Laptop;
let ca = '';

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile, 'utf8');
  laptop = await Laptop.join(edge);
});

afterAll(async () => {
  await laptop[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function listening(server: Server, name: string) {
  const path = join(folder, name);
  server.listen(path);
  await once(server, 'listening');
  return { path, [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())) };
}

const socketAt = (path: string) => ({ type: 'unix', host: path, port: 0 }) as const;

it('carries requests to one, large ones too', async () => {
  const server = http.createServer((request, response) => {
    if (request.method === 'POST') request.pipe(response);
    else response.end(`${request.headers.host} ${request.url}`);
  });
  await using socket = await listening(server, 'web.sock');
  const service = await laptop.publish({ targets: [socketAt(socket.path)] });
  const url = publicUrl(service).origin;
  expect(await ask({ url: `${url}/a?b`, ca })).toMatchObject({ status: 200, text: 'localhost /a?b' });
  const body = 'x'.repeat(3_000_000);
  expect((await ask({ url, ca, method: 'POST', body })).text).toBe(body);
  server.closeAllConnections();
});

it('carries bytes to one, and each end by itself', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}).on('end', () => socket.end('and that was all'));
    socket.on('data', (chunk) => socket.write(chunk));
  });
  await using socket = await listening(server, 'echo.sock');
  const service = await laptop.publish({ mode: 'tcp', targets: [socketAt(socket.path)] });
  const visitor = await dial(Number(publicUrl(service).port));
  visitor.end('hello ');
  expect((await readAll(visitor)).toString()).toBe('hello and that was all');
});

it('says when it is not there, by its path, and when it is not allowed', async () => {
  const path = join(folder, 'nobody.sock');
  const service = await laptop.create({ targets: [socketAt(path)] });
  const reasonOf = () => laptop.agent.snapshot().services.find((s) => s.id === service.id)?.statusReason;
  await laptop.reached(hasStatus(service.id, 'error'));
  expect(reasonOf()).toBe(`unix:${path} waits to be allowed on the laptop.`);
  laptop.allowed.allow({ service: service.id, ...socketAt(path) });
  const targetId = service.targets[0]?.id;
  await laptop.reached((s) => s.problems.some((p) => p.targetId === targetId && p.problem === 'origin_refused'));
  expect(await ask({ url: publicUrl(service).origin, ca })).toMatchObject({ status: 502 });
});

it('is no target of a service that needs a port, nor of one that carries datagrams', async () => {
  for (const mode of ['udp', 'tls'] as const) {
    const refused = await laptop.agent.control.createService({ mode, targets: [socketAt('/run/app.sock')] });
    expect(refused).toMatchObject({ error: { code: 'input_invalid', field: 'targets.0.type' } });
  }
  const relative = await laptop.agent.control.createService({ targets: [socketAt('/run/../etc/x.sock')] });
  expect(relative).toMatchObject({ error: { code: 'input_invalid', field: 'targets.0.host' } });
});
