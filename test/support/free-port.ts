import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A loopback port that nothing listens on, for TCP. It is none that a system gives to whoever asks for any, nor one that
 * an edge assigns: those may be somebody's a moment later.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(7_000, 10_000);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
