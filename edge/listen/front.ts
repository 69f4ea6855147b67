import { createServer, isIP, type Server, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, Server as TlsServer } from 'node:tls';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import type { Cidr } from '../../shared/domain/cidr.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { standInFor } from '../peer.ts';
import type { Endpoint } from '../proxy-header.ts';
import { errorCode } from './address.ts';
import type { Admission } from './admission.ts';
import type { ClientHello } from './client-hello.ts';
import { type HelloLimits, peekHello } from './peek.ts';
import { admitVia } from './proxied.ts';

/** Who takes over a connection of the main port once its TLS handshake is done. */
export interface FrontHandlers {
  /** An agent's tunnel: TLS 1.3, `porthole/1` agreed. */
  tunnel(socket: TLSSocket): void;
  /** The control API: the cluster's own name, or no name at all. */
  api(socket: TLSSocket): void;
  /** A visitor who asked for `serverName` (lower-case, without a trailing dot), by HTTP/2 if the ALPN says so. */
  visitor(socket: TLSSocket, serverName: string): void;
  /**
   * A connection whose ClientHello (put back, unread) asks for `serverName`: true when it is taken over as it is, to be
   * carried through unopened. `source`: where it came from, by the word of a trusted proxy.
   */
  passThrough?(socket: Socket, serverName: string, source: Endpoint | undefined): boolean;
}

export interface FrontOptions {
  /** The cluster's domain, lower-case. */
  readonly domain: string;
  /** The certificate for a name that a client asks for (lower-case, no trailing dot). A promise never rejects. */
  readonly secureContext: (serverName: string) => SecureContext | Promise<SecureContext>;
  /** The certificate for clients that name no server. */
  readonly defaultContext: () => SecureContext;
  readonly admission: Admission;
  /** Peers whose PROXY protocol headers are believed. */
  readonly trustedProxies?: readonly Cidr[];
  /** Whether visitors from `address` may speak HTTP/2; all may unless told. */
  readonly offersHttp2?: (address: string) => boolean;
  readonly limits?: HelloLimits & Pick<Limits, 'handshakeTime'>;
  readonly handlers: FrontHandlers;
  /** Told of every connection that ends before anybody took it over. */
  readonly onRefused: (reason: string) => void;
  /** Takes over connections (ClientHello put back, unread) that another process of this node is to serve. */
  readonly divert?: (hello: ClientHello, socket: Socket, source: Endpoint | undefined) => boolean;
  /** Told of errors of accepting itself, such as running out of file descriptors. The port stays open. */
  readonly onAcceptError: (error: Error) => void;
}

/** What was learned of a connection before its TLS handshake. */
interface Arrival {
  readonly serverName?: string;
  /** Where it came from, by the word of a trusted proxy. */
  readonly source: Endpoint | undefined;
}

/** The main port: looks at each connection's ClientHello and hands it to the TLS server that it is meant for. */
export class Front {
  readonly #options: FrontOptions;
  readonly #tunnel: TlsServer;
  readonly #api: TlsServer;
  readonly #visitor: TlsServer;
  readonly #visitorWithoutHttp2: TlsServer;
  /** What is known of connections beyond what their sockets tell. See `#handOver`. */
  readonly #arrivals = new Map<string, Arrival>();

  constructor(options: FrontOptions) {
    const { handlers } = options;
    this.#options = options;
    this.#tunnel = this.#terminate([TUNNEL_ALPN], (socket) => {
      if (socket.alpnProtocol === TUNNEL_ALPN && socket.getProtocol() === 'TLSv1.3') handlers.tunnel(socket);
      else this.#refuse(socket, 'tunnel below TLS 1.3');
    });
    this.#api = this.#terminate(['http/1.1'], handlers.api);
    const toVisitor = (socket: TLSSocket, arrival: Arrival | undefined): void => {
      if (arrival?.serverName !== undefined) handlers.visitor(socket, arrival.serverName);
      else this.#refuse(socket, 'gone');
    };
    this.#visitor = this.#terminate(['h2', 'http/1.1'], toVisitor);
    this.#visitorWithoutHttp2 = this.#terminate(['http/1.1'], toVisitor);
  }

  /** A server that accepts for the main port; one for each address. */
  createListener(): Server {
    const { admission, trustedProxies = [], onRefused, onAcceptError, limits } = this.#options;
    const trust = { admission, trustedProxies, onRefused, time: limits?.helloTime };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      // Whatever goes wrong closes the socket, and its owner hears of that.
      socket.on('error', ignore);
      admitVia(trust, socket, (source) => this.#peek(socket, source));
    });
    server.on('error', (error) => {
      if (server.listening) onAcceptError(error);
    });
    return server;
  }

  /** Takes over a connection that another process of this node has accepted, and serves it here whatever it asks for. */
  adopt(socket: Socket, source: Endpoint | undefined): void {
    socket.on('error', ignore);
    const { admission } = this.#options;
    const address = source?.address ?? socket.remoteAddress ?? '';
    if (admission.admitProxy(socket) && admission.attribute(socket, address)) this.#peek(socket, source, true);
  }

  #peek(socket: Socket, source: Endpoint | undefined, adopted = false): void {
    peekHello(
      socket,
      (hello) => {
        const { serverName, alpn } = hello;
        if (!adopted && this.#options.divert?.(hello, socket, source) === true) return;
        if (alpn.includes(TUNNEL_ALPN)) this.#handOver(this.#tunnel, socket, { source });
        else if (serverName === undefined || this.#isOurs(serverName)) this.#handOver(this.#api, socket, { source });
        else if (this.#options.handlers.passThrough?.(socket, serverName, source) !== true)
          this.#handOver(this.#serverFor(source?.address ?? socket.remoteAddress), socket, { serverName, source });
      },
      this.#options.onRefused,
      this.#options.limits,
    );
  }

  #serverFor(address = ''): TlsServer {
    return this.#options.offersHttp2?.(address) === false ? this.#visitorWithoutHttp2 : this.#visitor;
  }

  /** An address is no server name (RFC 6066), but some clients send one where they were given one. */
  #isOurs = (serverName: string): boolean => serverName === this.#options.domain || isIP(serverName) !== 0;

  /**
   * Keeps the name from the ClientHello until the connection ends: Node forgets it when a client resumes a TLS 1.2
   * session, and a visitor without it could reach any service under any name. The same for what a proxy said.
   */
  #handOver(server: TlsServer, socket: Socket, arrival: Arrival): void {
    if (arrival.serverName !== undefined || arrival.source !== undefined) {
      const ends = endsOf(socket);
      this.#arrivals.set(ends, arrival);
      socket.once('close', () => this.#arrivals.delete(ends));
    }
    // Who half-closes in the middle of a handshake has left. Left half open, it would keep its place until the timeout.
    socket.allowHalfOpen = false;
    server.emit('connection', socket);
  }

  #refuse(socket: Socket, reason: string): void {
    this.#options.onRefused(reason);
    socket.destroy();
  }

  /** A TLS server that never listens: it is fed with sockets. TLS 1.2 and 1.3, resumption by tickets. */
  #terminate(ALPNProtocols: string[], onSecure: (socket: TLSSocket, arrival: Arrival | undefined) => void): TlsServer {
    const { secureContext, defaultContext, limits = DEFAULT_LIMITS } = this.#options;
    const server = new TlsServer({
      ALPNProtocols,
      handshakeTimeout: limits.handshakeTime,
      SNICallback: (name, done) => {
        const found = secureContext(normalise(name));
        if (found instanceof Promise) void found.then((context) => done(null, context));
        else done(null, found);
      },
    });
    setDefaultContext(server, defaultContext);
    server.on('secureConnection', (socket) => {
      socket.allowHalfOpen = true;
      socket.on('error', ignore);
      const arrival = this.#arrivals.get(endsOf(socket));
      if (arrival?.source !== undefined) standInFor(socket, arrival.source);
      onSecure(socket, arrival);
    });
    server.on('tlsClientError', (error, socket) => {
      this.#refuse(socket, `handshake: ${errorCode(error) || error.message}`);
    });
    return server;
  }
}

/**
 * Makes `server` answer clients that send no name with the context that `current` yields at that moment. There is no
 * public way: `SNICallback` isn't asked without a name, and `setSecureContext` takes PEM only. A Node that keeps the
 * context elsewhere fails here, at the start, not at the first such client.
 */
function setDefaultContext(server: TlsServer, current: () => SecureContext): void {
  if (!Object.hasOwn(server, '_sharedCreds')) throw new Error('this Node keeps the default TLS context elsewhere');
  Object.defineProperty(server, '_sharedCreds', { get: current });
}

const ignore = (): void => {};

const normalise = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** What tells a TCP connection from all others; TLS sockets show the same as what they run over. */
const endsOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
