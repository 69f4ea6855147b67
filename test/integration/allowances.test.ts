/** What a laptop allowed to one service is no other one's: against another member of the cluster, and against an edge. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { createDatagramOrigin } from '../../main/agent/datagram-origin.ts';
import { lastingTrust } from '../../main/agent/edge-address.ts';
import { createEdgeDialler } from '../../main/agent/edge-dialler.ts';
import { createEdgeLink } from '../../main/agent/edge-link.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import { createOriginDialler } from '../../main/agent/origin.ts';
import { createTunnelDialler } from '../../main/agent/tunnel-dialler.ts';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { RESET } from '../../shared/wire/codes.ts';
import { selfSigned } from '../support/certificate.ts';
import { dial, readAll } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { exchange, SmallEdge } from '../support/small-edge.ts';

const edge = new EdgeProcess();
let ca = '';
let ports: PortFinder;

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile, 'utf8');
  ports = createPortFinder();
});

afterAll(async () => {
  ports.close();
  await edge[Symbol.asyncDispose]();
});

async function laptop(name: string) {
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
  await reached(agent, (s) => s.link.state === 'up' && s.servicesKnown);
  return { agentId, agent, allowed, [Symbol.asyncDispose]: () => agent.close() };
}

function reached(agent: Agent, fits: (snapshot: AgentSnapshot) => boolean): Promise<AgentSnapshot> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!fits(agent.snapshot())) return;
      stop();
      resolve(agent.snapshot());
    };
    const stop = agent.onChange(look);
    look();
  });
}

const status = (id: string, wanted: ServiceView['status']) => (snapshot: AgentSnapshot) =>
  snapshot.services.some((s) => s.id === id && s.status === wanted);

/** A server that says `word` to everybody; how often it was asked. */
async function saying(word: string) {
  const seen = { count: 0 };
  const server = createServer((socket) => {
    seen.count++;
    socket.on('error', () => {}).end(word);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await ports.refresh();
  return { seen, port: portOf(server), [Symbol.asyncDispose]: () => new Promise<void>((r) => server.close(() => r())) };
}

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const place = (port: number) => ({ type: 'agent', host: 'localhost', port }) as const;

async function publish(agent: Agent, port: number, agentId?: string): Promise<ServiceView> {
  const made = await agent.control.createService({ mode: 'tcp', targets: [{ port, ...(agentId ? { agentId } : {}) }] });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

const visit = async (service: ServiceView): Promise<string> =>
  (await readAll(await dial(Number(new URL(externalUrl(service.urls)).port)))).toString();

it("lets no other member of the cluster have what a laptop's own service may reach", async () => {
  await using secret = await saying('secret');
  await using victim = await laptop('victim');
  await using member = await laptop('member');
  const own = await publish(victim.agent, secret.port);
  victim.allowed.allow({ service: own.id, ...place(secret.port) });
  await reached(victim.agent, status(own.id, 'active'));
  const stolen = await publish(member.agent, secret.port, victim.agentId);
  const waits = await reached(member.agent, status(stolen.id, 'error'));
  expect(waits.services.find((s) => s.id === stolen.id)?.statusReason).toContain('waits to be allowed');
  expect([await visit(stolen), secret.seen.count]).toEqual(['', 0]);
  expect(await visit(own)).toBe('secret');
  // Nor once the member was let in somewhere else, and then turns its service to what it was after.
  await using open = await saying('open');
  const guest = await publish(member.agent, open.port, victim.agentId);
  await reached(victim.agent, (s) => s.guests.some((g) => g.id === guest.id));
  victim.allowed.allow({ service: guest.id, ...place(open.port) });
  await reached(member.agent, status(guest.id, 'active'));
  expect(await visit(guest)).toBe('open');
  const [target] = guest.targets;
  await member.agent.control.updateService(guest.id, {
    changeTargets: [{ id: target?.id ?? '', port: secret.port }],
  });
  await reached(member.agent, status(guest.id, 'error'));
  expect([await visit(guest), secret.seen.count]).toEqual(['', 1]);
});

it('is bounded to places that were allowed for some service, whatever an edge claims', async () => {
  await using shop = await saying('shop');
  await using private_ = await saying('private');
  const identity = selfSigned();
  await using hostile = new SmallEdge(identity);
  await hostile.start();
  const up = hostile.nextTunnel();
  const allowed: AllowList = createAllowList([{ service: 'shop', ...place(shop.port) }]);
  using link = startLink(hostile, identity.cert, allowed);
  const tunnel = await up;
  const ask = async (port: number, service?: string) => exchange(tunnel, { port, service }, '');
  expect(link.open).toBe(0);
  expect((await ask(shop.port, 'shop')).received).toBe('shop');
  expect((await ask(shop.port, 'other')).reset).toBe(RESET.NOT_ALLOWED);
  for (const service of ['shop', 'other', undefined])
    expect((await ask(private_.port, service)).reset).toBe(RESET.NOT_ALLOWED);
  // An edge of before services were named: any service's place, and nothing else.
  expect((await ask(shop.port, undefined)).received).toBe('shop');
  expect(private_.seen.count).toBe(0);
});

function startLink(to: SmallEdge, caPem: string, allowed: AllowList) {
  const address = { host: '127.0.0.1', port: to.port, domain: 'localhost' };
  const ending = new AbortController();
  const origin = createOriginDialler(allowed, ending.signal);
  const link = createEdgeLink({
    dial: createTunnelDialler({
      address,
      dialler: createEdgeDialler(address, { caPem }),
      agentId: 'a1',
      credential: 'pha_x',
      name: 'laptop',
      version: '1',
      dialOrigin: (target, signal) => origin.dial(target, signal),
      datagrams: createDatagramOrigin(allowed, ending.signal),
      clock: systemClock,
      logger: silentLogger,
    }),
    clock: systemClock,
  });
  return {
    get open() {
      return origin.open;
    },
    [Symbol.dispose]() {
      ending.abort();
      link.close();
    },
  };
}
