import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isUnder, splitHost } from '../../shared/domain/hostname.ts';
import type { BoundName, BoundWatch } from '../bounds.ts';
import type { Limits } from '../limits.ts';

/** Milliseconds between two looks for heads that are too slow. */
const CHECK_INTERVAL = 1_000;

export interface RedirectOptions {
  /** The cluster's domain, lower-case: only names under it are sent on, so nobody is sent anywhere else. */
  readonly domain: string;
  /** The main port. */
  readonly httpsPort: () => number;
  /** For a request's head; `headerTime` is also how long a connection without one stays. */
  readonly limits: Pick<Limits, 'headerSize' | 'headerTime'>;
  readonly bounds: BoundWatch;
}

export interface Redirector {
  /** Takes over a connection of the plain port. */
  serve(socket: Socket): void;
  close(): void;
}

/** What is answered to heads that are none, and the bound that they are beyond. */
const HEAD_FAULTS: ReadonlyMap<string, readonly [status: string, bound: BoundName]> = new Map([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'headerSize']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'headerTime']],
]);

/** Where `host` and `target` of a plain request are found over TLS; `undefined` for names that are not ours. */
export function httpsAddress(
  host: string | undefined,
  target: string,
  options: Pick<RedirectOptions, 'domain' | 'httpsPort'>,
): string | undefined {
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
  const { limits, bounds } = options;
  const { headerSize: maxHeaderSize, headerTime } = limits;
  const server = createServer({
    maxHeaderSize,
    headersTimeout: headerTime,
    requestTimeout: headerTime,
    connectionsCheckingInterval: CHECK_INTERVAL,
  });
  server.on('request', (request: IncomingMessage, response) => {
    const location = httpsAddress(request.headers.host, request.url ?? '', options);
    response.shouldKeepAlive = false;
    if (location === undefined) response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing lives here.\n');
    else response.writeHead(308, { location, 'content-length': 0 }).end();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const [status, bound] = HEAD_FAULTS.get(error.code ?? '') ?? ['400 Bad Request'];
    if (bound !== undefined) bounds.hit(bound, { address: socket.remoteAddress });
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    socket.destroySoon();
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  // It never listens, and Node starts the timeouts of requests when a server does.
  server.emit('listening');
  return {
    serve(socket) {
      socket.setTimeout(headerTime, () => socket.destroy());
      server.emit('connection', socket);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
