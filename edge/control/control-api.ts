import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { API_PREFIX } from '../../shared/contract/control-api.ts';
import { failure } from '../../shared/domain/failure.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { AgentFeeds } from './agent-feeds.ts';
import { type ControlContext, type ControlOptions, DEFAULT_LIMITS } from './context.ts';
import { ExposureReaper, REAP_INTERVAL } from './exposure-reaper.ts';
import { Gate } from './gate.ts';
import { DEFAULT_PORT_RULES } from './port-rules.ts';
import { explain, refuse, refuseConnection } from './refusal.ts';
import { addAgentRoutes } from './routes-agents.ts';
import { addServiceRoutes } from './routes-services.ts';
import { addShareRoutes } from './routes-shares.ts';
import { addStreamRoutes } from './routes-streams.ts';
import { ServiceViews } from './service-views.ts';
import { StreamCount } from './stream-count.ts';

export interface ControlApi {
  /** Takes over a connection (after its TLS handshake) to the cluster's own name. */
  handleConnection(socket: Socket): void;
  /** What `cluster()` yields has changed: watchers are told. */
  clusterChanged(): void;
  /** Connections open now. */
  readonly connections: number;
  /** Ends streams and idle connections, gives calls under way `grace` milliseconds. Idempotent. */
  close(grace: number): Promise<void>;
}

/** The control API (`shared/contract/control-api.ts`) over connections that it is handed; it listens nowhere itself. */
export async function createControlApi(options: ControlOptions): Promise<ControlApi> {
  const clock = options.clock ?? systemClock;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { store, facts, cluster, log } = options;
  const views = new ServiceViews(store, facts, cluster);
  const context: ControlContext = {
    ...options,
    clock,
    limits,
    views,
    feeds: new AgentFeeds(store, facts, views, clock, log),
    gate: new Gate(store, options.throttle, options.sourceOf),
    streams: new StreamCount(limits.streams),
    rules: {
      domain: cluster().domain,
      now: () => clock.now(),
      random: options.random,
      ports: options.ports ?? DEFAULT_PORT_RULES,
    },
  };
  const { app, server } = createApp(context);
  addAgentRoutes(app, context);
  addServiceRoutes(app, context);
  addShareRoutes(app, context);
  const { clusterChanged } = addStreamRoutes(app, context);
  await app.ready();
  // Node starts to enforce its request timeouts when a server begins to listen. This one never does.
  server.emit('listening');
  return serve(app, server, context, clusterChanged);
}

function createApp(context: ControlContext): { app: FastifyInstance; server: Server } {
  const { limits } = context;
  let server: Server | undefined;
  const app = fastify({
    bodyLimit: limits.body,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    frameworkErrors: (_error, _request, reply) => {
      refuse(reply, failure('input_invalid', { reason: 'The address of the call is not valid.' }));
    },
    clientErrorHandler: refuseConnection,
    serverFactory: (handler) => {
      server = createServer(
        {
          headersTimeout: limits.headTimeout,
          requestTimeout: limits.requestTimeout,
          connectionsCheckingInterval: limits.checkInterval,
          keepAliveTimeout: 65_000,
          maxHeaderSize: 16 * 1024,
        },
        handler,
      );
      return server;
    },
  });
  // The API speaks JSON only; a body that calls itself anything else is refused before it is read.
  app.removeContentTypeParser('text/plain');
  const { settled } = context;
  if (settled !== undefined)
    app.addHook('onSend', async (request, reply) => {
      if (request.method !== 'GET' && request.method !== 'HEAD' && reply.statusCode < 300) await settled();
    });
  app.setErrorHandler((error: FastifyError, request, reply) => refuse(reply, explain(error, request, context.log)));
  app.setNotFoundHandler((request, reply) => answerUnknown(context, request, reply));
  if (server === undefined) throw new Error('fastify made no server');
  return { app, server };
}

function serve(app: FastifyInstance, server: Server, context: ControlContext, clusterChanged: () => void): ControlApi {
  const sockets = new Set<Socket>();
  const reaper = new ExposureReaper(context);
  const stopReaper = context.clock.setInterval(() => void reaper.look(), REAP_INTERVAL);
  let onEmpty = (): void => {};
  let closing: Promise<void> | undefined;
  async function close(grace: number): Promise<void> {
    stopReaper();
    context.feeds.close();
    server.closeIdleConnections();
    const cancel = context.clock.setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, grace);
    if (sockets.size > 0) {
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
    }
    cancel();
    await app.close();
  }
  return {
    handleConnection(socket) {
      if (closing !== undefined || sockets.size >= context.limits.connections) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        if (sockets.size === 0) onEmpty();
      });
      server.emit('connection', socket);
    },
    clusterChanged,
    get connections() {
      return sockets.size;
    },
    close(grace) {
      closing ??= close(grace);
      return closing;
    },
  };
}

function answerUnknown(context: ControlContext, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '';
  if (path === API_PREFIX || path.startsWith(`${API_PREFIX}/`))
    return refuse(reply, failure('channel_unknown', { channel: `${request.method} ${path.slice(0, 200)}` }));
  const page = context.renderNotFound(request.raw);
  return reply.code(page.status).headers(page.headers).send(page.body);
}
