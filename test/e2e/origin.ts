import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { selfSigned } from '../support/certificate.ts';

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

/** A request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function tell(
  request: IncomingMessage | Http2ServerRequest,
  response: Pick<Http2ServerResponse, 'writeHead' | 'end'>,
): Promise<void> {
  const { method, url = '', httpVersion: version, headers } = request;
  let body = '';
  for await (const chunk of request) body += chunk;
  if (url.endsWith('/never')) return;
  if (url.endsWith('/go')) response.writeHead(302, { location: `http://${headers.host}/there` });
  else response.writeHead(url.endsWith('/missing') ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ method, url, version, headers, body }));
}

/**
 * Answers every request with how it arrived (`Arrived`), `/missing` with 404, `/go` with a redirect to its own name, and
 * `/never` not at all. Over TLS it speaks HTTP/2 too; `socket` is the file to listen on instead of a port.
 */
export async function startTeller(how: { readonly secure?: true; readonly socket?: string } = {}): Promise<Origin> {
  const listener = (request: IncomingMessage | Http2ServerRequest, response: Http2ServerResponse): void =>
    void tell(request, response).catch(() => undefined);
  const server: Server =
    how.secure === true
      ? createSecureServer({ ...selfSigned(), allowHTTP1: true }, listener)
      : createServer(listener as unknown as RequestListener);
  const open = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => open.add(socket.on('error', () => undefined)));
  if (how.socket === undefined) server.listen(0, '127.0.0.1');
  else server.listen(how.socket);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
