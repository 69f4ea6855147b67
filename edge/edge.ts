import type { Server, Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Failure } from '../shared/domain/failure.ts';
import { ok, type Result } from '../shared/domain/result.ts';
import type { Lifetime } from '../shared/node/lifetime.ts';
import type { StreamOpener } from '../shared/node/stream.ts';
import { GO_AWAY } from '../shared/wire/codes.ts';
import { openAccess, type Restricted } from './access/open-access.ts';
import { createAccessStage } from './access/stage.ts';
import { Hasher } from './auth/argon2.ts';
import { type Auth, createAuth } from './auth/auth.ts';
import { loadClusterKey } from './auth/cluster-key.ts';
import { RETURN_PATH } from './auth/sso/return-page.ts';
import { createSso } from './auth/sso/sso.ts';
import { Bounds } from './bounds.ts';
import type { HandshakeCertificates } from './certificates/certificates.ts';
import type { EdgeConfig } from './config.ts';
import { Direct } from './direct.ts';
import type { HealthState } from './health/health-server.ts';
import { RequestCounts } from './health/request-counts.ts';
import type { Insight, Surroundings } from './knowledge.ts';
import type { Limits } from './limits.ts';
import { isLoopback } from './listen/address.ts';
import { Admission } from './listen/admission.ts';
import { Front, type FrontOptions } from './listen/front.ts';
import { createPlainListener } from './listen/plain.ts';
import { createRedirector } from './listen/redirect.ts';
import { countRefused } from './listen/refused-at.ts';
import type { ClaimPort } from './listen/service-ports.ts';
import type { CountingParts } from './node-metrics.ts';
import { sourceOf } from './peer.ts';
import { createHttpProxy, type HttpProxy } from './proxy/proxy.ts';
import type { Endpoint } from './proxy-header.ts';
import { type Changes, RouteFollower } from './route/follower.ts';
import { createRouteStage, targetStage } from './route/stage.ts';
import type { RouteTable } from './route/table.ts';
import { authenticate } from './store/credential.ts';
import type { Store } from './store/store.ts';
import { TrustedProxies } from './trusted-proxies.ts';
import { TunnelAcceptor, type Verdict } from './tunnels/acceptor.ts';
import { TunnelRegistry } from './tunnels/registry.ts';
import { FailureThrottle, type ThrottleLimits } from './tunnels/throttle.ts';
import type { Route, Stage, Visit } from './visit.ts';
import { visitorConnection } from './visitor-connection.ts';

/** Milliseconds between two log lines about connections that could not be accepted. */
const ACCEPT_LOG_INTERVAL = 10_000;

/** HTTP/2 connections that may be ended for misuse before their source is offered HTTP/1.1 alone, for a while. */
const MISUSE: ThrottleLimits = { burst: 8, forgiveAfter: 10_000, sources: 10_000 };

/** What the ways of visitors and agents need of what is around them. */
export interface WayParts {
  readonly config: EdgeConfig;
  readonly around: Surroundings;
  readonly insight: Insight;
  readonly health: HealthState;
  /** The main port. */
  readonly httpsPort: () => number;
  /** Takes over a connection to the control API. */
  readonly toApi: (socket: TLSSocket) => void;
  /** What is particular where several processes serve the same ports. */
  readonly shared?: SharedWays;
}

/** How a process serves ports that others serve too. */
export interface SharedWays {
  /** Which of these processes this is, and how many there are. */
  readonly place: { readonly worker: number; readonly workers: number };
  /** The links of agents to the node, of which those to this process are a part. */
  readonly reach: (own: StreamOpener) => StreamOpener;
  readonly divert: NonNullable<FrontOptions['divert']>;
  readonly claim: ClaimPort;
}

/** The ways of visitors and agents through one process, with everything on them that counts. */
export interface Ways extends Omit<CountingParts, 'recorder' | 'certificates'> {
  readonly bounds: Bounds;
  readonly tunnels: TunnelRegistry;
  readonly direct: Direct;
  /** Servers for the main port and for plain HTTP, that don't listen yet; one for each address. */
  readonly https: () => Server;
  readonly http: () => Server;
  /** Takes over a connection to the main port that another process has accepted. */
  adopt(socket: Socket, source: Endpoint | undefined): void;
  /** Takes no new visitors on ports of services, tells agents to move, lets what is under way finish for `time` ms. */
  drain(time: number): Promise<void>;
}

/** Everything between the listeners and the tunnels: the way of a visit, and who takes which connection. */
export async function openWays(parts: WayParts, life: Lifetime): Promise<Result<Ways, Failure>> {
  const { config, around, insight, health, httpsPort, toApi, shared } = parts;
  const { clock, logger } = around;
  const { store, nodeId, certificates, facts, recorder } = insight;
  const counts = new RequestCounts();

  const { limits } = config;
  const bounds = new Bounds(limits, clock, logger);
  life.defer(() => bounds.close());
  // Neighbours behind the same address still have HTTP/1.1; attacks on HTTP/2 have nothing.
  const misuse = new FailureThrottle(() => clock.monotonic(), MISUSE);
  const admission = new Admission({ total: limits.connections, perSource: limits.connectionsPerAddress }, bounds);
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
    countRefused(bounds, reason);
    logger.debug('connection refused', { reason });
  };

  // The way of a visit: the stages in their order, then through the proxy into a tunnel.
  const tunnels = new TunnelRegistry((agentId, up) => facts.setAgentUp(agentId, up), {
    clock,
    bounds,
    limits: {
      carriers: config.limits.carriersPerTunnel,
      streams: config.limits.streamsPerTunnel,
      memory: config.limits.memoryPerTunnel,
    },
  });
  const reached = shared?.reach(tunnels) ?? tunnels;
  let routed = 0;
  /** A table counts as routed when visitors can be judged by it, and never gives way to an older one. */
  const setRouted = (revision: number): void => {
    routed = Math.max(routed, revision);
    facts.setRouted(routed);
  };
  const limited: Restricted = {
    restrictionsOf: (id) => routes.table.route(id)?.restrictions,
    endVisits: (gone, code) => proxy.endVisits(gone, code),
    recheck: (ids) => direct.recheck(ids),
  };
  const routes = new RouteFollower({
    feed: store,
    clock,
    logger,
    onSwap: (table, diff, changes) => {
      direct.apply(diff.direct);
      proxy.endRoutes(diff);
      restricted.follow(changes.services, limited);
      void restricted.ready().then(() => setRouted(table.revision));
      endSignedOut(auth, table, changes, proxy);
      evictGone(tunnels, store, changes).catch((error: unknown) => logger.error('agents not evicted', { error }));
    },
  });
  const restricted = openAccess(
    { countryDatabase: config.access.countryDatabase, around, reputation: insight.reputation },
    life,
  );
  const key = loadClusterKey(config.dataDir, config.secretKeyFile);
  if (!key.ok) return key;
  const routeOf = (id: string): Route | undefined => routes.table.route(id);
  const { domain, providers } = config;
  const redirectUri = (): string => `https://${domain}${httpsPort() === 443 ? '' : `:${httpsPort()}`}${RETURN_PATH}`;
  const sso = providers.length === 0 ? [] : [createSso({ providers, key: key.value, redirectUri, clock, log: logger })];
  // Where several processes serve visitors, each compares in one thread only.
  const hasher = new Hasher(config.workers > 1 ? { slots: 1 } : {});
  const auth = createAuth({ store, hasher, routeOf, domain, key: key.value, clock, log: logger, methods: sso });
  life.defer(() => auth.close());
  const stages: readonly Stage[] = [
    () => (health.ready ? undefined : 'draining'),
    createRouteStage(() => routes.table),
    createAccessStage(restricted.judge),
    auth.stage,
    targetStage,
  ];
  const proxy = createHttpProxy({
    stages,
    tunnels: reached,
    nodeId,
    clock,
    log: logger,
    record: (record) => {
      counts.count(record);
      recorder.record(record);
    },
    onDial: (target, problem) => facts.dialled(target.agentId, target.id, problem),
    limits,
    bounds,
    onMisuse: (address) => misuse.failed(sourceOf(address)),
  });
  const direct = new Direct({
    config,
    insight,
    around,
    tunnels: reached,
    claim: shared?.claim,
    admission,
    bounds,
    judge: restricted.judge,
    onDenied: (code) => counts.deny(code),
    table: () => routes.table,
    onRefused,
    onAcceptError,
  });
  life.defer(() => proxy.close());
  life.defer(() => direct.close());
  life.defer(() => routes.stop());
  const followed = await routes.start();
  if (!followed.ok) return followed;
  await restricted.ready();

  // Who takes which connection.
  const acceptor = createAcceptor(insight, tunnels, around, bounds, limits, shared?.place);
  life.defer(() => tunnels.close());
  life.defer(() => acceptor.close());
  const proxies = new TrustedProxies(config.trustedProxies);
  const front = new Front({
    domain: config.domain,
    secureContext: (name) => contextFor(name, certificates),
    defaultContext: () => certificates.defaultContext(),
    admission,
    handlers: {
      tunnel: (socket) => void acceptor.accept(socket),
      api: toApi,
      visitor: (socket, serverName) => proxy.serve(socket, visitorConnection(socket, proxies, serverName)),
      passThrough: (socket, serverName, source) => direct.passThrough(socket, serverName, source),
    },
    trustedProxies: config.trustedProxies,
    limits,
    offersHttp2: (address) => misuse.allows(sourceOf(address)),
    onRefused,
    onAcceptError,
    ...(shared === undefined ? {} : { divert: shared.divert }),
  });
  const redirect = createRedirector({ domain: config.domain, httpsPort, limits, bounds });
  life.defer(() => redirect.close());
  const plain = {
    admission,
    trustedProxies: config.trustedProxies,
    helloTime: limits.helloTime,
    onRefused,
    onAcceptError,
    visitor: (socket: Socket) =>
      config.embedded ? proxy.serve(socket, visitorConnection(socket, proxies)) : redirect.serve(socket),
  };
  life.defer(() => admission.destroyAll());

  return ok({
    admission,
    bounds,
    failures,
    counts,
    acceptor,
    tunnels,
    direct,
    table: () => routes.table,
    adopt: (socket, source) => front.adopt(socket, source),
    https: () => front.createListener(),
    http: () => createPlainListener(plain),
    drain: async (time) => {
      direct.stopAccepting();
      tunnels.drain();
      await Promise.all([proxy.drain(time), direct.relay.drain(time)]);
    },
  });
}

/** The certificate for `name`, or the cluster's own where none covers it. */
function contextFor(name: string, certificates: HandshakeCertificates): SecureContext | Promise<SecureContext> {
  const found = certificates.secureContext(name);
  if (found instanceof Promise) return found.then((context) => context ?? certificates.defaultContext());
  return found ?? certificates.defaultContext();
}

function createAcceptor(
  { store, nodeId, seen }: Insight,
  registry: TunnelRegistry,
  around: Surroundings,
  bounds: Bounds,
  { agentHandshakes, agentHandshakesPerAddress }: Limits,
  place: SharedWays['place'] | undefined,
): TunnelAcceptor {
  const { clock, logger, version } = around;
  return new TunnelAcceptor({
    registry,
    nodeId,
    version,
    clock,
    logger,
    bounds,
    maxPending: agentHandshakes,
    maxPendingPerSource: agentHandshakesPerAddress,
    ...(place === undefined ? {} : { place }),
    authenticate: (agentId, credential) => verdictOf(store, agentId, credential),
    sourceOf,
    throttled: (address) => !isLoopback(address),
    onSeen: seen,
  });
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

/** Ends the visits that the services' methods, sessions or links of now would not let in. */
function endSignedOut(auth: Auth, table: RouteTable, { services }: Changes, proxy: HttpProxy): void {
  const changed = new Set(services.map(({ id }) => id));
  if (changed.size === 0) return;
  // Without a target, a visit has not come in yet: what it is told is decided by what is known then.
  const out = ({ route, target, identity }: Visit): boolean =>
    route !== undefined &&
    target !== undefined &&
    changed.has(route.serviceId) &&
    !auth.holds(identity, table.route(route.serviceId)?.guard);
  proxy.endVisits(out, 'login_required');
}
