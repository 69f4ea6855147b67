import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dialName, splitHost } from '../../shared/domain/hostname.ts';
import { isLoopback } from '../listen/address.ts';
import type { Metrics } from './metrics.ts';

/** What the probes answer from. Ready depends on neither other nodes nor the store: see docs on running an edge. */
export interface HealthState {
  /** True from the moment that everything serves. */
  started: boolean;
  /** True while new visitors are welcome. */
  ready: boolean;
}

/**
 * The listener beside the public ones: `/healthz/live`, `/healthz/ready`, `/healthz/startup`, `/metrics`. On loopback it
 * answers under names of loopback only: a page elsewhere can point its own name at 127.0.0.1 and have the browser of
 * whoever sits here read what that answers. `refresh` brings what the metrics read up to date.
 */
export function createHealthServer(
  state: HealthState,
  metrics: Metrics,
  refresh = async (): Promise<void> => {},
): Server {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 });
  server.maxConnections = 100;
  let confined = true;
  server.on('listening', () => {
    confined = isConfined(server);
  });
  server.on('request', (request, response) => {
    request.resume();
    if (confined && !namesLoopback(request.headers.host)) {
      plain(response, 421, 'misdirected request');
      return;
    }
    answer(request, response, state, metrics, refresh).catch((error: unknown) => {
      plain(response, 500, error instanceof Error ? error.message : 'failed');
    });
  });
  return server;
}

/** Whether only this machine can reach `server`. */
function isConfined(server: Server): boolean {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null && isLoopback(bound.address);
}

/** Whether a `Host` is one of this machine's own. Who sends none (HTTP/1.0) is no browser. */
function namesLoopback(header: string | undefined): boolean {
  if (header === undefined) return true;
  const split = splitHost(header);
  if (split === undefined) return false;
  const name = dialName(split.name);
  return isLoopback(name) || name.endsWith('.localhost');
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  state: HealthState,
  metrics: Metrics,
  refresh: () => Promise<void>,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return plain(response, 405, 'method not allowed');
  }
  switch ((request.url ?? '').split('?', 1)[0]) {
    case '/healthz/live':
      return plain(response, 200, 'live');
    case '/healthz/ready':
      return plain(response, state.ready ? 200 : 503, state.ready ? 'ready' : 'not ready');
    case '/healthz/startup':
      return plain(response, state.started ? 200 : 503, state.started ? 'started' : 'starting');
    case '/metrics': {
      await refresh();
      const text = await metrics.text();
      response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text);
      return undefined;
    }
    default:
      return plain(response, 404, 'not found');
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${text}\n`);
}
