/**
 * Edge and agent of one TCP service over a tunnel without TLS, which nothing else in this repository can make: to
 * compare like with like where the others don't encrypt either. The same relay, tunnel and origin dialler as always,
 * without what surrounds them (TLS, handshake, store, access log).
 *
 *   node plain-tunnel.ts edge ORIGIN_PORT      prints {"port": …, "tunnel": …}
 *   node plain-tunnel.ts agent TUNNEL_PORT     prints {"up": true}
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { DEFAULT_LIMITS } from '../../edge/limits.ts';
import { Relay } from '../../edge/relay/relay.ts';
import type { DirectRoute } from '../../edge/visit.ts';
import { createOriginDialler } from '../../main/agent/origin.ts';
import { serveOrigin } from '../../main/agent/origin-stream.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { createTunnel, type Tunnel } from '../../shared/node/tunnel.ts';
import { encodeOpen, type OpenRequest } from '../../shared/wire/open.ts';
import { openerOver } from '../support/tunnel-pair.ts';

const around = { clock: systemClock, logger: silentLogger };
const [role, port] = [process.argv[2], Number(process.argv[3])];

function routeTo(origin: number): DirectRoute {
  const open: OpenRequest = {
    type: 'agent',
    host: 'localhost',
    port: origin,
    tls: false,
    skipTlsVerify: false,
    connectTimeout: 5_000,
  };
  return {
    serviceId: 'bench',
    domain: 'bench.localhost',
    mode: 'tcp',
    listenPort: 0,
    target: {
      id: 'bench',
      agentId: 'bench',
      label: `port ${origin}`,
      prefix: '/',
      authority: `localhost:${origin}`,
      open: encodeOpen(open),
    },
    connectTimeout: open.connectTimeout,
    idleTimeout: 300_000,
    proxyProtocol: false,
  };
}

async function listen(onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function edge(origin: number): Promise<void> {
  let link: Tunnel | undefined;
  const relay = new Relay({
    tunnels: openerOver(() => link),
    record: () => {},
    onDial: () => {},
    nodeId: 'bench',
    clock: systemClock,
    log: silentLogger,
    limits: DEFAULT_LIMITS,
  });
  const route = routeTo(origin);
  const tunnel = await listen((socket) => {
    link = createTunnel({ ...around, socket, role: 'edge', onClose: () => process.exit(0) });
  });
  const visitors = await listen((socket) => relay.serve({ socket }, route));
  console.log(JSON.stringify({ port: visitors, tunnel }));
}

async function agent(tunnel: number): Promise<void> {
  const everything = { isAllowed: () => true, awaited: () => undefined, onChange: () => () => {} };
  const dialler = createOriginDialler(everything, new AbortController().signal);
  const noDatagrams = {
    serve: () => {
      throw new Error('no datagrams here');
    },
  };
  const socket = net.connect({ port: tunnel, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  createTunnel({
    ...around,
    socket,
    role: 'agent',
    onOpen: (stream, payload) =>
      serveOrigin(stream, payload, (target, signal) => dialler.dial(target, signal), noDatagrams),
    onClose: () => process.exit(0),
  });
  console.log(JSON.stringify({ up: true }));
}

await (role === 'edge' ? edge(port) : agent(port));
