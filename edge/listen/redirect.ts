import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isUnder, splitHost } from '../../shared/domain/hostname.ts';

/** Milliseconds for a request's head; also until a connection without one is closed. */
const HEAD_TIMEOUT = 10_000;
const MAX_HEAD = 16 * 1024;

export interface RedirectOptions {
  /** The cluster's domain, lower-case: only names under it are sent on, so nobody is sent anywhere else. */
  readonly domain: string;
  /** The main port. */
  readonly httpsPort: () => number;
}

export interface Redirector {
  /** Takes over a connection of the plain port. */
  serve(socket: Socket): void;
  close(): void;
}

/** Where `host` and `target` of a plain request are found over TLS; `undefined` for names that are not ours. */
export function httpsAddress(host: string | undefined, target: string, options: RedirectOptions): string | undefined {
  const name = splitHost(host ?? '')?.name;
  if (name === undefined || !isUnder(name, options.domain) || !target.startsWith('/')) return undefined;
  const port = options.httpsPort();
  return `https://${name}${port === 443 ? '' : `:${port}`}${target}`;
}

/**
 * The plain port of a public edge: a 308 (RFC 9110 section 15.4.9: method and body stay) to the same address over TLS,
 * one answer a connection. Nothing is ever served here.
 */
export function createRedirector(options: RedirectOptions): Redirector {
  const server = createServer({ maxHeaderSize: MAX_HEAD, headersTimeout: HEAD_TIMEOUT, requestTimeout: HEAD_TIMEOUT });
  server.on('request', (request: IncomingMessage, response) => {
    const location = httpsAddress(request.headers.host, request.url ?? '', options);
    response.shouldKeepAlive = false;
    if (location === undefined) response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing lives here.\n');
    else response.writeHead(308, { location, 'content-length': 0 }).end();
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  // It never listens, and Node starts the timeouts of requests when a server does.
  server.emit('listening');
  return {
    serve(socket) {
      socket.setTimeout(HEAD_TIMEOUT, () => socket.destroy());
      server.emit('connection', socket);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
