/** The bounds of connections and of the handshakes of agents, driven against a real edge. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { expect } from 'vitest';
import { proxyHeader, reach } from '../support/attacks.ts';
import { dial, dialError, echo, readAll, tcpOrigin, untilGone } from '../support/direct.ts';
import { freePort } from '../support/free-port.ts';
import { call, linkLaptop, probe, type RunningEdge } from './edge-stand.ts';
import { driveBounds, LimitedEdge, times } from './limits-stand.ts';

// Nothing here comes near the times, however slow this machine is: each is told from the default by being longer.
const low = new LimitedEdge(
  'connections=40',
  'connections-per-address=5',
  'connections-per-service=3',
  'hello-time=7s',
  'hello-size=4KiB',
  'handshake-time=12s',
  'agent-handshakes=6',
  'agent-handshakes-per-address=3',
);

/** A connection to `port` that comes from `address`, and has said so. */
async function arrive(port: number | undefined, address: string): Promise<Socket> {
  const socket = await dial(port ?? 0);
  socket.write(proxyHeader(address));
  return socket;
}

/** What is gone leaves nothing that the next test would meet. */
async function leave(edge: RunningEdge, sockets: readonly Socket[], laptops = 1): Promise<void> {
  for (const socket of sockets) socket.destroy();
  const open = async (): Promise<number> => {
    const { body } = await probe(edge, '/metrics');
    return Number(/^porthole_connections_open (\d+)$/m.exec(body)?.[1]);
  };
  // Laptops stay.
  await expect.poll(open).toBeLessThanOrEqual(laptops);
}

/** `untilGone`, and when that was. */
async function goneAt(socket: Socket) {
  const gone = await untilGone(socket);
  return { ...gone, at: performance.now() };
}

/** Waits until `socket` has received `part`. */
async function received(socket: Socket, part: string): Promise<void> {
  let text = '';
  while (!text.includes(part)) text += String((await once(socket, 'data'))[0]);
}

/** The own port of a TCP or TLS service that leads to `target`, once it is open. */
async function direct(edge: RunningEdge, mode: 'tcp' | 'tls', target: number): Promise<number> {
  const { credential } = await low.joined();
  const wish = { listenPort: await freePort(), portFallback: true };
  const input = { subdomain: `direct-${mode}`, mode, targets: [{ port: target }], ...wish };
  const { value } = await call(edge, 'POST', '/services', credential, input);
  const { listenPort } = value as { readonly listenPort: number };
  await expect.poll(() => dialError(listenPort)).toBe('');
  return listenPort;
}

/** A ClientHello as Node sends it. */
function helloOf(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: wire, servername }).on('error', () => {});
  });
}

/** An agent's connection that says nothing after TLS. */
async function silentAgent(edge: RunningEdge, address: string): Promise<TLSSocket> {
  const socket = await arrive(edge.ready.httpsPort, address);
  const { domain: servername } = edge.ready;
  const secure = connectTls({ socket, servername, ca: edge.ca, ALPNProtocols: ['porthole/1'] });
  secure.on('error', () => {}).on('end', () => secure.destroy());
  await once(secure, 'secureConnect');
  return secure.resume();
}

const HALF_A_HELLO = Buffer.of(22, 3, 1, 2, 0, 1, 0, 1, 0xfc);

driveBounds('connections', {
  connectionsPerAddress: {
    edge: low,
    seen: 'the connection is closed, and other addresses get in',
    times: 5,
    told: { address: '198.51.100.1' },
    async go(edge) {
      const port = edge.ready.httpPort;
      const held = await times(5, () => arrive(port, '198.51.100.1'));
      for (const socket of held) socket.write('GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n');
      await Promise.all(held.map((socket) => received(socket, ' 404 ')));
      const more = await times(5, () => arrive(port, '198.51.100.1'));
      for (const gone of await Promise.all(more.map(untilGone))) expect(gone.received.length).toBe(0);
      const other = await arrive(port, '198.51.100.2');
      other.write('GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n');
      await received(other, ' 404 ');
      await leave(edge, [...held, other]);
    },
  },
  connectionsPerService: {
    edge: low,
    seen: 'the connection is closed in order, before any byte of the origin',
    times: 5,
    told: { serviceId: expect.any(String) },
    async go(edge) {
      await using origin = await tcpOrigin((socket) => {
        socket.write('hello');
        echo(socket);
      });
      await linkLaptop(edge, await low.joined());
      const port = await direct(edge, 'tcp', origin.port);
      const held = await times(3, (n) => arrive(port, `198.51.100.${n}`));
      await Promise.all(held.map((socket) => received(socket, 'hello')));
      const more = await times(5, (n) => arrive(port, `198.51.101.${n}`));
      expect(await Promise.all(more.map(untilGone))).toEqual(
        more.map(() => ({ received: Buffer.alloc(0), reset: false })),
      );
      await leave(edge, held);
    },
  },
  helloTime: {
    edge: low,
    seen: 'whoever does not finish a ClientHello is closed, on the port of a TLS service too',
    times: 6,
    async go(edge) {
      const ports = [...new Array<number>(5).fill(edge.ready.httpsPort), await direct(edge, 'tls', 9)];
      const from = performance.now();
      const slow = await times(ports.length, (n) => arrive(ports[n], `198.51.102.${n}`));
      for (const socket of slow) socket.write(HALF_A_HELLO);
      const gone = await Promise.all(slow.map(goneAt));
      // By default it would be five seconds.
      for (const { at } of gone) expect(at - from).toBeGreaterThan(6_500);
      for (const { received } of gone.slice(0, 5)) expect(received.length).toBe(0);
      // TLS alert unrecognized_name: nobody else serves that port.
      expect(gone[5]?.received).toEqual(Buffer.of(21, 3, 3, 0, 2, 2, 112));
      await leave(edge, slow);
    },
  },
  helloSize: {
    edge: low,
    seen: 'whoever announces a larger ClientHello is told decode_error',
    times: 5,
    async go(edge) {
      const large = await times(5, (n) => arrive(edge.ready.httpsPort, `198.51.103.${n}`));
      for (const socket of large) socket.write(Buffer.of(22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc));
      const answers = await Promise.all(large.map(readAll));
      expect(answers).toEqual(large.map(() => Buffer.of(21, 3, 3, 0, 2, 2, 50)));
      await leave(edge, large);
    },
  },
  handshakeTime: {
    edge: low,
    seen: 'whoever leaves a handshake unanswered is closed',
    times: 5,
    async go(edge) {
      const hello = await helloOf('nobody.localhost');
      const from = performance.now();
      const silent = await times(5, (n) => arrive(edge.ready.httpsPort, `198.51.104.${n}`));
      for (const socket of silent) socket.write(hello);
      // Its part of the handshake came, and then the end. By default it would be ten seconds.
      for (const { received, at } of await Promise.all(silent.map(goneAt))) {
        expect(received[0]).toBe(22);
        expect(at - from).toBeGreaterThan(11_500);
      }
      await leave(edge, silent);
    },
  },
  agentHandshakesPerAddress: {
    edge: low,
    seen: 'the one of that address that has been silent for longest is cut',
    times: 5,
    told: { address: '198.51.100.5' },
    async go(edge) {
      const other = await silentAgent(edge, '198.51.100.4');
      const agents: TLSSocket[] = [];
      for (let n = 0; n < 8; n++) agents.push(await silentAgent(edge, '198.51.100.5'));
      await Promise.all(agents.slice(0, 5).map(untilGone));
      expect([other, ...agents.slice(5)].map((agent) => agent.destroyed)).toEqual(new Array(4).fill(false));
      await leave(edge, [other, ...agents]);
    },
  },
  agentHandshakes: {
    edge: low,
    seen: 'the one that has been silent for longest is cut, and a laptop gets in',
    times: 5,
    async go(edge) {
      const agents: TLSSocket[] = [];
      for (let n = 0; n < 10; n++) agents.push(await silentAgent(edge, `198.51.105.${n}`));
      const { tunnel } = await linkLaptop(edge, await low.joined());
      expect(tunnel.draining).toBe(false);
      await Promise.all(agents.slice(0, 5).map(untilGone));
      await leave(edge, agents, 2);
    },
  },
  connections: {
    edge: low,
    seen: 'the connection is closed, whoever it is from',
    times: 5,
    async go(edge) {
      const held: Socket[] = [];
      const isFull = async (): Promise<boolean> => {
        const socket = await reach(edge.ready.httpPort ?? 0, proxyHeader(`198.51.106.${held.length}`));
        if (socket === undefined) return true;
        held.push(socket);
        socket.write('GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n');
        return new Promise((resolve) => {
          socket.once('data', () => resolve(false)).once('close', () => resolve(true));
        });
      };
      while (!(await isFull()));
      expect(held.length).toBeGreaterThan(30);
      expect(held.length).toBeLessThanOrEqual(41);
      const more = await times(5, (n) => arrive(edge.ready.httpsPort, `198.51.107.${n}`));
      for (const gone of await Promise.all(more.map(untilGone))) expect(gone.received.length).toBe(0);
      for (const socket of held) socket.destroy();
    },
  },
});
