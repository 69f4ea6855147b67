/** Targets beyond the laptop itself: names, addresses in a subnet, datagrams; and the laptop's last word on them. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList, type Place } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { NewService, ServiceView } from '../../shared/contract/control-api.ts';
import { dial, echo, readAll, tcpOrigin, UdpVisitor, udpOrigin, untilGone } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';

const edge = new EdgeProcess();
let ports: PortFinder;
let agent: Agent;
let allowed: AllowList;

beforeAll(async () => {
  await edge.start();
  const trust = { caPem: readFileSync(edge.ready.caFile, 'utf8') };
  const address = { host: '127.0.0.1', port: edge.ready.httpsPort };
  const client = createControlClient({ address, trust });
  const joined = await client.join(await edge.token(), 'test laptop');
  client.close();
  if (!joined.ok) throw new Error(joined.error.message);
  const { agentId, credential, cluster } = joined.value;
  ports = createPortFinder();
  allowed = createAllowList();
  agent = createAgent({
    address: { ...address, domain: cluster.domain },
    trust,
    agentId,
    credential,
    name: 'test laptop',
    version: '0.0.0',
    allowed,
    ports,
  });
});
afterAll(async () => {
  await agent.close();
  ports.close();
  await edge[Symbol.asyncDispose]();
});

function reached(fits: (snapshot: AgentSnapshot) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!fits(agent.snapshot())) return;
      stop();
      resolve();
    };
    const stop = agent.onChange(look);
    look();
  });
}

/** Publishes `service`, allows it `place`, and waits for the status. */
async function publish(
  service: NewService,
  status: ServiceView['status'] = 'active',
  place?: Place,
): Promise<ServiceView> {
  const made = await agent.control.createService(service);
  if (!made.ok) throw new Error(made.error.message);
  if (place !== undefined) allowed.allow({ service: made.value.id, ...place });
  await reached((snapshot) => snapshot.services.some((s) => s.id === made.value.id && s.status === status));
  return made.value;
}

const portOf = (service: ServiceView): number => Number(new URL(externalUrl(service.urls)).port);

async function said(port: number): Promise<string> {
  const socket = await dial(port);
  socket.end('hello');
  return (await readAll(socket)).toString();
}

it('reaches a name that the laptop resolves', async () => {
  await using origin = await tcpOrigin(echo);
  const target = { type: 'domain', host: 'localhost', port: origin.port } as const;
  expect(await said(portOf(await publish({ mode: 'tcp', targets: [target] }, 'active', target)))).toBe('hello');
});

it('says so when the name has no address', async () => {
  const target = { type: 'domain', host: 'nowhere.invalid', port: 80 } as const;
  const service = await publish({ mode: 'tcp', targets: [target] }, 'error', target);
  // For a moment it may wait to be allowed.
  await reached(({ services }) =>
    services.some((s) => s.id === service.id && s.statusReason?.includes('cannot be resolved')),
  );
  expect(await untilGone(await dial(portOf(service)))).toMatchObject({ reset: false });
});

it('reaches an address in a subnet that was allowed as a whole, and stops when it no longer is', async () => {
  await using origin = await tcpOrigin(echo);
  const subnet = '127.0.0.0/8';
  const network = { type: 'subnet', host: '127.0.0.1', subnet, port: origin.port } as const;
  const waiting = await publish({ mode: 'tcp', targets: [network] }, 'error');
  expect(agent.snapshot().services.find((s) => s.id === waiting.id)?.statusReason).toContain('waits to be allowed');
  allowed.allow({ service: waiting.id, ...network });
  await reached((snapshot) => snapshot.services.some((s) => s.id === waiting.id && s.status === 'active'));
  expect(await said(portOf(waiting))).toBe('hello');
  const socket = await dial(portOf(waiting));
  const gone = untilGone(socket);
  socket.write('x');
  await new Promise((resolve) => socket.once('data', resolve));
  allowed.revoke({ service: waiting.id, ...network });
  await gone;
});

it('sends datagrams to nothing that was allowed for TCP only', async () => {
  await using origin = await udpOrigin((message, reply) => reply(message));
  const target = { type: 'host', host: '127.0.0.1', port: origin.port } as const;
  const service = await publish({ mode: 'udp', targets: [target] }, 'error', target);
  allowed.allow({ service: service.id, ...target, udp: true });
  await reached((snapshot) => snapshot.services.some((s) => s.id === service.id && s.status === 'active'));
  await using visitor = await UdpVisitor.to(portOf(service));
  visitor.send(Buffer.from('hello'));
  expect(String(await visitor.next())).toBe('hello');
});

it('keeps the mode that a service was made with, and its port unless told', async () => {
  await using origin = await tcpOrigin(echo);
  const place = { type: 'agent', host: 'localhost', port: origin.port } as const;
  const service = await publish({ mode: 'tcp', targets: [{ port: origin.port }] }, 'active', place);
  const renamed = await agent.control.updateService(service.id, { name: 'other', targets: [{ port: origin.port }] });
  expect(renamed.ok && renamed.value).toMatchObject({ mode: 'tcp', listenPort: service.listenPort });
  const two = await agent.control.updateService(service.id, { targets: [{ port: 1 }, { port: 2, path: '/a' }] });
  expect(two.ok ? '' : two.error).toMatchObject({ code: 'input_invalid', field: 'targets' });
});
