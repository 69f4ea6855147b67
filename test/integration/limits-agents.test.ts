/** The bounds of agents and their tunnels, driven against real edges. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import { proxyHeader } from '../support/attacks.ts';
import { dial, echo, tcpOrigin, UdpVisitor, untilGone } from '../support/direct.ts';
import { RawVisitor } from '../support/proxy-stand.ts';
import {
  ask,
  call,
  HandshakeRefused,
  joinEdge,
  newToken,
  PUBLIC,
  probe,
  publish,
  type RunningEdge,
  shakeHands,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';
import { driveBounds, LimitedEdge, linesOf, refused, times } from './limits-stand.ts';

const low = new LimitedEdge(
  'streams-per-tunnel=4',
  'carriers-per-tunnel=2',
  'services-per-agent=6',
  'exposures-per-agent=1',
);
const small = new LimitedEdge('memory-per-tunnel=32MiB');

/** The port of a service that leads to `target`, once it is open. */
async function direct(limited: LimitedEdge, mode: 'tcp' | 'tls' | 'udp', target: number): Promise<number> {
  const [edge, { credential }] = await Promise.all([limited.start(), limited.joined()]);
  const input = { subdomain: `direct-${mode}`, mode, targets: [{ port: target }] };
  const { status, value } = await call(edge, 'POST', '/services', credential, input);
  expect([status, value]).toEqual([200, expect.anything()]);
  const { listenPort = edge.ready.httpsPort } = value as { readonly listenPort?: number };
  const isOpen = async (): Promise<boolean> => {
    const services = (await call(edge, 'GET', '/services', credential)).value as readonly ServiceView[];
    return services.some((service) => service.domain.startsWith(`direct-${mode}.`) && service.status !== 'pending');
  };
  await expect.poll(isOpen).toBe(true);
  return listenPort;
}

/** A connection to `port`, and what it says first. */
async function arrive(port: number, first: string | Uint8Array): Promise<Socket> {
  const socket = await dial(port);
  socket.write(Buffer.concat([Buffer.from(proxyHeader('198.51.100.1')), Buffer.from(first)]));
  return socket;
}

/** A ClientHello that asks for `name` and nothing else. */
function helloFor(name: string): Buffer {
  const part = (width: 1 | 2 | 3, ...data: Uint8Array[]): Buffer => {
    const all = Buffer.concat(data);
    const length = Buffer.alloc(width);
    length.writeUIntBE(all.length, 0, width);
    return Buffer.concat([length, all]);
  };
  const serverName = part(2, Buffer.of(0), part(2, Buffer.from(name)));
  const extensions = part(2, Buffer.of(0, 0), part(2, serverName));
  const random = Buffer.alloc(32, 7);
  const body = [Buffer.of(3, 3), random, part(1), part(2, Buffer.of(0x13, 1)), part(1, Buffer.of(0)), extensions];
  return Buffer.concat([Buffer.of(22, 3, 1), part(2, Buffer.of(1), part(3, ...body))]);
}

/** The connection ends in order, without a byte. */
async function isClosed(socket: Socket): Promise<void> {
  expect(await untilGone(socket)).toEqual({ received: Buffer.alloc(0), reset: false });
}

/** Asks for a service, and yields the status and the code of a refusal. */
async function create(edge: RunningEdge, credential: string, more: object = {}): Promise<readonly [number, unknown]> {
  const input = { targets: [{ port: 9 }], ...more };
  const { status, value } = await call(edge, 'POST', '/services', credential, input);
  return [status, (value as { readonly error?: { readonly code: string } }).error?.code];
}

driveBounds('agents', {
  streamsPerTunnel: {
    edge: low,
    seen: 'a connection is closed, a datagram dropped, a request told that it is busy',
    times: 5,
    told: { agentId: expect.any(String) },
    async go(edge) {
      await using origin = await tcpOrigin((socket) => {
        socket.write('hello');
        echo(socket);
      });
      const [tcp, tls, udp] = [
        await direct(low, 'tcp', origin.port),
        await direct(low, 'tls', origin.port),
        await direct(low, 'udp', origin.port),
      ];
      await low.publish('app', origin.port);
      const held = await times(4, () => arrive(tcp, ''));
      await Promise.all(held.map((socket) => once(socket, 'data')));
      await using visitor = await UdpVisitor.to(udp);
      const tries: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['tcp', async () => isClosed(await arrive(tcp, ''))],
        ['tls', async () => isClosed(await arrive(tls, helloFor('direct-tls.localhost')))],
        ['udp', async () => visitor.send(Buffer.from('dropped'))],
        [
          'http',
          async () => {
            const { status, headers } = await ask(edge, 'app.localhost');
            expect([status, headers['x-porthole-failure']]).toEqual([503, 'busy']);
          },
        ],
      ];
      let before = 0;
      for (const [what, go] of tries) {
        await go();
        await expect.poll(async () => [what, await refused(edge, 'streamsPerTunnel')]).toEqual([what, before + 1]);
        before++;
      }
      await isClosed(await arrive(tcp, ''));
      for (const socket of held) socket.resetAndDestroy();
      await expect.poll(async () => (await probe(edge, '/metrics')).body).toContain('\nporthole_streams_open 0\n');
      const again = await arrive(tcp, '');
      await once(again, 'data');
      again.destroy();
    },
  },
  carriersPerTunnel: {
    edge: low,
    seen: 'one more is refused, and the others go on',
    times: 3,
    told: { agentId: expect.any(String) },
    async go(edge) {
      const joined = await low.joined();
      const link = 'link-of-three';
      const carriers = [
        await shakeHands(edge, joined, undefined, { link }),
        await shakeHands(edge, joined, undefined, { link, grows: true }),
      ];
      for (let n = 0; n < 3; n++) {
        const more = await shakeHands(edge, joined, undefined, { link, grows: true }).catch((error: unknown) => error);
        expect(more).toBeInstanceOf(HandshakeRefused);
        expect(more).toMatchObject({ failure: { kind: 'refused', code: GO_AWAY.LIMIT } });
      }
      for (const carrier of carriers) {
        expect(carrier.destroyed).toBe(false);
        carrier.destroy();
      }
    },
  },
  exposuresPerAgent: {
    edge: low,
    seen: '429 exposure_limit',
    told: { agentId: expect.any(String) },
    async go(edge) {
      const { credential } = await low.joined();
      expect(await create(edge, credential, { source: 'ephemeral' })).toEqual([200, undefined]);
      for (let n = 0; n < 3; n++)
        expect(await create(edge, credential, { source: 'ephemeral' })).toEqual([429, 'exposure_limit']);
    },
  },
  servicesPerAgent: {
    edge: low,
    seen: '429 service_limit',
    told: { agentId: expect.any(String) },
    async go(edge) {
      const { credential } = await low.joined();
      const { value } = await call(edge, 'GET', '/services', credential);
      for (let n = (value as unknown[]).length; n < 6; n++)
        expect(await create(edge, credential)).toEqual([200, undefined]);
      for (let n = 0; n < 3; n++) expect(await create(edge, credential)).toEqual([429, 'service_limit']);
    },
  },
  memoryPerTunnel: {
    edge: small,
    seen: 'requests to a laptop that does not read are told that it is busy',
    told: { agentId: expect.any(String) },
    async go(edge) {
      const joined = await small.joined();
      // It has shaken hands, and reads nothing from then on.
      const laptop = await shakeHands(edge, joined);
      await publish(edge, joined, 'app', [{ port: 9 }]);
      const large = `GET / HTTP/1.1\r\nHost: app.localhost\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`;
      const visitors: RawVisitor[] = [];
      const busy = (): number => visitors.filter(({ text }) => text.includes('X-Porthole-Failure: busy')).length;
      while (busy() < 3 && visitors.length < 700) {
        const more = await times(25, () => RawVisitor.connect(edge.ready.httpPort ?? 0));
        for (const visitor of more) visitor.send(large);
        visitors.push(...more);
        await probe(edge, '/healthz/live');
      }
      await expect.poll(busy).toBeGreaterThanOrEqual(3);
      for (const { socket } of visitors) socket.destroy();
      laptop.destroy();
    },
  },
});

describe.runIf(process.platform === 'linux')('an edge of several processes', () => {
  it('counts in one place how many exposures an agent has', async () => {
    using folder = temporaryFolder();
    const args = ['--workers', '2', '--limit', 'exposures-per-agent=2'];
    await using edge = await startEdge(folder.path, [...PUBLIC, ...args]);
    const { credential } = await joinEdge(edge, await newToken(folder.path));
    const made: unknown[] = [];
    for (let n = 0; n < 5; n++) made.push((await create(edge, credential, { source: 'ephemeral' }))[0]);
    expect(made).toEqual([200, 200, 429, 429, 429]);
    expect(await refused(edge, 'exposuresPerAgent')).toBe(3);
    await expect.poll(() => linesOf(edge, 'exposuresPerAgent')[0]).toMatchObject({ limit: 2 });
  });
});
