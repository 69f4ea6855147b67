import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { Failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { closeServer, listenAll, listenFailure } from './address.ts';

export type Transport = 'tcp' | 'udp';
export type PortKey = `${Transport} ${number}`;

/** How a port is that services want. */
export type PortState =
  | { readonly state: 'pending' }
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly reason: Failure };

/**
 * Asks whoever speaks for all processes of this node whether they may listen on a port, all of them. A failure says why
 * not: the port is another program's.
 */
export type ClaimPort = (key: PortKey) => Promise<Failure | undefined>;

export interface ServicePortsOptions {
  /** Addresses to listen on. */
  readonly hosts: readonly string[];
  /** Go on without an IPv6 loopback address that this machine doesn't have. */
  readonly optionalLoopback: boolean;
  /** Other processes listen on the same ports, and the system spreads what comes over all (SO_REUSEPORT). */
  readonly claim?: ClaimPort | undefined;
  readonly onConnection: (port: number, socket: Socket) => void;
  /** `via` is the socket that it came in by, and by which answers leave. */
  readonly onDatagram: (port: number, via: UdpSocket, message: Buffer, from: RemoteInfo) => void;
  /** `undefined`: nobody wants the port any more. */
  readonly onState: (key: PortKey, state: PortState | undefined) => void;
  readonly onAcceptError: (error: Error) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Milliseconds until a port that could not be had is tried again. */
const RETRY = 5_000;
/** Bytes of the receive buffer that is asked for: a burst of the largest datagrams fits. */
const UDP_BUFFER = 4 * 1024 * 1024;

interface OpenPort {
  readonly servers: readonly (Server | UdpSocket)[];
}

interface Wanted {
  opened: OpenPort | undefined;
  cancelRetry: CancelTimer | undefined;
}

/** The ports of TCP, TLS and UDP services: opened when one is wanted, closed the moment that it isn't. */
export class ServicePorts {
  readonly #options: ServicePortsOptions;
  readonly #wanted = new Map<PortKey, Wanted>();
  #started = false;
  #closed = false;

  constructor(options: ServicePortsOptions) {
    this.#options = options;
  }

  /** Ports that are wanted. */
  get size(): number {
    return this.#wanted.size;
  }

  has(transport: Transport, port: number): boolean {
    return this.#wanted.has(`${transport} ${port}`);
  }

  /** Begins to listen on what is wanted. Until then ports are only noted. */
  start(): void {
    this.#started = true;
    for (const [key, wanted] of this.#wanted) void this.#try(key, wanted);
  }

  open(transport: Transport, port: number): void {
    const key: PortKey = `${transport} ${port}`;
    if (this.#closed || this.#wanted.has(key)) return;
    const wanted: Wanted = { opened: undefined, cancelRetry: undefined };
    this.#wanted.set(key, wanted);
    this.#options.onState(key, { state: 'pending' });
    if (this.#started) void this.#try(key, wanted);
  }

  /** Nothing is accepted from here on; connections that are open are not this one's business. */
  close(transport: Transport, port: number): void {
    const key: PortKey = `${transport} ${port}`;
    const wanted = this.#wanted.get(key);
    if (wanted === undefined) return;
    this.#wanted.delete(key);
    wanted.cancelRetry?.();
    if (wanted.opened !== undefined) shut(wanted.opened);
    this.#options.onState(key, undefined);
  }

  /** Closes all, for good. */
  closeAll(): void {
    this.#closed = true;
    for (const wanted of this.#wanted.values()) {
      wanted.cancelRetry?.();
      if (wanted.opened !== undefined) shut(wanted.opened);
    }
    this.#wanted.clear();
  }

  /** Whether the port could be listened on right now; one that is ours already can. */
  async isFree(transport: Transport, port: number): Promise<boolean> {
    return this.has(transport, port) || (await this.probe(transport, port)) === undefined;
  }

  /** Why the port could not be listened on right now, were it not shared with anybody. */
  async probe(transport: Transport, port: number): Promise<Failure | undefined> {
    const opened = await this.#listen(transport, port, false);
    if (!opened.ok) return opened.error;
    shut(opened.value);
    return undefined;
  }

  async #try(key: PortKey, wanted: Wanted): Promise<void> {
    const [transport, port] = key.split(' ');
    const { claim } = this.#options;
    const taken = await claim?.(key);
    const opened =
      taken === undefined
        ? await this.#listen(transport === 'udp' ? 'udp' : 'tcp', Number(port), claim !== undefined)
        : err(taken);
    if (this.#wanted.get(key) !== wanted) {
      if (opened.ok) shut(opened.value);
      return;
    }
    if (opened.ok) {
      wanted.opened = opened.value;
      this.#options.onState(key, { state: 'ready' });
      return;
    }
    const reason = opened.error;
    if (wanted.cancelRetry === undefined)
      this.#options.logger.warn('a port of a service cannot be listened on; it is tried again', {
        key,
        reason: reason.message,
      });
    this.#options.onState(key, { state: 'failed', reason });
    wanted.cancelRetry = this.#options.clock.setTimeout(() => void this.#try(key, wanted), RETRY);
  }

  #listen(transport: Transport, port: number, shared: boolean): Promise<Result<OpenPort, Failure>> {
    return transport === 'tcp' ? this.#listenTcp(port, shared) : this.#listenUdp(port, shared);
  }

  async #listenTcp(port: number, shared: boolean): Promise<Result<OpenPort, Failure>> {
    const { hosts, optionalLoopback, onConnection, onAcceptError } = this.#options;
    const create = (): Server => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
        onConnection(port, socket),
      );
      server.on('error', (error) => {
        if (server.listening) onAcceptError(error);
      });
      return server;
    };
    const addresses = hosts.map((host) => ({ host, port }));
    const bound = await listenAll(addresses, create, optionalLoopback, shared);
    return bound.ok ? ok({ servers: bound.value.servers }) : bound;
  }

  async #listenUdp(port: number, shared: boolean): Promise<Result<OpenPort, Failure>> {
    const { hosts, optionalLoopback, onDatagram } = this.#options;
    const servers: UdpSocket[] = [];
    for (const host of hosts) {
      const bound = await bindUdp(host, port, shared);
      if (bound.ok) {
        const socket = bound.value;
        socket.on('message', (message, from) => onDatagram(port, socket, message, from));
        servers.push(socket);
      } else if (!(optionalLoopback && host === '::1' && bound.error.code === 'address_unavailable')) {
        shut({ servers });
        return bound;
      }
    }
    return ok({ servers });
  }
}

function bindUdp(host: string, port: number, reusePort: boolean): Promise<Result<UdpSocket, Failure>> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', recvBufferSize: UDP_BUFFER, reusePort });
    socket.once('error', (error) => {
      socket.close();
      resolve(err(listenFailure(error, authority(host, port))));
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      // Errors of single datagrams (an unreachable visitor) are told here too, and end nothing.
      socket.removeAllListeners('error').on('error', () => {});
      resolve(ok(socket));
    });
  });
}

function shut({ servers }: OpenPort): void {
  for (const server of servers) {
    if ('listening' in server) closeServer(server);
    else server.close();
  }
}
