/** Services with several targets: two laptops, a real edge process, and origins that say what they were asked. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { lastingTrust } from '../../main/agent/edge-address.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import type { NewService, ServicePatch, ServiceView } from '../../shared/contract/control-api.ts';
import { selfSigned } from '../support/certificate.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { ask } from '../support/visitor.ts';

const edge = new EdgeProcess();
let ca = '';
let ports: PortFinder;
let mine: Laptop;
let other: Laptop;

interface Laptop {
  readonly agentId: string;
  readonly agent: Agent;
  readonly allowed: AllowList;
}

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile, 'utf8');
  ports = createPortFinder();
  mine = await startLaptop('first');
  other = await startLaptop('build-server');
  for (const { agent } of [mine, other]) await reached(agent, (s) => s.link.state === 'up' && s.servicesKnown);
});

afterAll(async () => {
  await mine.agent.close();
  await other.agent.close();
  ports.close();
  await edge[Symbol.asyncDispose]();
});

async function startLaptop(name: string): Promise<Laptop> {
  const place = { host: '127.0.0.1', port: edge.ready.httpsPort };
  const client = createControlClient({ address: place, trust: { caPem: ca } });
  const joined = await client.join(await edge.token(), name);
  client.close();
  if (!joined.ok) throw new Error(joined.error.message);
  const { agentId, credential, cluster } = joined.value;
  const allowed = createAllowList();
  const agent = createAgent({
    address: { ...place, domain: cluster.domain },
    trust: lastingTrust({ caPem: ca }, cluster),
    agentId,
    credential,
    name,
    version: '0.0.0',
    allowed,
    ports,
  });
  return { agentId, agent, allowed };
}

/** Ports of this laptop that every service that is published here may reach. */
const open = new Set<number>();

/** An origin on loopback, open to the first laptop's services unless told otherwise. */
async function origin(listener: RequestListener, tls?: { key: string; cert: string }, isOpen = true) {
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (isOpen) open.add(port);
  await ports.refresh();
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Says who it is and what it was asked. */
const says =
  (name: string): RequestListener =>
  ({ url, headers }, response) =>
    response.end(JSON.stringify({ name, url, headers }));

function reached(agent: Agent, fits: (snapshot: AgentSnapshot) => boolean): Promise<AgentSnapshot> {
  return new Promise((resolve) => {
    const look = (): void => {
      const snapshot = agent.snapshot();
      if (!fits(snapshot)) return;
      stop();
      resolve(snapshot);
    };
    const stop = agent.onChange(look);
    look();
  });
}

const serviceOf = (snapshot: AgentSnapshot, id: string): ServiceView | undefined =>
  snapshot.services.find((s) => s.id === id);

/** Waits until the service, as the edge tells it, `fits`. */
async function until(id: string, fits: (service: ServiceView) => boolean): Promise<ServiceView> {
  const snapshot = await reached(mine.agent, (s) => {
    const service = serviceOf(s, id);
    return service !== undefined && fits(service);
  });
  const service = serviceOf(snapshot, id);
  if (service === undefined) throw new Error('the service is gone');
  return service;
}

const active = (service: ServiceView): boolean => service.status === 'active';

const allow = ({ allowed }: Laptop, service: string, port: number): boolean =>
  allowed.allow({ service, type: 'agent', host: 'localhost', port });

async function publish(service: NewService): Promise<ServiceView> {
  const made = await mine.agent.control.createService(service);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  for (const { port } of made.value.targets) if (open.has(port)) allow(mine, made.value.id, port);
  return until(made.value.id, (s) => s.status !== 'pending' && s.status !== 'certificate_pending');
}

async function change(id: string, patch: ServicePatch): Promise<ServiceView> {
  const changed = await mine.agent.control.updateService(id, patch);
  if (!changed.ok) throw new Error(JSON.stringify(changed.error));
  // The answer may come before this node routes what was written.
  await until(id, (s) => s.status !== 'pending' && JSON.stringify(s.targets) === JSON.stringify(changed.value.targets));
  return changed.value;
}

const urlOf = ({ urls }: ServiceView): string => ('https' in urls ? urls.https : urls.direct);
const get = (service: ServiceView, path: string, headers: http.OutgoingHttpHeaders = {}) =>
  ask({ url: `${urlOf(service)}${path}`, ca, headers });

it('sends each path to its target, on segment boundaries, stripped or kept', async () => {
  await using web = await origin(says('web'));
  await using api = await origin(says('api'));
  await using admin = await origin(says('admin'));
  const service = await publish({
    targets: [
      { port: web.port },
      { port: api.port, path: '/api' },
      { port: admin.port, path: '/api/admin', pathRewrite: 'preserve' },
    ],
  });
  for (const [path, name, url] of [
    ['/', 'web', '/'],
    ['/apiv2?q=1', 'web', '/apiv2?q=1'],
    ['/api', 'api', '/'],
    ['/api?q=1', 'api', '/?q=1'],
    ['/api/x/y?q=%2F', 'api', '/x/y?q=%2F'],
    ['/api/admin/x', 'admin', '/api/admin/x'],
    ['/api/admin', 'admin', '/api/admin'],
  ] as const)
    expect(JSON.parse((await get(service, path)).text)).toMatchObject({ name, url });
});

it('takes a target out and in again, and changes one without touching the others', async () => {
  await using web = await origin(says('web'));
  await using api = await origin(says('api'));
  const service = await publish({ targets: [{ port: web.port }, { port: api.port, path: '/api' }] });
  const target = service.targets.find((t) => t.path === '/api');
  const id = target?.id ?? '';
  await change(service.id, { changeTargets: [{ id, enabled: false }] });
  expect(JSON.parse((await get(service, '/api/x')).text)).toMatchObject({ name: 'web', url: '/api/x' });
  const moved = await change(service.id, { changeTargets: [{ id, enabled: true, path: '/v2' }] });
  expect(moved.targets.map((t) => t.id)).toEqual(service.targets.map((t) => t.id));
  expect(JSON.parse((await get(service, '/v2/x')).text)).toMatchObject({ name: 'api', url: '/x' });
  await change(service.id, { removeTargets: [id] });
  expect(JSON.parse((await get(service, '/v2/x')).text)).toMatchObject({ name: 'web' });
  const last = await mine.agent.control.updateService(service.id, { removeTargets: [service.targets[0]?.id ?? ''] });
  expect(last).toMatchObject({ ok: false, error: { code: 'input_invalid', field: 'removeTargets' } });
});

it('reaches a target on another laptop once that laptop allows it', async () => {
  await using web = await origin(says('web'));
  await using search = await origin(says('search'), undefined, false);
  const service = await publish({
    targets: [{ port: web.port }, { port: search.port, path: '/search', agentId: 'Build-Server' }],
  });
  expect(service.targets[1]?.agentId).toBe(other.agentId);
  // For a moment the first laptop may have seen the service before it allowed its own port.
  const waits = await until(service.id, (s) => s.statusReason?.includes(`port ${search.port}`) === true);
  expect(waits).toMatchObject({
    status: 'error',
    statusReason: `port ${search.port} waits to be allowed on the laptop.`,
  });
  const { guests } = await reached(other.agent, (s) => s.guests.some((g) => g.id === service.id));
  const guest = guests.find((g) => g.id === service.id);
  expect(guest).toMatchObject({ domain: service.domain, ownerName: 'first', targets: [{ port: search.port }] });
  expect((await get(service, '/search/x')).status).toBe(502);
  expect(JSON.parse((await get(service, '/')).text)).toMatchObject({ name: 'web' });
  allow(other, service.id, search.port);
  await until(service.id, active);
  expect(JSON.parse((await get(service, '/search/x?q')).text)).toMatchObject({ name: 'search', url: '/x?q' });
  other.agent.pause();
  const cut = await until(service.id, (s) => s.status === 'error');
  expect(cut.statusReason).toMatch(/laptop behind \/search is not connected/);
  expect((await get(service, '/search/x')).status).toBe(503);
  expect((await get(service, '/')).status).toBe(200);
  other.agent.unpause();
  await until(service.id, active);
  await mine.agent.control.removeService(service.id);
  await reached(other.agent, (s) => s.guests.every((g) => g.id !== service.id));
});

it('refuses a laptop that the cluster does not know', async () => {
  const refused = await mine.agent.control.createService({ targets: [{ port: 1 }, { port: 2, agentId: 'nobody' }] });
  expect(refused).toMatchObject({ error: { code: 'agent_unknown', field: 'targets.1.agentId' } });
});

it("puts custom headers in place of the visitor's, in every spelling", async () => {
  await using web = await origin(says('web'));
  const service = await publish({
    targets: [
      {
        port: web.port,
        customHeaders: [
          { name: 'X-Api-Key', value: 'secret' },
          { name: 'Authorization', value: 'Bearer x' },
        ],
      },
    ],
  });
  const { headers } = JSON.parse(
    (
      await get(service, '/', {
        'x-api-key': 'mine',
        x_api_key: 'mine',
        authorization: 'Basic mine',
        'x-other': 'mine',
      })
    ).text,
  ) as { readonly headers: http.IncomingHttpHeaders };
  expect(headers).toMatchObject({ 'x-api-key': 'secret', authorization: 'Bearer x', 'x-other': 'mine' });
  expect(headers).not.toHaveProperty('x_api_key');
});

it('answers 504 when an origin takes too long, and not when it merely takes long to send', async () => {
  const asked = Promise.withResolvers<void>();
  const responses = new Map<string, ServerResponse>();
  await using slow = await origin((request, response) => {
    responses.set(request.url ?? '', response);
    if (request.url === '/stream') response.write('first');
    else if (request.url === '/upload') request.resume().on('end', () => response.end('whole'));
    if (responses.has('/stream') && responses.has('/upload')) asked.resolve();
  });
  // What is answered at once has to be in time on a machine that stands still for a while, too.
  const service = await publish({ targets: [{ port: slow.port, responseTimeout: '5s' }] });
  const url = new URL(urlOf(service));
  const upload = https.request({
    host: '127.0.0.1',
    port: url.port,
    path: '/upload',
    method: 'POST',
    servername: url.hostname,
    headers: { host: url.host },
    ca,
    agent: false,
  });
  upload.write('one');
  const streamed = ask({ url: `${urlOf(service)}/stream`, ca });
  await asked.promise;
  // Meanwhile the bound passes. The visitor's own time, and the body's, are not counted.
  const late = await ask({ url: `${urlOf(service)}/late`, ca, headers: { accept: 'application/json' } });
  expect(late.status).toBe(504);
  expect(JSON.parse(late.text)).toMatchObject({ error: { code: 'origin_timeout' } });
  upload.end('two');
  const [response] = (await once(upload, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(200);
  responses.get('/stream')?.end(' last');
  expect(await streamed).toMatchObject({ status: 200, text: 'first last' });
});

it('verifies an https origin unless told not to', async () => {
  await using safe = await origin(says('safe'), selfSigned());
  const service = await publish({ targets: [{ port: safe.port, protocol: 'https', skipTlsVerify: false }] });
  expect((await get(service, '/')).status).toBe(502);
  await until(service.id, (s) => s.statusReason?.includes('is not trusted') === true);
  const id = service.targets[0]?.id ?? '';
  await change(service.id, { changeTargets: [{ id, skipTlsVerify: true }] });
  expect(JSON.parse((await get(service, '/')).text)).toMatchObject({ name: 'safe' });
  await until(service.id, active);
});

it('makes redirects and cookies public, and leaves the body as it is', async () => {
  let port = 0;
  const own = (path: string): string => `http://localhost:${port}${path}`;
  await using shop = await origin((request, response) => {
    response.setHeader('set-cookie', ['a=1; Path=/; Domain=localhost', '__Host-b=2; Path=/; Secure', 'c=3']);
    response.setHeader('content-location', own('/doc'));
    response.setHeader('refresh', `5; url=${own('/later')}`);
    const where = new URL(request.url ?? '/', own('')).searchParams.get('to') ?? own('/login?next=%2Fx');
    response.writeHead(302, { location: where });
    response.end(`see ${own('/login')}`);
  });
  port = shop.port;
  await using web = await origin(says('web'));
  const targets = [{ port: web.port }, { port, path: '/shop' }];
  const service = await publish({ targets, rewriteRedirects: true });
  const base = urlOf(service);
  const { headers, text, status } = await get(service, '/shop/x');
  expect(status).toBe(302);
  expect(headers).toMatchObject({
    location: `${base}/shop/login?next=%2Fx`,
    'content-location': `${base}/shop/doc`,
    refresh: `5; url=${base}/shop/later`,
    'set-cookie': [`a=1; Path=/shop; Domain=${service.domain}`, '__Host-b=2; Path=/; Secure', 'c=3'],
  });
  expect(text).toBe(`see ${own('/login')}`);
  for (const [to, wanted] of [
    ['/login', '/shop/login'],
    [`//localhost:${port}/x`, `//${new URL(base).host}/shop/x`],
    ['https://example.com/x', 'https://example.com/x'],
    [`http://localhost:${web.port}/x`, `http://localhost:${web.port}/x`],
    ['login', 'login'],
  ] as const)
    expect((await get(service, `/shop/x?to=${encodeURIComponent(to)}`)).headers.location).toBe(wanted);
  await mine.agent.control.updateService(service.id, { rewriteRedirects: false });
  await until(service.id, (s) => s.rewriteRedirects !== true && active(s));
  expect((await get(service, '/shop/x')).headers.location).toBe(own('/login?next=%2Fx'));
});

it('repeats a GET that met a closing keep-alive connection, and never a POST', async () => {
  const seen: string[] = [];
  const served = new Map<Socket, number>();
  // Answers once on each connection, then closes it when it is asked again: a keep-alive race that always happens.
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        const method = /^[A-Z]+(?= )/.exec(chunk.toString('latin1'))?.[0];
        // The body of a POST may come by itself.
        if (method === undefined) return;
        seen.push(method);
        const before = served.get(socket) ?? 0;
        served.set(socket, before + 1);
        if (before > 0) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  open.add(port);
  await ports.refresh();
  const service = await publish({ targets: [{ port }] });
  // A connection that rested for long is not taken again, so on a machine that stands still this may take one more.
  let gets = 0;
  for (; seen.length === gets; gets++) expect((await get(service, '/')).status).toBe(200);
  expect(seen).toHaveLength(gets + 1);
  let status = 200;
  for (let posts = 1; status === 200; posts++) {
    ({ status } = await ask({ url: urlOf(service), ca, method: 'POST', body: 'x' }));
    expect(seen.filter((m) => m === 'POST')).toHaveLength(posts);
  }
  expect(status).toBe(502);
  const closed = once(server, 'close');
  server.close();
  for (const socket of served.keys()) socket.destroy();
  await closed;
});
