import { createServer, type Server, type Socket } from 'node:net';
import type { Cidr } from '../../shared/domain/cidr.ts';
import { standInFor } from '../peer.ts';
import type { Admission } from './admission.ts';
import { admitVia } from './proxied.ts';

export interface PlainOptions {
  readonly admission: Admission;
  /** Peers whose PROXY protocol headers are believed. */
  readonly trustedProxies?: readonly Cidr[];
  /** Milliseconds that those have for them. */
  readonly helloTime?: number;
  /** Takes over a connection. */
  readonly visitor: (socket: Socket) => void;
  /** Told of connections that end before they are taken over. */
  readonly onRefused?: (reason: string) => void;
  /** Told of errors of accepting itself. The port stays open. */
  readonly onAcceptError: (error: Error) => void;
}

/**
 * A server for plain HTTP. Services are served over it only by an embedded edge, bound to loopback (`config.ts` sees to
 * that); a public edge redirects (`redirect.ts`).
 */
export function createPlainListener(options: PlainOptions): Server {
  const { admission, visitor, onAcceptError, trustedProxies = [], helloTime, onRefused = ignore } = options;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', ignore);
    admitVia({ admission, trustedProxies, onRefused, time: helloTime }, socket, (source) => {
      if (source !== undefined) standInFor(socket, source);
      visitor(socket);
    });
  });
  server.on('error', (error) => {
    if (server.listening) onAcceptError(error);
  });
  return server;
}

/** Whatever goes wrong closes the socket, and its owner hears of that. */
const ignore = (): void => {};
