/** An agent and a real edge process on loopback: joining, publishing, a visitor's way through, and the edge's death. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { type EdgeTrust, lastingTrust } from '../../main/agent/edge-address.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { JoinReply, LogBatch, NewTarget, ServiceView } from '../../shared/contract/control-api.ts';
import { selfSigned } from '../support/certificate.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { ask } from '../support/visitor.ts';

const edge = new EdgeProcess();
let caPem = '';
let ports: PortFinder;

beforeAll(async () => {
  await edge.start();
  caPem = readFileSync(edge.ready.caFile, 'utf8');
  ports = createPortFinder();
});

afterAll(async () => {
  ports.close();
  await edge[Symbol.asyncDispose]();
});

async function origin(listener: RequestListener, host = '127.0.0.1', tls?: { key: string; cert: string }) {
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  await ports.refresh();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function join(trust: EdgeTrust, host = '127.0.0.1', domain?: string) {
  const address = { host, port: edge.ready.httpsPort, ...(domain === undefined ? {} : { domain }) };
  const client = createControlClient({ address, trust });
  const reply = await client.join(await edge.token(), 'test laptop');
  client.close();
  return reply;
}

async function joined(trust: EdgeTrust): Promise<JoinReply> {
  const reply = await join(trust);
  if (!reply.ok) throw new Error(reply.error.message);
  return reply.value;
}

async function startAgent(trust: EdgeTrust = { caPem }) {
  const { agentId, credential, cluster } = await joined(trust);
  const allowed = createAllowList();
  const agent = createAgent({
    address: { host: '127.0.0.1', port: edge.ready.httpsPort, domain: cluster.domain },
    trust: lastingTrust(trust, cluster),
    agentId,
    credential,
    name: 'test laptop',
    version: '0.0.0',
    allowed,
    ports,
  });
  return { agent, allowed, [Symbol.asyncDispose]: () => agent.close() };
}

/** Resolves with the first snapshot that `fits`. */
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

/** Publishes `target`, and allows it where `allowed` is given. */
async function publish(agent: Agent, target: NewTarget, allowed?: AllowList): Promise<ServiceView> {
  const made = await agent.control.createService({ targets: [target] });
  if (!made.ok) throw new Error(made.error.message);
  allowed?.allow({ service: made.value.id, type: 'agent', host: 'localhost', port: target.port });
  return made.value;
}

const status = (id: string, wanted: ServiceView['status']) => (snapshot: AgentSnapshot) =>
  snapshot.services.some((s) => s.id === id && s.status === wanted);

it('joins by CA and by the fingerprint of the authority, and by nothing else', async () => {
  expect(await joined({ caPem })).toMatchObject({
    cluster: { domain: 'edge.test', fingerprint: edge.ready.fingerprint },
  });
  expect((await joined({ fingerprint: edge.ready.fingerprint })).credential).toMatch(/^pha_/);
  const wrong = await join({ fingerprint: 'ab'.repeat(32) });
  expect(wrong.ok ? '' : wrong.error.code).toBe('edge_untrusted');
  const open = await join({});
  expect(open.ok ? '' : open.error.code).toBe('edge_untrusted');
  const other = await join({ caPem }, '127.0.0.1', 'other.test');
  expect(other.ok ? '' : other.error.code).toBe('edge_untrusted');
});

it('refuses a join token that was used', async () => {
  const token = await edge.token();
  const client = createControlClient({ address: { host: '127.0.0.1', port: edge.ready.httpsPort }, trust: { caPem } });
  expect((await client.join(token, 'one')).ok).toBe(true);
  const again = await client.join(token, 'two');
  expect(again.ok ? '' : again.error.code).toBe('token_used');
  client.close();
});

it('publishes a server that listens on ::1 only, and shows its requests', async () => {
  await using server = await origin((request, response) => response.end(`path ${request.url}`), '::1');
  await using laptop = await startAgent();
  const { agent, allowed } = laptop;
  const logged = new Promise<LogBatch>((resolve) => agent.onLogs(resolve));
  const service = await publish(agent, { port: server.port }, allowed);
  const active = await reached(agent, status(service.id, 'active'));
  expect(active.ports.find((p) => p.port === server.port)?.serviceId).toBe(service.id);
  expect(await ask({ url: `${externalUrl(service.urls)}/hello`, ca: caPem })).toMatchObject({
    status: 200,
    text: 'path /hello',
  });
  expect((await logged).records[0]).toMatchObject({ serviceId: service.id, path: '/hello', status: 200 });
});

it('comes back by itself after the edge was killed', async () => {
  await using server = await origin((_, response) => response.end('still here'));
  await using laptop = await startAgent({ fingerprint: edge.ready.fingerprint });
  const { agent, allowed } = laptop;
  const service = await publish(agent, { port: server.port }, allowed);
  await reached(agent, status(service.id, 'active'));
  await edge.kill();
  const down = await reached(agent, (s) => s.link.state === 'down' && !s.feed.live);
  expect(down.link.failure?.message).toBeTypeOf('string');
  expect(down.services.map((s) => s.id)).toContain(service.id);
  await edge.start();
  await reached(agent, (s) => s.link.state === 'up' && s.feed.live && status(service.id, 'active')(s));
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).text).toBe('still here');
});

it('verifies an https origin unless that is waived', async () => {
  await using server = await origin((_, response) => response.end('secret'), '127.0.0.1', selfSigned());
  await using laptop = await startAgent();
  const { agent, allowed } = laptop;
  const strict = await publish(agent, { port: server.port, protocol: 'https', skipTlsVerify: false }, allowed);
  // Until it is allowed, which is after it was made, that is what is wrong with it.
  await reached(
    agent,
    (s) => status(strict.id, 'error')(s) && s.problems.some(({ problem }) => problem === 'origin_untrusted'),
  );
  expect(agent.snapshot().problems).toMatchObject([{ problem: 'origin_untrusted' }]);
  expect((await ask({ url: externalUrl(strict.urls), ca: caPem })).status).toBe(502);
  const lax = await publish(agent, { port: server.port, protocol: 'https', skipTlsVerify: true }, allowed);
  await reached(agent, status(lax.id, 'active'));
  expect((await ask({ url: externalUrl(lax.urls), ca: caPem })).text).toBe('secret');
});

it('lets nobody reach what its user has not allowed', async () => {
  let asked = 0;
  await using server = await origin((_, response) => {
    asked++;
    response.end();
  });
  await using laptop = await startAgent();
  const { agent, allowed } = laptop;
  const service = await publish(agent, { port: server.port });
  const waiting = await reached(agent, status(service.id, 'error'));
  expect(waiting.problems).toMatchObject([{ problem: 'origin_not_allowed' }]);
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).status).toBe(502);
  expect(asked).toBe(0);
  allowed.allow({ service: service.id, type: 'agent', host: 'localhost', port: server.port });
  await reached(agent, status(service.id, 'active'));
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).status).toBe(200);
  // The edge keeps that connection for the next request; taken back means that one too.
  allowed.revoke({ service: service.id, type: 'agent', host: 'localhost', port: server.port });
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).status).toBe(502);
  expect(asked).toBe(1);
});

it('shows a server that stops, and that it is back', async () => {
  await using laptop = await startAgent();
  const { agent, allowed } = laptop;
  const server = await origin((_, response) => response.end('one'));
  const service = await publish(agent, { port: server.port }, allowed);
  await reached(agent, status(service.id, 'active'));
  await server[Symbol.asyncDispose]();
  await ports.refresh();
  const gone = await reached(agent, status(service.id, 'error'));
  expect(gone.services.find((s) => s.id === service.id)?.statusReason).toContain(`port ${server.port}`);
  const next = http.createServer((_, response) => response.end('two')).listen(server.port, '127.0.0.1');
  await once(next, 'listening');
  await ports.refresh();
  await reached(agent, status(service.id, 'active'));
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).text).toBe('two');
  next.close();
  next.closeAllConnections();
  await once(next, 'close');
});

it('is offline while its user wants it to be', async () => {
  await using server = await origin((_, response) => response.end('on'));
  await using laptop = await startAgent();
  const { agent, allowed } = laptop;
  const service = await publish(agent, { port: server.port }, allowed);
  await reached(agent, status(service.id, 'active'));
  agent.pause();
  await reached(agent, status(service.id, 'tunnel_not_created'));
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).status).toBe(503);
  agent.unpause();
  await reached(agent, status(service.id, 'active'));
  expect((await ask({ url: externalUrl(service.urls), ca: caPem })).text).toBe('on');
});
