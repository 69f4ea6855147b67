import { randomBytes } from 'node:crypto';
import type { ClusterInfo } from '../shared/contract/control-api.ts';
import type { DirectMode } from '../shared/domain/service.ts';
import type { Lifetime } from '../shared/node/lifetime.ts';
import { loadClusterKey } from './auth/cluster-key.ts';
import { createKeeper } from './auth/keeper.ts';
import { createReturnPage } from './auth/sso/return-page.ts';
import type { BoundWatch } from './bounds.ts';
import type { EdgeConfig } from './config.ts';
import { type ControlApi, createControlApi } from './control/control-api.ts';
import { settled } from './control/settled.ts';
import type { EdgeSurroundings, Knowledge } from './knowledge.ts';
import { notFoundPage } from './not-found-page.ts';
import { sourceOf } from './peer.ts';
import type { AccessLog } from './record/access-log.ts';
import { FailureThrottle } from './tunnels/throttle.ts';

/** The ports that a node got; zeros until it listens. */
export interface BoundPorts {
  health: number;
  https: number;
  http: number | undefined;
}

export interface ControlParts {
  readonly config: EdgeConfig;
  readonly around: EdgeSurroundings;
  readonly knowledge: Knowledge;
  readonly bound: BoundPorts;
  readonly bounds: BoundWatch;
  /** The access log, read through whoever knows of what is still on its way to it. */
  readonly accessLog: AccessLog;
  /** An agent has left: its tunnels have to end. */
  readonly onAgentLeft: (agentId: string) => void;
  /** Whether a service of `mode` could listen on `port` here, right now. */
  readonly isPortFree: (mode: DirectMode, port: number) => Promise<boolean>;
}

/** The control API of a node, over everything that the node knows; it closes with `life`. */
export async function openControl(parts: ControlParts, life: Lifetime): Promise<ControlApi> {
  const { config, around, knowledge, bound, bounds, accessLog, onAgentLeft, isPortFree } = parts;
  const { store, facts, certificates } = knowledge;
  const { clock, logger, version } = around;
  const key = loadClusterKey(config.dataDir, config.secretKeyFile);
  if (!key.ok) logger.error('no service can be protected: the key for secrets cannot be had', { reason: key.error });
  const returned = key.ok && config.providers.length > 0 ? createReturnPage(key.value) : undefined;
  const control = await createControlApi({
    store,
    facts,
    accessLog,
    cluster: () => clusterInfo(config, knowledge, version, bound),
    renderNotFound: (request) => returned?.(request) ?? notFoundPage(request),
    settled: () => settled(store, facts, clock),
    onAgentLeft,
    throttle: new FailureThrottle(() => clock.monotonic()),
    sourceOf,
    ports: {
      ...config.servicePorts,
      main: () => bound.https,
      reserved: () => [bound.health, bound.http ?? 0],
    },
    isPortFree,
    ...(key.ok ? { keeper: createKeeper(key.value) } : {}),
    providers: () => config.providers,
    log: logger,
    random: randomBytes,
    clock,
    limits: { services: config.limits.servicesPerAgent, exposures: config.limits.exposuresPerAgent },
    bounds,
  });
  life.defer(() => control.close(0));
  certificates.watch(() => control.clusterChanged());
  return control;
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
    ...(config.operator === undefined ? {} : { operator: config.operator }),
    ...(config.providers.length === 0 ? {} : { providers: config.providers.map(({ id, name }) => ({ id, name })) }),
  };
}
