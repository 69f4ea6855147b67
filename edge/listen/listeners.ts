import type { Server } from 'node:net';
import type { Failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import type { Lifetime } from '../../shared/node/lifetime.ts';
import { closeServer, type ListenAddress, listenAll } from './address.ts';

/** Where a node listens, as bound. */
export interface EdgeAddresses {
  readonly https: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  readonly health: ListenAddress;
}

export interface ListenPlan {
  readonly listen: readonly ListenAddress[];
  readonly listenHttp: readonly ListenAddress[];
  readonly health: ListenAddress;
  /** Go on without an IPv6 loopback address that this machine doesn't have. */
  readonly optionalLoopback: boolean;
}

/** Makes the server of each kind; one for each address. */
export interface ServerKinds {
  readonly https: () => Server;
  readonly http: () => Server;
  readonly health: () => Server;
}

export interface Listening {
  readonly addresses: EdgeAddresses;
  /** Takes no new visitors, agents or API clients. Health goes on. */
  stopAccepting(): void;
}

/** Opens all listeners of a node, health first: it says "starting" until the rest is up. They close with `life`. */
export async function openListeners(
  plan: ListenPlan,
  kinds: ServerKinds,
  life: Lifetime,
): Promise<Result<Listening, Failure>> {
  const open = async (addresses: readonly ListenAddress[], create: () => Server) => {
    const listening = await listenAll(addresses, create, plan.optionalLoopback);
    if (listening.ok) life.defer(() => closeAll(listening.value.servers));
    return listening;
  };
  const health = await open([plan.health], kinds.health);
  if (!health.ok) return health;
  const https = await open(plan.listen, kinds.https);
  if (!https.ok) return https;
  const http = await open(plan.listenHttp, kinds.http);
  if (!http.ok) return http;
  const [healthAddress = plan.health] = health.value.addresses;
  return ok({
    addresses: { https: https.value.addresses, http: http.value.addresses, health: healthAddress },
    stopAccepting: () => closeAll([...https.value.servers, ...http.value.servers]),
  });
}

function closeAll(servers: readonly Server[]): void {
  for (const server of servers) closeServer(server);
}
