import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A local server as a visitor of these tests would publish one. */
export interface Origin {
  readonly port: number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Serves a page that says `words` at every path, on loopback. */
export async function startOrigin(words: string): Promise<Origin> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>${words}</title><h1>${words}</h1>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server has an `AddressInfo`.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
