import type { Socket } from 'node:net';
import { type Failure, type FailureCode, failure } from '../../shared/domain/failure.ts';
import { because, type Reason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { raceTo } from './address-race.ts';
import { connectReason } from './dial-error.ts';
import { describeEdge, type EdgeAddress } from './edge-address.ts';
import { publicAddress, publicAddressesOf } from './node-address.ts';
import type { HttpProxy, Route } from './proxy.ts';
import { NOT_TAKEN, openTunnel, type TunnelFault } from './proxy-tunnel.ts';
import { within } from './within.ts';

/** What another route may get round. */
const GETS_ROUND: ReadonlySet<FailureCode> = new Set(['edge_unreachable', 'proxy_failed']);

/**
 * Goes along `routes` in turn until one leads there, all of them together for `limit` milliseconds: each gets its share
 * of what is left. Fails as the first one does, unless a later one fails for a reason of the edge's own.
 */
export async function alongRoutes<T>(
  routes: readonly Route[],
  limit: number,
  signal: AbortSignal,
  go: (route: Route, limit: number) => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  const deadline = performance.now() + limit;
  let first: Result<T, Failure> = err(failure('offline', { reason: because('no_way') }));
  for (const [index, route] of routes.entries()) {
    const share = Math.max(1, (deadline - performance.now()) / (routes.length - index));
    const gone = await go(route, share);
    if (gone.ok || signal.aborted || !GETS_ROUND.has(gone.error.code)) return gone;
    if (index === 0) first = gone;
  }
  return first;
}

/**
 * A socket to the edge itself: of its addresses the one that answers first, and a slow one stays in the race. Fails with
 * `edge_unreachable`.
 */
export function leadDirectly(
  address: EdgeAddress,
  signal: AbortSignal,
  limit: number,
): Promise<Result<Socket, Failure>> {
  return new Promise((resolve) => {
    const finish = (result: Result<Socket, Failure>): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      reaching.cancel();
      resolve(result);
    };
    const fail = (reason: Reason): void =>
      finish(err(failure('edge_unreachable', { address: describeEdge(address), reason })));
    const onAbort = (): void => fail(because('given_up'));
    const onReached = (outcome: Socket | string): void => {
      if (typeof outcome !== 'string') finish(ok(outcome));
      else fail(connectReason(outcome));
    };
    const look = address.publicOnly === true ? publicAddressesOf : undefined;
    const reaching = raceTo(address.host, address.port, onReached, look);
    const timer = setTimeout(() => fail(because('silent')), limit);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

/**
 * A socket that leads to the edge through `proxy`. Fails with `proxy_failed`, or with `edge_unreachable` where somebody
 * else has named the edge and it has no address that this laptop knows to be public: the proxy may reach more of the
 * network here than this laptop is to be sent to, so it is told an address then, not a name. A proxy that has refused
 * our credentials a short while ago isn't asked.
 */
export async function leadThrough(
  proxy: HttpProxy,
  address: EdgeAddress,
  signal: AbortSignal,
  limit: number,
): Promise<Result<Socket, Failure>> {
  const at = describeEdge(address);
  if (proxy.rests(performance.now())) return err(proxyFailure(proxy, at, NOT_TAKEN));
  const deadline = performance.now() + limit;
  const { host, port, named } = address;
  const target = named === true ? await within(publicAddress(host), limit, signal) : host;
  if (target === undefined)
    return err(failure('edge_unreachable', { address: at, reason: because('no_public_address') }));
  const left = Math.max(1, deadline - performance.now());
  const opened = await openTunnel(proxy, { host: target, port }, signal, left);
  return opened.ok ? ok(opened.value) : err(proxyFailure(proxy, at, opened.error));
}

function proxyFailure(proxy: HttpProxy, address: string, { kind, reason }: TunnelFault): Failure {
  const why = kind === 'unreached' ? because('proxy_unreached', { reason }) : reason;
  return failure('proxy_failed', { proxy: proxy.place, address, reason: why });
}
