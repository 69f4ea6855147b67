/** The edge's side of tunnels and nothing else: TLS, the handshake, streams on request. For tests of the agent. */
import { once } from 'node:events';
import { createServer, type TLSSocket } from 'node:tls';
import { systemClock } from '../../shared/node/clock.ts';
import { edgeHandshake } from '../../shared/node/handshake.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { createTunnel, type Tunnel } from '../../shared/node/tunnel.ts';
import { GO_AWAY, type GoAwayCode, type ResetCode } from '../../shared/wire/codes.ts';
import type { Hello } from '../../shared/wire/handshake.ts';
import { encodeOpen, type OpenRequest } from '../../shared/wire/open.ts';

export interface Exchange {
  /** Everything that the origin sent, as Latin-1. */
  readonly received: string;
  readonly dialMicros?: number;
  /** How the agent broke it off; absent when both sides ended in order. */
  readonly reset?: ResetCode;
}

export class SmallEdge implements AsyncDisposable {
  readonly hellos: Hello[] = [];
  readonly tunnels: Tunnel[] = [];
  /** What the handshake is answered with instead of a WELCOME. */
  refuseWith: GoAwayCode | undefined;
  readonly #identity: { readonly cert: string; readonly key: string };
  readonly #sockets = new Set<TLSSocket>();
  readonly #waiting: ((tunnel: Tunnel) => void)[] = [];
  #server: ReturnType<typeof createServer> | undefined;
  port = 0;

  constructor(identity: { readonly cert: string; readonly key: string }) {
    this.#identity = identity;
  }

  /** Listens on `port` of before, or any. */
  async start(): Promise<void> {
    const server = createServer(
      { ...this.#identity, minVersion: 'TLSv1.3', ALPNProtocols: ['porthole/1'] },
      (socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
        void this.#accept(socket);
      },
    );
    server.on('tlsClientError', () => {});
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  /** Stops as a killed process does: connections break, nothing is said. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }

  /** The next tunnel that comes up. */
  nextTunnel(): Promise<Tunnel> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #accept(socket: TLSSocket): Promise<void> {
    const verify = (): Promise<GoAwayCode | { protocol: 1; nodeId: string; version: string; maxStreams: number }> =>
      Promise.resolve(this.refuseWith ?? { protocol: 1, nodeId: 'n1', version: '1', maxStreams: 100 });
    const hello = await edgeHandshake(socket, verify, { clock: systemClock });
    if (!hello.ok) return;
    this.hellos.push(hello.value);
    const tunnel = createTunnel({ socket, role: 'edge', clock: systemClock, logger: silentLogger, onClose: () => {} });
    this.tunnels.push(tunnel);
    this.#waiting.shift()?.(tunnel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tunnel of this.tunnels) tunnel.close(GO_AWAY.SHUTDOWN, 'test over');
    await this.kill();
  }
}

/** Opens a stream to `target`, sends `text`, half-closes, and yields what came back. */
export function exchange(
  tunnel: Tunnel,
  target: Partial<Omit<OpenRequest, 'service'>> & { port: number; service?: string | undefined },
  text: string,
): Promise<Exchange> {
  const { service = 'service' in target ? undefined : 's1', ...where } = target;
  const open: OpenRequest = {
    ...(service === undefined ? {} : { service }),
    type: 'agent',
    host: 'localhost',
    tls: false,
    skipTlsVerify: false,
    connectTimeout: 5_000,
    ...where,
  };
  return new Promise((resolve, reject) => {
    let received = '';
    let dialMicros: number | undefined;
    const done = (reset?: ResetCode): void =>
      resolve({
        received,
        ...(dialMicros === undefined ? {} : { dialMicros }),
        ...(reset === undefined ? {} : { reset }),
      });
    const stream = tunnel.open(encodeOpen(open), {
      onOpened: (micros) => {
        dialMicros = micros;
      },
      onData(buffer, start, end) {
        received += buffer.toString('latin1', start, end);
        if (typeof stream !== 'string') stream.consumed(end - start);
      },
      onEnd: () => done(),
      onReset: (code) => done(code),
      onWritable() {},
    });
    if (typeof stream === 'string') return reject(new Error(`the tunnel takes no streams: ${stream}`));
    stream.writeLatin1(text);
    stream.end();
  });
}
