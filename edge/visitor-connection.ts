import type { Socket } from 'node:net';
import type { VisitorConnection } from './visit.ts';

/** What is known of a visitor's connection; `serverName` only over TLS. */
export function visitorConnection(socket: Socket, serverName?: string): VisitorConnection {
  return {
    secure: serverName !== undefined,
    localPort: socket.localPort ?? 0,
    peerAddress: socket.remoteAddress ?? '',
    serverName,
  };
}
