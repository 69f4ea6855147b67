import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { loadScreens } from '../app/screens.ts';
import { createAccess } from './access.ts';
import { createPages } from './pages.ts';
import { createSockets, SOCKET_LIMITS, type SocketApp, type SocketLimits } from './sockets.ts';

const CONNECTIONS_AT_ONCE = 256;

export interface WebShellOptions {
  readonly app: SocketApp;
  /** The folder of the built renderer. */
  readonly screens: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly limits?: SocketLimits;
  /** Milliseconds, monotonic; for tests. */
  readonly now?: () => number;
}

/** One single-use token in the forms in which people can use it. */
export interface Link {
  /** Under a name of its own, so that no other local server shares its cookies. Browsers resolve it by themselves. */
  readonly browser: string;
  /** For what cannot resolve `*.localhost`. */
  readonly plain: string;
}

export interface WebShell {
  readonly port: number;
  /** A new link, valid for two minutes, once. A `private` one, fit for a command line, opens for this user only. */
  newLink(kind?: 'private'): Link;
  close(): Promise<void>;
}

/** Serves the app's window to browsers on 127.0.0.1. Rejects when the screens are not built or the port is taken. */
export async function startWebShell(options: WebShellOptions): Promise<WebShell> {
  const name = `p-${randomBytes(8).toString('hex')}.localhost`;
  const access = createAccess({
    now: options.now ?? (() => performance.now()),
    random: randomBytes,
    names: [name, '127.0.0.1', 'localhost'],
  });
  const pages = createPages(access, await loadScreens(options.screens));
  const sockets = createSockets(options.app, access, options.limits ?? SOCKET_LIMITS);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, maxHeaderSize: 16 * 1024 }, pages);
  server.maxConnections = CONNECTIONS_AT_ONCE;
  server.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server has an `AddressInfo`; only pipes have strings.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    newLink(kind) {
      const token = access.issue(kind);
      return {
        browser: `http://${name}:${port}/login?token=${token}`,
        plain: `http://127.0.0.1:${port}/login?token=${token}`,
      };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      await sockets.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
