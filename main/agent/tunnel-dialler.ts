import { hostname } from 'node:os';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok } from '../../shared/domain/result.ts';
import type { Clock } from '../../shared/node/clock.ts';
import { agentHandshake, type HandshakeFailure } from '../../shared/node/handshake.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { createTunnel, PING_EVERY, type Tunnel } from '../../shared/node/tunnel.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import { PROTOCOL } from '../../shared/wire/handshake.ts';
import type { DatagramOrigin } from './datagram-origin.ts';
import { describeEdge, type EdgeAddress } from './edge-address.ts';
import type { EdgeDialler } from './edge-dialler.ts';
import { endFailure, type LinkTunnel, type TunnelDialler } from './edge-link.ts';
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
  return async (events, signal) => {
    const socket = await options.dialler.dial({ purpose: 'tunnel', signal });
    if (!socket.ok) return socket;
    const welcome = await agentHandshake(socket.value, hello, { clock, signal });
    if (!welcome.ok) return err(handshakeFailure(options.address, welcome.error));
    if (signal.aborted) {
      socket.value.destroy();
      return err(failure('offline', { reason: 'given up' }));
    }
    let destroyed = false;
    let stopDrain: () => void = () => {};
    const stopFirst = clock.setTimeout(() => events.onRoundTrip(), FIRST_MEASURE);
    const stopLater = clock.setInterval(() => events.onRoundTrip(), PING_EVERY);
    const tunnel = createTunnel({
      socket: socket.value,
      role: 'agent',
      clock,
      logger,
      maxStreams: welcome.value.maxStreams,
      onOpen: (stream, payload) => serveOrigin(stream, payload, options.dialOrigin, options.datagrams),
      onGoAway: (code) => events.onGoAway(code),
      onClose: (end) => {
        stopDrain();
        stopFirst();
        stopLater();
        if (!destroyed)
          events.onClosed(end.by === 'peer' ? { code: end.code, reason: end.reason } : { reason: end.reason });
      },
    });
    return ok<LinkTunnel>({
      get roundTrip() {
        return tunnel.roundTrip > 0 ? tunnel.roundTrip : undefined;
      },
      probe: (wait) => tunnel.probe(wait),
      drain(deadline) {
        tunnel.goAway(GO_AWAY.SHUTDOWN, 'the agent moves');
        stopDrain = clock.setTimeout(() => tunnel.close(GO_AWAY.SHUTDOWN, 'the agent has moved'), deadline);
      },
      destroy() {
        destroyed = true;
        leave(tunnel);
      },
    });
  };
}

const leave = (tunnel: Tunnel): void => tunnel.close(GO_AWAY.SHUTDOWN, 'the agent stops');

function handshakeFailure(address: EdgeAddress, refusal: HandshakeFailure): Failure {
  const at = describeEdge(address);
  switch (refusal.kind) {
    case 'refused':
      if (refusal.code === GO_AWAY.VERSION)
        return failure('edge_incompatible', { address: at, reason: 'no common protocol version' });
      return endFailure({ code: refusal.code, reason: refusal.reason === '' ? 'the edge refused' : refusal.reason });
    case 'malformed':
      return failure('edge_odd', { address: at, reason: refusal.reason });
    case 'timeout':
      return failure('edge_unreachable', { address: at, reason: 'no answer in time' });
    case 'broken':
      return failure('edge_unreachable', { address: at, reason: 'the connection was closed' });
  }
}
