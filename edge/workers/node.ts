import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { createLifetime, type Lifetime } from '../../shared/node/lifetime.ts';
import { Bounds } from '../bounds.ts';
import type { EdgeConfig } from '../config.ts';
import { type BoundPorts, openControl } from '../control-side.ts';
import { drainTime } from '../drain-time.ts';
import { createHealthServer, type HealthState } from '../health/health-server.ts';
import { createMetrics } from '../health/metrics.ts';
import { createJoinToken } from '../join-token.ts';
import { type EdgeSurroundings, openKnowledge } from '../knowledge.ts';
import { closeServer, type ListenAddress, listenAll } from '../listen/address.ts';
import type { Edge } from '../one-process.ts';
import { mediumFailure } from '../store/sqlite-failure.ts';
import { Desk } from './desk.ts';
import { configFor } from './share.ts';

/** Milliseconds beyond a drain's own time until workers that still run are ended. */
const DRAIN_SLACK = 5_000;
/** Bytes of a folder's name in which sockets can be: all of a socket's address are 104 at least. */
const LONGEST_FOLDER = 80;

/**
 * Starts an edge node of several processes: this one speaks to agents through the control API, writes the store and the
 * access log, and holds the certificates; `config.workers` others serve visitors and agents' links, all on the same
 * ports. Fails as a node of one process does, and then leaves nothing running behind.
 */
export async function startNode(config: EdgeConfig, around: EdgeSurroundings): Promise<Result<Edge, Failure>> {
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

async function build(config: EdgeConfig, around: EdgeSurroundings, life: Lifetime): Promise<Result<Edge, Failure>> {
  const opened = await openKnowledge(config, around, life);
  if (!opened.ok) return opened;
  const knowledge = opened.value;
  const ports = await findPorts(config);
  if (!ports.ok) return ports;
  const { listen, listenHttp } = ports.value;
  const bound: BoundPorts = { https: listen[0]?.port ?? 0, http: listenHttp[0]?.port, health: 0 };
  const health: HealthState = { started: false, ready: false };
  const bounds = new Bounds(config.limits, around.clock, around.logger);
  life.defer(() => bounds.close());

  const control = await openControl(
    {
      config,
      around,
      knowledge,
      bound,
      bounds,
      accessLog: {
        query: async (scope, filter) => {
          await desk.refresh();
          return knowledge.recorder.query(scope, filter);
        },
        stats: async (scope, query) => {
          await desk.refresh();
          return knowledge.recorder.stats(scope, query);
        },
        tail: (wants, listener) => knowledge.recorder.tail(wants, listener),
      },
      onAgentLeft: (agentId) => desk.pool.broadcast({ type: 'evict', agentId }),
      isPortFree: (mode, port) => desk.claims.isFree(`${mode === 'udp' ? 'udp' : 'tcp'} ${port}`),
    },
    life,
  );
  const folder = openFolder(config.dataDir, life);
  if (!folder.ok) return folder;
  let starts = 0;
  const desk = new Desk(
    {
      config,
      workerConfig: configFor(config, ports.value, config.workers),
      // Never twice the same: a socket's file goes with whoever made it.
      socketPath: () => join(folder.value, `${process.pid}-${++starts}`),
      around,
      knowledge,
      control,
      bounds,
      onServing: (count) => {
        health.ready = health.started && count > 0;
      },
    },
    life,
  );
  const probes = await openHealth(config, health, desk, life);
  if (!probes.ok) return probes;
  bound.health = probes.value.port;
  const started = await desk.start();
  if (!started.ok) return started;
  control.clusterChanged();
  health.started = true;
  health.ready = true;

  const close = async (): Promise<void> => {
    health.started = false;
    health.ready = false;
    await life[Symbol.asyncDispose]();
  };
  const { nodeId, store, certificates } = knowledge;
  return ok({
    nodeId,
    addresses: { https: listen, http: listenHttp, health: probes.value },
    fingerprint: certificates.fingerprint,
    caFile: certificates.caFile,
    createJoinToken: (lifetime) => createJoinToken(store, lifetime, around.clock.now()),
    close,
    drain: async () => {
      const time = drainTime(config);
      health.started = false;
      health.ready = false;
      await Promise.all([desk.pool.drain(time + DRAIN_SLACK), control.close(time)]);
      await close();
    },
  });
}

/**
 * The addresses of the workers, ports found where any will do. Each is taken for a moment by this process alone: a port
 * that another program holds is told at once, also where the system would let the workers share it.
 */
async function findPorts(config: EdgeConfig): Promise<Result<Pick<EdgeConfig, 'listen' | 'listenHttp'>, Failure>> {
  const servers: Server[] = [];
  const find = async (addresses: readonly ListenAddress[]): Promise<Result<readonly ListenAddress[], Failure>> => {
    const bound = await listenAll(addresses, () => createServer((socket) => socket.destroy()), config.embedded);
    if (!bound.ok) return bound;
    servers.push(...bound.value.servers);
    return ok(bound.value.addresses);
  };
  const listen = await find(config.listen);
  const listenHttp = listen.ok ? await find(config.listenHttp) : listen;
  const closed = servers.map((server) => once(server, 'close'));
  for (const server of servers) closeServer(server);
  await Promise.all(closed);
  if (!listen.ok) return listen;
  return listenHttp.ok ? ok({ listen: listen.value, listenHttp: listenHttp.value }) : listenHttp;
}

/**
 * An empty folder that only this user can enter, for the sockets by which workers reach each other: in the data folder,
 * or where that has too long a name for sockets, among the system's temporary files.
 */
function openFolder(dataDir: string, life: Lifetime): Result<string, Failure> {
  try {
    const inside = join(dataDir, 'workers');
    const short = Buffer.byteLength(inside) <= LONGEST_FOLDER;
    const folder = short ? inside : mkdtempSync(join(tmpdir(), 'porthole-'));
    if (short) {
      rmSync(inside, { recursive: true, force: true });
      mkdirSync(inside, { mode: 0o700 });
    }
    life.defer(() => rmSync(folder, { recursive: true, force: true }));
    return ok(folder);
  } catch (error) {
    const reason = mediumFailure(error, dataDir);
    if (reason === undefined) throw error;
    return err(reason);
  }
}

/** Opens the listener of probes and metrics, which closes with `life`. */
async function openHealth(
  config: EdgeConfig,
  health: HealthState,
  desk: Desk,
  life: Lifetime,
): Promise<Result<ListenAddress, Failure>> {
  const metrics = createMetrics(desk.metrics());
  const listening = await listenAll(
    [config.health],
    () => createHealthServer(health, metrics, () => desk.refresh()),
    false,
  );
  if (!listening.ok) return listening;
  life.defer(() => listening.value.servers.forEach(closeServer));
  return ok(listening.value.addresses[0] ?? config.health);
}
