import type { TLSSocket } from 'node:tls';
import type { Failure } from '../shared/domain/failure.ts';
import { ok, type Result } from '../shared/domain/result.ts';
import { createLifetime, type Lifetime } from '../shared/node/lifetime.ts';
import { GO_AWAY } from '../shared/wire/codes.ts';
import type { EdgeConfig } from './config.ts';
import { type BoundPorts, openControl } from './control-side.ts';
import { drainTime } from './drain-time.ts';
import { openWays } from './edge.ts';
import { createHealthServer, type HealthState } from './health/health-server.ts';
import { createMetrics } from './health/metrics.ts';
import { createJoinToken, type JoinToken } from './join-token.ts';
import { type EdgeSurroundings, openKnowledge } from './knowledge.ts';
import { type EdgeAddresses, openListeners } from './listen/listeners.ts';
import { nodeMetrics } from './node-metrics.ts';

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

/** A whole node in one process, top to bottom: what it knows, the way of a visit, the control API, where it listens. */
async function build(config: EdgeConfig, around: EdgeSurroundings, life: Lifetime): Promise<Result<Edge, Failure>> {
  const opened = await openKnowledge(config, around, life);
  if (!opened.ok) return opened;
  const { store, nodeId, certificates } = opened.value;
  const health: HealthState = { started: false, ready: false };
  const bound: BoundPorts = { https: 0, http: undefined, health: 0 };
  const toApi = (socket: TLSSocket): void => control.handleConnection(socket);
  const insight = opened.value;
  const ways = await openWays({ config, around, insight, health, httpsPort: () => bound.https, toApi }, life);
  if (!ways.ok) return ways;
  const { tunnels, direct, bounds } = ways.value;
  const control = await openControl(
    {
      config,
      around,
      knowledge: opened.value,
      bound,
      bounds,
      accessLog: opened.value.recorder,
      onAgentLeft: (agentId) => tunnels.evict(agentId, GO_AWAY.CREDENTIAL, 'the agent has left'),
      isPortFree: (mode, port) => direct.isPortFree(mode, port),
    },
    life,
  );

  // Where it listens.
  const metrics = createMetrics(nodeMetrics({ ...ways.value, ...opened.value }));
  const listening = await openListeners(
    { ...config, optionalLoopback: config.embedded },
    { health: () => createHealthServer(health, metrics), https: ways.value.https, http: ways.value.http },
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
    createJoinToken: (lifetime) => createJoinToken(store, lifetime, around.clock.now()),
    close,
    drain: async () => {
      const time = drainTime(config);
      health.ready = false;
      stopAccepting();
      await Promise.all([ways.value.drain(time), control.close(time)]);
      await close();
    },
  });
}
