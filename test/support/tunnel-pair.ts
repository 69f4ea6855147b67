import type { CarrierGroup } from '../../shared/node/carrier-group.ts';
import type { Clock } from '../../shared/node/clock.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import type { StreamHandler, StreamOpener, TunnelStream } from '../../shared/node/stream.ts';
import { createTunnel, type Tunnel, type TunnelEnd } from '../../shared/node/tunnel.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { type SocketPair, socketPair, type Transport } from './socket-pair.ts';

export interface TunnelPair {
  readonly edge: Tunnel;
  readonly agent: Tunnel;
  readonly sockets: SocketPair;
  readonly edgeEnd: Promise<TunnelEnd>;
  readonly agentEnd: Promise<TunnelEnd>;
}

export interface TunnelPairOptions {
  readonly clock?: Clock;
  readonly maxStreams?: number;
  /** The link that it is a carrier of, at both ends, and its number there. */
  readonly place?: { readonly edge: CarrierGroup; readonly agent: CarrierGroup; readonly carrier: number };
  readonly onOpen: (stream: AgentStream, payload: Uint8Array) => StreamHandler;
}

/** A stream of `tunnel`, which must have room for it. */
export function openStream(tunnel: Pick<Tunnel, 'open'>, payload: Uint8Array, handler: StreamHandler): TunnelStream {
  const stream = tunnel.open(payload, handler);
  if (typeof stream === 'string') throw new Error(`no stream: ${stream}`);
  return stream;
}

/** All tunnels of an edge, where that is this one, whichever the agent. `undefined`: there is none yet. */
export const openerOver = (tunnel: () => Tunnel | undefined): StreamOpener => ({
  open(_agentId, open, handler) {
    const stream = tunnel()?.open(open, handler) ?? 'closed';
    if (typeof stream !== 'string') return stream;
    return stream === 'closed' ? 'agent_offline' : 'busy';
  },
  roundTrip: () => tunnel()?.roundTrip ?? 0,
  shortestRoundTrip: () => tunnel()?.shortestRoundTrip ?? 0,
});

/** An edge and an agent, joined over loopback. */
export async function tunnelPair(transport: Transport, options: TunnelPairOptions): Promise<TunnelPair> {
  const sockets = await socketPair(transport);
  const clock = options.clock ?? systemClock;
  const edgeEnd = Promise.withResolvers<TunnelEnd>();
  const agentEnd = Promise.withResolvers<TunnelEnd>();
  const limits = options.maxStreams === undefined ? {} : { maxStreams: options.maxStreams };
  const place = (side: 'edge' | 'agent') =>
    options.place === undefined ? {} : { group: options.place[side], carrier: options.place.carrier };
  const edge = createTunnel({
    socket: sockets.accepted,
    role: 'edge',
    clock,
    logger: silentLogger,
    onClose: edgeEnd.resolve,
    ...limits,
    ...place('edge'),
  });
  const agent = createTunnel({
    socket: sockets.dialled,
    role: 'agent',
    clock,
    logger: silentLogger,
    onOpen: options.onOpen,
    onClose: agentEnd.resolve,
    ...limits,
    ...place('agent'),
  });
  return { edge, agent, sockets, edgeEnd: edgeEnd.promise, agentEnd: agentEnd.promise };
}
