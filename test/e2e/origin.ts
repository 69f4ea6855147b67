import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A local server as a visitor of these tests would publish one. */
export interface Origin {
  readonly port: number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Serves a page that says `words` at every path, on loopback: at `port`, any free one unless told. */
export async function startOrigin(words: string, port = 0): Promise<Origin> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>${words}</title><h1>${words}</h1>`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    // A listening TCP server has an `AddressInfo`.
    port: (server.address() as AddressInfo).port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The same at the lowest free port from 3000 on, where lists of ports have it near the top. */
export async function startLowOrigin(words: string): Promise<Origin> {
  for (let port = 3000; ; port++) {
    try {
      return await startOrigin(words, port);
    } catch (error) {
      if (port === 3999) throw error;
    }
  }
}
