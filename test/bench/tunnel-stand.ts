/**
 * The edge's side of thousands of agents' tunnels, whoever they are: prints {"port": …}. For what an idle one costs;
 * with the argument `bare`, TLS connections and nothing else, to know what of that is TLS's own.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { TunnelAcceptor } from '../../edge/tunnels/acceptor.ts';
import { TunnelRegistry } from '../../edge/tunnels/registry.ts';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { selfSigned } from '../support/certificate.ts';

const bare = process.argv[2] === 'bare';
const kept = new Set<TLSSocket>();
const acceptor = new TunnelAcceptor({
  registry: new TunnelRegistry(() => {}),
  nodeId: 'bench',
  version: '0',
  clock: systemClock,
  logger: silentLogger,
  authenticate: async () => 'known',
  sourceOf: (address) => address,
  throttled: () => false,
  onSeen: () => {},
});
const server = createServer(
  { ...selfSigned(), ALPNProtocols: [TUNNEL_ALPN], minVersion: 'TLSv1.3', allowHalfOpen: true },
  (socket) => {
    if (bare) kept.add(socket.on('error', () => {}).resume());
    else void acceptor.accept(socket);
  },
);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
await once(server, 'listening');
console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
