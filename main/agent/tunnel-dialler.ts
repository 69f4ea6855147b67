import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok } from '../../shared/domain/result.ts';
import type { Clock } from '../../shared/node/clock.ts';
import { agentHandshake, type HandshakeFailure } from '../../shared/node/handshake.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { createTunnel, PING_EVERY, type Tunnel } from '../../shared/node/tunnel.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import { PROTOCOL, type Welcome } from '../../shared/wire/handshake.ts';
import type { DatagramOrigin } from './datagram-origin.ts';
import { describeEdge, type EdgeAddress } from './edge-address.ts';
import type { EdgeDialler } from './edge-dialler.ts';
import { endFailure } from './edge-link.ts';
import type { ConnectionWatch } from './inspect/inspector.ts';
import type { DialAsk, LinkPlace, LinkTunnel, LinkTunnelEvents, TunnelDialler } from './link-tunnel.ts';
import { type DialOrigin, serveOrigin } from './origin-stream.ts';

export interface TunnelDiallerOptions {
  readonly address: EdgeAddress;
  readonly dialler: EdgeDialler;
  readonly agentId: string;
  readonly credential: string;
  readonly name: string;
  readonly version: string;
  readonly dialOrigin: DialOrigin;
  readonly datagrams: DatagramOrigin;
  /** Is asked whether it wants to read along. */
  readonly inspector?: ConnectionWatch;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Milliseconds after which the answer to a tunnel's first ping is looked for; later ones follow the pings. */
const FIRST_MEASURE = 500;

/** Dials tunnels: TLS 1.3 under the tunnel's ALPN, HELLO and WELCOME, then the driver with origins behind it. */
export function createTunnelDialler(options: TunnelDiallerOptions): TunnelDialler {
  const { agentId, credential, clock, logger } = options;
  const hello = {
    protocol: PROTOCOL,
    agentId,
    credential,
    version: options.version.slice(0, 64),
    // Escaped to ASCII a character may take six bytes; the handshake has 4 KiB.
    name: (options.name.trim() || hostname()).slice(0, 255),
  };
  return async (events, signal, ask) => {
    const { worker, grows, link } = ask;
    const dialled = await options.dialler.dial({
      purpose: 'tunnel',
      signal,
      ...(worker === undefined ? {} : { worker }),
    });
    if (!dialled.ok) return dialled;
    const { socket, remoteAddress } = dialled.value;
    const said = { ...hello, link, ...(grows ? { grows } : {}) };
    const welcome = await agentHandshake(socket, said, { clock, signal });
    if (!welcome.ok) return err(handshakeFailure(options.address, welcome.error));
    if (signal.aborted) {
      socket.destroy();
      return err(failure('offline', { reason: because('given_up') }));
    }
    return ok(drive(options, socket, welcome.value, { events, ask, remoteAddress, logger }));
  };
}

/** What it means to people that a tunnel ended without a word. */
const CAUSES = { closed: 'peer_closed', broken: 'link_broke', silent: 'peer_silent' } as const;

/** What an edge says of where a tunnel is; one that knows no links has one carrier a link, and one process. */
const placeOf = ({ nodeId, carriers = 1, workers = 1, worker = 0, nodes = [] }: Welcome): LinkPlace => ({
  nodeId,
  carriers,
  workers,
  worker,
  nodes,
});

interface Surroundings {
  readonly events: LinkTunnelEvents;
  readonly ask: DialAsk;
  readonly remoteAddress: string | undefined;
  readonly logger: Logger;
}

/** The tunnel over a socket whose handshake is done. */
function drive(
  { clock, dialOrigin, datagrams, inspector }: TunnelDiallerOptions,
  socket: Socket,
  welcome: Welcome,
  { events, ask, remoteAddress, logger }: Surroundings,
): LinkTunnel {
  let destroyed = false;
  let stopDrain: () => void = () => {};
  const stopFirst = clock.setTimeout(() => events.onRoundTrip(), FIRST_MEASURE);
  const stopLater = clock.setInterval(() => events.onRoundTrip(), PING_EVERY);
  const place = placeOf(welcome);
  const shared = welcome.carrier === undefined ? {} : { group: ask.group(place.worker), carrier: welcome.carrier };
  const tunnel = createTunnel({
    socket,
    role: 'agent',
    clock,
    logger,
    maxStreams: welcome.maxStreams,
    ...shared,
    onOpen: (stream, payload) => serveOrigin(stream, payload, dialOrigin, datagrams, inspector),
    onGoAway: (code) => events.onGoAway(code),
    onClose: (end) => {
      stopDrain();
      stopFirst();
      stopLater();
      const reason = end.cause === undefined ? end.reason : because(CAUSES[end.cause]);
      if (!destroyed) events.onClosed(end.by === 'peer' ? { code: end.code, reason } : { reason });
    },
  });
  return {
    place,
    remoteAddress,
    get roundTrip() {
      return tunnel.roundTrip > 0 ? tunnel.roundTrip : undefined;
    },
    get streams() {
      return tunnel.stats.streams;
    },
    get bulk() {
      return tunnel.bulk.length;
    },
    get sent() {
      return tunnel.stats.bytesOut;
    },
    get received() {
      return tunnel.stats.bytesIn;
    },
    probe: (wait) => tunnel.probe(wait),
    drain(deadline) {
      tunnel.goAway(GO_AWAY.SHUTDOWN, 'the agent moves');
      if (deadline !== undefined)
        stopDrain = clock.setTimeout(() => tunnel.close(GO_AWAY.SHUTDOWN, 'the agent has moved'), deadline);
    },
    destroy() {
      destroyed = true;
      leave(tunnel);
    },
  };
}

const leave = (tunnel: Tunnel): void => tunnel.close(GO_AWAY.SHUTDOWN, 'the agent stops');

function handshakeFailure(address: EdgeAddress, refusal: HandshakeFailure): Failure {
  const at = describeEdge(address);
  switch (refusal.kind) {
    case 'refused':
      if (refusal.code === GO_AWAY.VERSION)
        return failure('edge_incompatible', { address: at, reason: because('no_common_version') });
      return endFailure({
        code: refusal.code,
        reason: refusal.reason === '' ? because('edge_refused') : refusal.reason,
      });
    case 'malformed':
      return failure('edge_odd', { address: at, reason: because('handshake_odd') });
    case 'timeout':
      return failure('edge_unreachable', { address: at, reason: because('silent') });
    case 'broken':
      return failure('edge_unreachable', { address: at, reason: because('closed') });
  }
}
