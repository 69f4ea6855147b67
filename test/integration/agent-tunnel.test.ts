/** The agent's link and its origins over real sockets, against the edge's side of a tunnel. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { createAllowList } from '../../main/agent/allow-list.ts';
import { createDatagramOrigin } from '../../main/agent/datagram-origin.ts';
import { createEdgeDialler } from '../../main/agent/edge-dialler.ts';
import { createEdgeLink, type EdgeLink } from '../../main/agent/edge-link.ts';
import { createOriginDialler } from '../../main/agent/origin.ts';
import { createTunnelDialler } from '../../main/agent/tunnel-dialler.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { GO_AWAY, RESET } from '../../shared/wire/codes.ts';
import { selfSigned } from '../support/certificate.ts';
import { exchange, SmallEdge } from '../support/small-edge.ts';

const identity = selfSigned();
const origins: Server[] = [];
/** For what comes by itself; the wait ends when it has. */
const PATIENT = { timeout: 30_000 };

afterEach(() => {
  for (const origin of origins.splice(0)) origin.close();
});

/** An origin that answers with what it got once the client has half-closed. */
const echo = (host: string): Promise<number> => listen(createServer({ allowHalfOpen: true }, reply), host);
const reply = (socket: Socket): void => void socket.on('error', () => {}).pipe(socket);

async function listen(server: Server, host: string): Promise<number> {
  origins.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const allowed = createAllowList();
const allow = (port: number): boolean => allowed.allow({ service: 's1', type: 'agent', host: 'localhost', port });

function startLink(edge: SmallEdge) {
  const address = { host: '127.0.0.1', port: edge.port, domain: 'localhost' };
  const ending = new AbortController();
  const origin = createOriginDialler(allowed, ending.signal);
  const link = createEdgeLink({
    dial: createTunnelDialler({
      address,
      dialler: createEdgeDialler(address, { caPem: identity.cert }),
      agentId: 'a1',
      credential: 'pha_x',
      name: 'Jürgen’s laptop',
      version: '1.2.3',
      dialOrigin: (target, signal) => origin.dial(target, signal),
      datagrams: createDatagramOrigin(allowed, ending.signal),
      clock: systemClock,
      logger: silentLogger,
    }),
  });
  return {
    link,
    origin,
    [Symbol.dispose]() {
      ending.abort();
      link.close();
    },
  };
}

/** Resolves once the link is in `state`. */
function reached(link: EdgeLink, state: EdgeLink['state']['state']): Promise<void> {
  return new Promise((resolve) => {
    const stop = link.onChange(look);
    function look(): void {
      if (link.state.state !== state) return;
      stop();
      resolve();
    }
    look();
  });
}

it('introduces itself and carries bytes to origins on either loopback address', async () => {
  await using edge = new SmallEdge(identity);
  await edge.start();
  const up = edge.nextTunnel();
  using agent = startLink(edge);
  const tunnel = await up;
  expect(edge.hellos).toEqual([
    {
      protocol: 1,
      agentId: 'a1',
      credential: 'pha_x',
      version: '1.2.3',
      name: 'Jürgen’s laptop',
      link: expect.any(String),
    },
  ]);
  for (const host of ['127.0.0.1', '::1']) {
    const port = await echo(host);
    allow(port);
    const answer = await exchange(tunnel, { port }, 'hello');
    expect(answer.received).toBe('hello');
    expect(answer.dialMicros).toBeGreaterThan(0);
    expect(answer.reset).toBeUndefined();
  }
  await reached(agent.link, 'up');
  await expect.poll(() => agent.link.state.roundTrip, PATIENT).toBeGreaterThan(0);
  await expect.poll(() => agent.origin.open, PATIENT).toBe(0);
});

it('refuses what its user has not allowed, and what is not there, with the code for it', async () => {
  await using edge = new SmallEdge(identity);
  await edge.start();
  const up = edge.nextTunnel();
  using _ = startLink(edge);
  const tunnel = await up;
  const open = await echo('127.0.0.1');
  expect((await exchange(tunnel, { port: open }, 'x')).reset).toBe(RESET.NOT_ALLOWED);
  expect((await exchange(tunnel, { port: open, type: 'host', host: '127.0.0.1' }, 'x')).reset).toBe(RESET.NOT_ALLOWED);
  const closed = await echo('127.0.0.1');
  allow(closed);
  origins.pop()?.close();
  expect((await exchange(tunnel, { port: closed }, 'x')).reset).toBe(RESET.REFUSED);
});

it('speaks TLS to an https origin, verified unless that is waived', async () => {
  await using edge = new SmallEdge(identity);
  await edge.start();
  const up = edge.nextTunnel();
  using _ = startLink(edge);
  const tunnel = await up;
  const port = await listen(createTlsServer({ ...selfSigned(), allowHalfOpen: true }, reply), '127.0.0.1');
  allow(port);
  expect((await exchange(tunnel, { port, tls: true }, 'x')).reset).toBe(RESET.UNTRUSTED);
  expect((await exchange(tunnel, { port, tls: true, skipTlsVerify: true }, 'secret')).received).toBe('secret');
});

it('goes down when the edge is killed and comes back when it does', async () => {
  await using edge = new SmallEdge(identity);
  await edge.start();
  using agent = startLink(edge);
  await reached(agent.link, 'up');
  await edge.kill();
  await reached(agent.link, 'down');
  expect(agent.link.state.failure?.code).toMatch(/^(offline|edge_unreachable)$/);
  await edge.start();
  await reached(agent.link, 'up');
  const port = await echo('127.0.0.1');
  allow(port);
  expect((await exchange(edge.tunnels.at(-1) ?? fail(), { port }, 'back')).received).toBe('back');
});

it('moves to a new tunnel when the edge goes away, and lets streams of the old one finish', async () => {
  await using edge = new SmallEdge(identity);
  await edge.start();
  const up = edge.nextTunnel();
  using _ = startLink(edge);
  const old = await up;
  const hold = createServer({ allowHalfOpen: true });
  const port = await listen(hold, '127.0.0.1');
  allow(port);
  const connected = once(hold, 'connection');
  const answer = exchange(old, { port }, 'x');
  const [socket] = await connected;
  const moved = edge.nextTunnel();
  old.goAway(GO_AWAY.SHUTDOWN, 'restarting');
  const next = await moved;
  expect(next).not.toBe(old);
  socket.end('done');
  expect((await answer).received).toBe('done');
  await expect.poll(() => old.closed, PATIENT).toBe(true);
});

it('shows that its credential is refused', async () => {
  await using edge = new SmallEdge(identity);
  edge.refuseWith = GO_AWAY.CREDENTIAL;
  await edge.start();
  using agent = startLink(edge);
  await reached(agent.link, 'down');
  expect(agent.link.state.failure?.code).toBe('credential_unknown');
});

function fail(): never {
  throw new Error('no tunnel');
}
