import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Ends `socket` with a TCP reset, so that its peer can't take the end of the connection for the end of the data.
 *
 * Node resets TCP sockets only, and a TLS socket that is destroyed ends like one that was closed. The TCP socket below
 * it is a private field; where it is missing the connection is merely closed.
 */
export function hardReset(socket: Socket): void {
  if (socket.destroyed) return;
  const below: unknown = socket instanceof TLSSocket ? Reflect.get(socket, '_parent') : socket;
  if (below instanceof Socket && !(below instanceof TLSSocket) && !below.destroyed) below.resetAndDestroy();
  socket.destroy();
}
