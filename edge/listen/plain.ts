import { createServer, type Server, type Socket } from 'node:net';
import type { Admission } from './admission.ts';

export interface PlainOptions {
  readonly admission: Admission;
  /** Takes over a connection. */
  readonly visitor: (socket: Socket) => void;
  /** Told of errors of accepting itself. The port stays open. */
  readonly onAcceptError: (error: Error) => void;
}

/** A server for plain HTTP. Only ever bound to loopback, and only by an embedded edge: `config.ts` sees to that. */
export function createPlainListener({ admission, visitor, onAcceptError }: PlainOptions): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', ignore);
    if (admission.admit(socket)) visitor(socket);
  });
  server.on('error', (error) => {
    if (server.listening) onAcceptError(error);
  });
  return server;
}

/** Whatever goes wrong closes the socket, and its owner hears of that. */
const ignore = (): void => {};
