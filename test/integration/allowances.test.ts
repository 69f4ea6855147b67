/** What a laptop allowed to one service is no other one's: against another member of the cluster, and against an edge. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AllowList, createAllowList } from '../../main/agent/allow-list.ts';
import { createDatagramOrigin } from '../../main/agent/datagram-origin.ts';
import { createEdgeDialler } from '../../main/agent/edge-dialler.ts';
import { createEdgeLink } from '../../main/agent/edge-link.ts';
import { createOriginDialler } from '../../main/agent/origin.ts';
import { createTunnelDialler } from '../../main/agent/tunnel-dialler.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { RESET } from '../../shared/wire/codes.ts';
import { selfSigned } from '../support/certificate.ts';
import { dial, untilGone } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { hasStatus, Laptop, localPort, publicUrl } from '../support/laptop.ts';
import { exchange, SmallEdge } from '../support/small-edge.ts';

const edge = new EdgeProcess();

beforeAll(async () => {
  await edge.start();
});

afterAll(() => edge[Symbol.asyncDispose]());

/** A server that says `word` to everybody who speaks, as an agent's own look doesn't; how often it was asked. */
async function saying(word: string) {
  const seen = { count: 0 };
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        seen.count++;
        socket.end(word);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { seen, port: portOf(server), [Symbol.asyncDispose]: () => new Promise<void>((r) => server.close(() => r())) };
}

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const publish = (from: Laptop, port: number, agentId?: string): Promise<ServiceView> =>
  from.create({ mode: 'tcp', targets: [{ port, ...(agentId === undefined ? {} : { agentId }) }] });

async function visit(service: ServiceView): Promise<string> {
  const visitor = await dial(Number(publicUrl(service).port));
  visitor.write('who is there?');
  return (await untilGone(visitor)).received.toString();
}

it("lets no other member of the cluster have what a laptop's own service may reach", async () => {
  await using secret = await saying('secret');
  await using victim = await Laptop.join(edge, 'victim');
  await using member = await Laptop.join(edge, 'member');
  const own = await publish(victim, secret.port);
  victim.allowed.allow({ service: own.id, ...localPort(secret.port) });
  await victim.reached(hasStatus(own.id, 'active'));
  const stolen = await publish(member, secret.port, victim.agentId);
  const waits = await member.reached(hasStatus(stolen.id, 'error'));
  expect(waits.services.find((s) => s.id === stolen.id)?.statusReason).toContain('waits to be allowed');
  expect([await visit(stolen), secret.seen.count]).toEqual(['', 0]);
  expect(await visit(own)).toBe('secret');
  // Nor once the member was let in somewhere else, and then turns its service to what it was after.
  await using open = await saying('open');
  const guest = await publish(member, open.port, victim.agentId);
  await victim.reached((s) => s.guests.some((g) => g.id === guest.id));
  victim.allowed.allow({ service: guest.id, ...localPort(open.port) });
  await member.reached(hasStatus(guest.id, 'active'));
  expect(await visit(guest)).toBe('open');
  const [target] = guest.targets;
  await member.agent.control.updateService(guest.id, {
    changeTargets: [{ id: target?.id ?? '', port: secret.port }],
  });
  await member.reached(hasStatus(guest.id, 'error'));
  expect([await visit(guest), secret.seen.count]).toEqual(['', 1]);
});

it('is bounded to places that were allowed for some service, whatever an edge claims', async () => {
  await using shop = await saying('shop');
  await using private_ = await saying('private');
  const identity = selfSigned();
  await using hostile = new SmallEdge(identity);
  await hostile.start();
  const up = hostile.nextTunnel();
  const allowed: AllowList = createAllowList([{ service: 'shop', ...localPort(shop.port) }]);
  using link = startLink(hostile, identity.cert, allowed);
  const tunnel = await up;
  const ask = async (port: number, service?: string) => exchange(tunnel, { port, service }, 'who is there?');
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
