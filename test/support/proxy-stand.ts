/**
 * The proxy with a real tunnel to a real origin, all on loopback: visitors' sockets in front, `serve` for the listener,
 * one service `app.test` and whatever else `routes` says.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { BoundWatch } from '../../edge/bounds.ts';
import type { Limits } from '../../edge/limits.ts';
import { createHttpProxy, type HttpProxy } from '../../edge/proxy/proxy.ts';
import type { TrustedProxies } from '../../edge/trusted-proxies.ts';
import type { Route, RouteTarget, Stage } from '../../edge/visit.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { TargetProblem } from '../../shared/domain/status.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { createSplice } from '../../shared/node/splice.ts';
import type { StreamOpener } from '../../shared/node/stream.ts';
import { RESET } from '../../shared/wire/codes.ts';
import { decodeOpen, encodeOpen } from '../../shared/wire/open.ts';
import { selfSigned } from './certificate.ts';
import type { Transport } from './socket-pair.ts';
import { openerOver, type TunnelPair, tunnelPair } from './tunnel-pair.ts';

/** A target at `port` of loopback. */
export const targetAt = (port: number, prefix = '/'): RouteTarget => ({
  id: `target-${port}`,
  agentId: 'agent-1',
  label: `port ${port}`,
  prefix,
  authority: `localhost:${port}`,
  open: encodeOpen({
    type: 'agent',
    host: 'localhost',
    port,
    tls: false,
    skipTlsVerify: false,
    connectTimeout: 5000,
  }),
});

/** A service at `domain` whose only target is `target`. */
export const routeTo = (target: RouteTarget, domain = 'app.test'): Route => ({
  serviceId: `service-${domain}`,
  name: 'My app',
  domain,
  enabled: true,
  passHostHeader: false,
  targets: [target],
});

/** Finds the route by host, and takes its first target. */
export const routeStage =
  (routes: () => readonly Route[]): Stage =>
  (visit) => {
    const route = routes().find((r) => r.domain === visit.host);
    if (route === undefined) return 'no_service';
    visit.route = route;
    visit.target = route.targets[0];
    return route.enabled ? undefined : 'service_disabled';
  };

/** Tunnels that lead straight to one pair's agent, which dials loopback for every OPEN. */
export async function dialledTunnel(transport: Transport): Promise<{ pair: TunnelPair; tunnels: StreamOpener }> {
  const pair = await tunnelPair(transport, {
    onOpen(stream, payload) {
      const splice = createSplice(stream);
      const open = decodeOpen(payload);
      const socket = net.connect({ host: '127.0.0.1', port: open?.port ?? 0, allowHalfOpen: true, noDelay: true });
      const refuse = (): void => stream.reset(RESET.REFUSED);
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        stream.opened(1);
        splice.join(socket);
      });
      return splice;
    },
  });
  return { pair, tunnels: openerOver(() => pair.edge) };
}

export interface ProxyStand {
  readonly proxy: HttpProxy;
  /** Where visitors connect, on 127.0.0.1. */
  readonly port: number;
  readonly records: AccessRecord[];
  readonly dials: (TargetProblem | undefined)[];
  /** Resolves with the first record that `wanted` picks, past or to come. */
  recorded(wanted: (record: AccessRecord) => boolean): Promise<AccessRecord>;
  close(): Promise<void>;
}

export interface ProxyStandOptions {
  readonly tunnels: StreamOpener;
  readonly routes: readonly Route[] | (() => readonly Route[]);
  readonly clock?: Clock;
  /** Visitors come over TLS. */
  readonly secure?: boolean;
  readonly limits?: Partial<Limits>;
  readonly bounds?: BoundWatch;
  readonly onMisuse?: (address: string) => void;
  /** Where the next visitor comes from; by default where its socket does. */
  readonly addressOf?: () => string;
  /** Peers whose `X-Forwarded-For` is believed. */
  readonly proxies?: TrustedProxies;
}

/** A listener with the proxy behind it. */
export async function proxyStand(options: ProxyStandOptions): Promise<ProxyStand> {
  const records: AccessRecord[] = [];
  const dials: (TargetProblem | undefined)[] = [];
  const waiting = new Set<{ wanted: (r: AccessRecord) => boolean; found: (r: AccessRecord) => void }>();
  const { routes } = options;
  const proxy = createHttpProxy({
    stages: [routeStage(typeof routes === 'function' ? routes : () => routes)],
    tunnels: options.tunnels,
    record(record) {
      records.push(record);
      for (const waiter of waiting) {
        if (!waiter.wanted(record)) continue;
        waiting.delete(waiter);
        waiter.found(record);
      }
    },
    onDial: (_target, problem) => dials.push(problem),
    nodeId: 'node-1',
    clock: options.clock ?? systemClock,
    limits: options.limits ?? {},
    ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
    ...(options.onMisuse === undefined ? {} : { onMisuse: options.onMisuse }),
  });
  const secure = options.secure === true;
  const serve = (socket: net.Socket): void =>
    proxy.serve(socket, {
      secure,
      localPort: 443,
      peerAddress: options.addressOf?.() ?? socket.remoteAddress ?? '',
      ...(options.proxies?.trusts(socket.remoteAddress) ? { proxies: options.proxies } : {}),
      serverName: secure ? 'app.test' : undefined,
    });
  const server = secure
    ? tls.createServer({ ...selfSigned(), ALPNProtocols: ['h2', 'http/1.1'], allowHalfOpen: true }, serve)
    : net.createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    proxy,
    port: address.port,
    records,
    dials,
    recorded(wanted) {
      const known = records.find(wanted);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((found) => waiting.add({ wanted, found }));
    },
    close() {
      proxy.close();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A visitor who speaks bytes. */
export class RawVisitor {
  readonly socket: net.Socket;
  /** Everything received, as Latin-1. */
  text = '';
  error: Error | undefined;
  readonly #closed = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #watchers = new Set<() => void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      for (const look of this.#watchers) look();
    });
    socket.on('end', () => this.#ended.resolve());
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.#closed.resolve();
      for (const look of this.#watchers) look();
    });
  }

  static async connect(port: number, secure = false): Promise<RawVisitor> {
    const options = { host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true };
    const socket = secure ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
    await new Promise<void>((resolve, reject) => {
      socket.once(secure ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return new RawVisitor(socket);
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Resolves once `wanted` holds for what was received; rejects when the connection closes before. */
  until(wanted: (text: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (wanted(this.text)) resolve(this.text);
        else if (this.socket.closed) reject(new Error(`closed after ${JSON.stringify(this.text.slice(0, 500))}`));
        else return;
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  untilIncludes(part: string): Promise<string> {
    return this.until((text) => text.includes(part));
  }

  /** The peer has half-closed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }
}
