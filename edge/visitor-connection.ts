import type { Socket } from 'node:net';
import type { TrustedProxies } from './trusted-proxies.ts';
import type { VisitorConnection } from './visit.ts';

/** What is known of a visitor's connection; `serverName` only over TLS. */
export function visitorConnection(socket: Socket, proxies: TrustedProxies, serverName?: string): VisitorConnection {
  return {
    ...(proxies.trusts(socket.remoteAddress) ? { proxies } : {}),
    secure: serverName !== undefined,
    localPort: socket.localPort ?? 0,
    peerAddress: socket.remoteAddress ?? '',
    serverName,
  };
}
