import type { Socket } from 'node:net';
import type { FailureCode } from '../shared/domain/failure.ts';
import type { DirectMode } from '../shared/domain/service.ts';
import type { StreamOpener } from '../shared/node/stream.ts';
import type { BoundWatch } from './bounds.ts';
import type { EdgeConfig } from './config.ts';
import type { Insight, Surroundings } from './knowledge.ts';
import { isLoopback } from './listen/address.ts';
import type { Admission } from './listen/admission.ts';
import { admitVia } from './listen/proxied.ts';
import { type ClaimPort, ServicePorts } from './listen/service-ports.ts';
import { sniff } from './listen/sniff.ts';
import { standInFor } from './peer.ts';
import type { Endpoint } from './proxy-header.ts';
import type { Arrival } from './relay/connection.ts';
import type { RelayOptions } from './relay/context.ts';
import { Relay } from './relay/relay.ts';
import { type RouteChange, Switchboard } from './relay/switchboard.ts';
import { UdpRelay } from './relay/udp-relay.ts';
import type { RouteTable } from './route/table.ts';
import type { Judge } from './visit.ts';

export interface DirectParts {
  readonly config: EdgeConfig;
  readonly insight: Insight;
  readonly around: Surroundings;
  readonly tunnels: StreamOpener;
  readonly admission: Admission;
  /** Where other processes serve the same ports. */
  readonly claim: ClaimPort | undefined;
  readonly bounds: BoundWatch;
  /** Asked for each visitor of a service that has restrictions. */
  readonly judge: Judge;
  /** Told of every visitor of those that is not let in. */
  readonly onDenied: (code: FailureCode) => void;
  readonly table: () => RouteTable;
  /** Told of every connection that ends before anybody took it over. */
  readonly onRefused: (reason: string) => void;
  readonly onAcceptError: (error: Error) => void;
}

/** A fatal unrecognized_name (RFC 6066 section 3): no service of this port has the name that was asked for. */
const UNRECOGNIZED_NAME = Buffer.of(21, 3, 3, 0, 2, 2, 112);

/** Whatever goes wrong closes the socket, and its owner hears of that. */
const ignore = (): void => {};

/** TCP, TLS and UDP services on this node: their ports, who is behind which, and the bytes on their way. */
export class Direct {
  readonly #parts: DirectParts;
  readonly #switchboard = new Switchboard();
  readonly #ports: ServicePorts;
  readonly relay: Relay;
  readonly udp: UdpRelay;

  constructor(parts: DirectParts) {
    const { config, insight, around, tunnels, onAcceptError } = parts;
    const { facts, nodeId, recorder } = insight;
    const { clock, logger } = around;
    this.#parts = parts;
    const options: RelayOptions = {
      tunnels,
      record: (record) => recorder.record(record),
      onDial: (target, problem) => facts.dialled(target.agentId, target.id, problem),
      nodeId,
      clock,
      log: logger,
      limits: config.limits,
      bounds: parts.bounds,
      judge: parts.judge,
      onDenied: parts.onDenied,
    };
    this.relay = new Relay(options);
    this.udp = new UdpRelay(options);
    this.#ports = new ServicePorts({
      hosts: hostsOf(config),
      optionalLoopback: config.embedded,
      claim: parts.claim,
      onConnection: (port, socket) => this.#accept(port, socket),
      onDatagram: (port, via, message, from) => {
        const route = this.#switchboard.udp(port);
        if (route !== undefined) this.udp.receive(route, via, message, from);
      },
      onState: (key, state) => facts.setListener(key, state),
      onAcceptError,
      clock,
      logger,
    });
  }

  /** Ports open now or about to be. */
  get ports(): number {
    return this.#ports.size;
  }

  /** Opens the ports that services want, now that the edge has its own. */
  start(): void {
    this.#ports.start();
  }

  /** Follows the route table: opens ports, closes them, ends what leads elsewhere now. */
  apply(changes: readonly RouteChange[]): void {
    const { open, close, ended } = this.#switchboard.apply(changes);
    for (const { transport, port } of close) this.#ports.close(transport, port);
    for (const serviceId of ended) {
      this.relay.end(serviceId);
      this.udp.end(serviceId);
    }
    for (const { transport, port } of open) this.#ports.open(transport, port);
  }

  /** Ends connections and sessions that the restrictions of these services don't let in now. */
  recheck(serviceIds: ReadonlySet<string>): void {
    for (const id of serviceIds) {
      const route = this.#parts.table().direct(id);
      if (route === undefined) continue;
      this.relay.recheck(route);
      this.udp.recheck(route);
    }
  }

  /** Takes over a connection to the main port whose ClientHello asks for a TLS service; false when none has the name. */
  passThrough(socket: Socket, serverName: string, source: Endpoint | undefined): boolean {
    const route = this.#parts.table().lookupTls(serverName, undefined);
    if (route === undefined) return false;
    if (source !== undefined) standInFor(socket, source);
    this.relay.serve({ socket }, route);
    return true;
  }

  /** Whether a service of `mode` could listen on `port` here, right now. */
  isPortFree(mode: DirectMode, port: number): Promise<boolean> {
    return this.#ports.isFree(mode === 'udp' ? 'udp' : 'tcp', port);
  }

  stopAccepting(): void {
    this.#ports.closeAll();
    this.udp.close();
  }

  close(): void {
    this.stopAccepting();
    this.relay.close();
  }

  #accept(port: number, socket: Socket): void {
    const { config, admission, onRefused } = this.#parts;
    socket.on('error', ignore);
    const onAdmitted = (source: Endpoint | undefined): void => {
      if (source !== undefined) standInFor(socket, source);
      this.#dispatch(port, socket);
    };
    // Here bytes may be anything, so nothing can be guessed: what a trusted proxy brings begins with its header.
    const { trustedProxies, limits } = config;
    admitVia({ admission, trustedProxies, onRefused, time: limits.helloTime }, socket, onAdmitted, true);
  }

  /** TLS by its name first, then the port's TCP service. */
  #dispatch(port: number, socket: Socket): void {
    if (!this.#switchboard.hasTls(port)) {
      this.#toFallback(port, { socket });
      return;
    }
    const patient = this.#switchboard.tcp(port) === undefined;
    sniff(
      socket,
      patient,
      ({ serverName, early, ended, fault }) => {
        const route = serverName === undefined ? undefined : this.#parts.table().lookupTls(serverName, port);
        if (route !== undefined) this.relay.serve({ socket, early, ended }, route);
        else this.#toFallback(port, { socket, early, ended }, fault);
      },
      () => this.#parts.onRefused('closed'),
      this.#parts.config.limits,
    );
  }

  #toFallback(port: number, arrival: Arrival, fault = 'no such service'): void {
    const route = this.#switchboard.tcp(port);
    if (route !== undefined) {
      this.relay.serve(arrival, route);
      return;
    }
    this.#parts.onRefused(fault);
    arrival.socket.end(UNRECOGNIZED_NAME, () => arrival.socket.destroy());
  }
}

/** Where ports of services are listened on: the addresses of the main port; an embedded edge never leaves loopback, whatever it was told. */
export function hostsOf({ listen, embedded }: EdgeConfig): readonly string[] {
  const hosts = [...new Set(listen.map((address) => address.host))];
  if (!embedded) return hosts;
  const local = hosts.filter(isLoopback);
  return local.length > 0 ? local : ['127.0.0.1'];
}
