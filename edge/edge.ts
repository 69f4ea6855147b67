import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ClusterInfo } from '../shared/contract/control-api.ts';
import type { Failure } from '../shared/domain/failure.ts';
import { ok, type Result } from '../shared/domain/result.ts';
import { createLifetime, type Lifetime } from '../shared/node/lifetime.ts';
import { GO_AWAY } from '../shared/wire/codes.ts';
import type { EdgeConfig } from './config.ts';
import { createControlApi } from './control/control-api.ts';
import { Direct } from './direct.ts';
import { createHealthServer, type HealthState } from './health/health-server.ts';
import { createMetrics } from './health/metrics.ts';
import { RequestCounts } from './health/request-counts.ts';
import { createJoinToken, type JoinToken } from './join-token.ts';
import { type EdgeSurroundings, type Knowledge, openKnowledge } from './knowledge.ts';
import { isLoopback } from './listen/address.ts';
import { Admission, sourceOf } from './listen/admission.ts';
import { Front } from './listen/front.ts';
import { type EdgeAddresses, openListeners } from './listen/listeners.ts';
import { createPlainListener } from './listen/plain.ts';
import { createRedirector } from './listen/redirect.ts';
import { nodeMetrics } from './node-metrics.ts';
import { notFoundPage } from './not-found-page.ts';
import { createHttpProxy } from './proxy/proxy.ts';
import { type Changes, RouteFollower } from './route/follower.ts';
import { createRouteStage } from './route/stage.ts';
import { authenticate } from './store/credential.ts';
import type { Store } from './store/store.ts';
import { TunnelAcceptor, type Verdict } from './tunnels/acceptor.ts';
import { TunnelRegistry } from './tunnels/registry.ts';
import { FailureThrottle } from './tunnels/throttle.ts';
import { visitorConnection } from './visitor-connection.ts';

/** A running edge node. */
export interface Edge {
  readonly nodeId: string;
  readonly addresses: EdgeAddresses;
  /** SHA-256 of the certificate that a join link pins, lower-case hex. */
  readonly fingerprint: string;
  /** The file that holds the private CA, when there is one. */
  readonly caFile: string | undefined;
  /** A token with which one laptop may join within `lifetime` milliseconds. */
  createJoinToken(lifetime: number): Promise<Result<JoinToken, Failure>>;
  /** Takes no new visitors, sends agents elsewhere, lets what is under way finish for a while, then closes. */
  drain(): Promise<void>;
  /** Ends everything now, a drain under way too. Idempotent. */
  close(): Promise<void>;
}

/** Milliseconds that visitors' requests have to finish after a drain begins. An embedded edge's only agent ends too. */
const DRAIN_TIME = 30_000;
const EMBEDDED_DRAIN_TIME = 2_000;

/** Milliseconds between two log lines about connections that could not be accepted. */
const ACCEPT_LOG_INTERVAL = 10_000;

/** Starts an edge node. A failure (a taken port, an unwritable folder) leaves nothing running behind. */
export async function startEdge(config: EdgeConfig, around: EdgeSurroundings): Promise<Result<Edge, Failure>> {
  const life = createLifetime();
  try {
    const edge = await build(config, around, life);
    if (!edge.ok) await life[Symbol.asyncDispose]();
    return edge;
  } catch (error) {
    await life[Symbol.asyncDispose]();
    throw error;
  }
}

/** The whole node, top to bottom: what it knows, the way of a visit, who takes which connection, where it listens. */
async function build(config: EdgeConfig, around: EdgeSurroundings, life: Lifetime): Promise<Result<Edge, Failure>> {
  const { clock, logger, version } = around;
  const opened = await openKnowledge(config, around, life);
  if (!opened.ok) return opened;
  const { store, nodeId, certificates, facts, recorder } = opened.value;
  const health: HealthState = { started: false, ready: false };
  const counts = new RequestCounts();

  const admission = new Admission(config.admission);
  const failures = { connections: 0, accepts: 0 };
  let loggedAt = Number.NEGATIVE_INFINITY;
  const onAcceptError = (error: Error): void => {
    failures.accepts++;
    // Out of file descriptors, every attempt fails: one line tells as much as thousands.
    if (clock.monotonic() - loggedAt < ACCEPT_LOG_INTERVAL) return;
    loggedAt = clock.monotonic();
    logger.error('connections cannot be accepted', { error, failed: failures.accepts });
  };
  const onRefused = (reason: string): void => {
    failures.connections++;
    logger.debug('connection refused', { reason });
  };

  // The way of a visit: the stages in their order, then through the proxy into a tunnel.
  const tunnels = new TunnelRegistry((agentId, up) => facts.setAgentUp(agentId, up));
  const routes = new RouteFollower({
    feed: store,
    clock,
    logger,
    onSwap: (table, diff, changes) => {
      direct.apply(diff.direct);
      facts.setRouted(table.revision);
      proxy.endRoutes(diff);
      evictGone(tunnels, store, changes).catch((error: unknown) => logger.error('agents not evicted', { error }));
    },
  });
  const stages = [() => (health.ready ? undefined : 'draining'), createRouteStage(() => routes.table)] as const;
  const proxy = createHttpProxy({
    stages,
    tunnels,
    nodeId,
    clock,
    log: logger,
    record: (record) => {
      counts.count(record);
      recorder.record(record);
    },
    onDial: (target, problem) => facts.dialled(target.agentId, target.id, problem),
  });
  const direct = new Direct({
    config,
    knowledge: opened.value,
    around,
    tunnels,
    admission,
    table: () => routes.table,
    onRefused,
    onAcceptError,
  });
  life.defer(() => proxy.close());
  life.defer(() => direct.close());
  life.defer(() => routes.stop());
  const followed = await routes.start();
  if (!followed.ok) return followed;

  // Who takes which connection.
  const bound: BoundPorts = { https: 0, http: undefined, health: 0 };
  const control = await createControlApi({
    store,
    facts,
    accessLog: recorder,
    cluster: () => clusterInfo(config, opened.value, version, bound),
    renderNotFound: notFoundPage,
    onAgentLeft: (agentId) => tunnels.evict(agentId, GO_AWAY.CREDENTIAL, 'the agent has left'),
    throttle: new FailureThrottle(() => clock.monotonic()),
    sourceOf,
    ports: {
      ...config.servicePorts,
      main: () => bound.https,
      reserved: () => [bound.health, bound.http ?? 0],
    },
    isPortFree: (mode, port) => direct.isPortFree(mode, port),
    log: logger,
    random: randomBytes,
    clock,
  });
  life.defer(() => control.close(0));
  certificates.watch(() => control.clusterChanged());
  const acceptor = createAcceptor(opened.value, tunnels, around);
  life.defer(() => tunnels.close());
  life.defer(() => acceptor.close());
  const front = new Front({
    domain: config.domain,
    secureContext: (name) => certificates.secureContext(name) ?? certificates.defaultContext(),
    defaultContext: () => certificates.defaultContext(),
    admission,
    handlers: {
      tunnel: (socket) => void acceptor.accept(socket),
      api: (socket) => control.handleConnection(socket),
      visitor: (socket, serverName) => proxy.serve(socket, visitorConnection(socket, serverName)),
      passThrough: (socket, serverName, source) => direct.passThrough(socket, serverName, source),
    },
    trustedProxies: config.trustedProxies,
    onRefused,
    onAcceptError,
  });
  const redirect = createRedirector({ domain: config.domain, httpsPort: () => bound.https });
  life.defer(() => redirect.close());
  const plain = {
    admission,
    trustedProxies: config.trustedProxies,
    onRefused,
    onAcceptError,
    visitor: (socket: Socket) =>
      config.embedded ? proxy.serve(socket, visitorConnection(socket)) : redirect.serve(socket),
  };
  life.defer(() => admission.destroyAll());

  // Where it listens.
  const metrics = createMetrics(
    nodeMetrics({
      admission,
      failures,
      counts,
      acceptor,
      recorder,
      tunnels,
      certificates,
      direct,
      table: () => routes.table,
    }),
  );
  const listening = await openListeners(
    { ...config, optionalLoopback: config.embedded },
    {
      health: () => createHealthServer(health, metrics),
      https: () => front.createListener(),
      http: () => createPlainListener(plain),
    },
    life,
  );
  if (!listening.ok) return listening;
  const { addresses, stopAccepting } = listening.value;
  bound.https = addresses.https[0]?.port ?? 0;
  bound.http = addresses.http[0]?.port;
  bound.health = addresses.health.port;
  direct.start();
  control.clusterChanged();
  health.started = true;
  health.ready = true;

  const close = async (): Promise<void> => {
    health.ready = false;
    await life[Symbol.asyncDispose]();
  };
  return ok({
    nodeId,
    addresses,
    fingerprint: certificates.fingerprint,
    caFile: certificates.caFile,
    createJoinToken: (lifetime) => createJoinToken(store, lifetime, clock.now()),
    close,
    drain: async () => {
      const time = config.embedded ? EMBEDDED_DRAIN_TIME : DRAIN_TIME;
      health.ready = false;
      stopAccepting();
      direct.stopAccepting();
      tunnels.drain();
      await Promise.all([proxy.drain(time), direct.relay.drain(time), control.close(time)]);
      await close();
    },
  });
}

function createAcceptor(
  { store, nodeId }: Knowledge,
  registry: TunnelRegistry,
  around: EdgeSurroundings,
): TunnelAcceptor {
  const { clock, logger, version } = around;
  return new TunnelAcceptor({
    registry,
    nodeId,
    version,
    clock,
    logger,
    authenticate: (agentId, credential) => verdictOf(store, agentId, credential),
    sourceOf,
    throttled: (address) => !isLoopback(address),
    // A lease, not configuration: one that can't be written is none of the agent's business.
    onSeen: (agentId) => void store.touchAgent(agentId, clock.now()),
  });
}

interface BoundPorts {
  health: number;
  https: number;
  http: number | undefined;
}

function clusterInfo(
  config: EdgeConfig,
  { nodeId, certificates }: Knowledge,
  version: string,
  ports: BoundPorts,
): ClusterInfo {
  return {
    domain: config.domain,
    version,
    nodeId,
    embedded: config.embedded,
    httpsPort: ports.https,
    // A public edge's plain port serves nothing: it only redirects.
    ...(ports.http === undefined || !config.embedded ? {} : { httpPort: ports.http }),
    fingerprint: certificates.fingerprint,
    ...(certificates.caPem === undefined ? {} : { caPem: certificates.caPem }),
  };
}

async function verdictOf(store: Store, agentId: string, credential: string): Promise<Verdict> {
  const agent = await authenticate(store, credential);
  if (agent.ok) return agent.value.id === agentId ? 'known' : 'unknown';
  return agent.error.code === 'credential_unknown' ? 'unknown' : 'unavailable';
}

/** Ends the tunnels of agents that have left. After a gap in the feed nobody said who: the store is asked. */
async function evictGone(tunnels: TunnelRegistry, store: Store, changes: Changes): Promise<void> {
  for (const agentId of changes.removedAgents) tunnels.evict(agentId, GO_AWAY.CREDENTIAL, 'the agent has left');
  if (!changes.reset || tunnels.size === 0) return;
  const agents = await store.agents();
  if (!agents.ok) return;
  const known = new Set(agents.value.map((agent) => agent.id));
  for (const agentId of tunnels.agentIds())
    if (!known.has(agentId)) tunnels.evict(agentId, GO_AWAY.CREDENTIAL, 'the agent has left');
}
