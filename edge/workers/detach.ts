import type { Socket } from 'node:net';

/**
 * Makes `socket` ready to be passed to another process: nothing is read of it any more, and what was read comes back
 * (it has to travel along). Node has no public way to stop the reads of an accepted socket at once: `pause()` lets
 * them go on until a buffer is full, and what arrives between that and the passing is lost. So this file, and no
 * other, asks the handle itself. `undefined`, and nothing has happened, where that is not possible.
 */
export function detach(socket: Socket): Buffer | undefined {
  if (socket.destroyed || socket.readableEnded) return undefined;
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return undefined;
  const readStop: unknown = Reflect.get(handle, 'readStop');
  if (typeof readStop !== 'function') return undefined;
  Reflect.apply(readStop, handle, []);
  const chunks: Buffer[] = [];
  while (socket.readableLength > 0) {
    const chunk: unknown = socket.read();
    if (!(chunk instanceof Buffer)) break;
    chunks.push(chunk);
  }
  // A read of the stream may have asked the handle for more.
  Reflect.apply(readStop, handle, []);
  return Buffer.concat(chunks);
}

/** Takes over a socket that another process has passed, with what that had read of it. */
export function attach(socket: Socket, bytes: Uint8Array): Socket {
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  if (bytes.length > 0) socket.unshift(bytes);
  return socket;
}
