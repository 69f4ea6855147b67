import { createServer, isIP, type Server, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, Server as TlsServer } from 'node:tls';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import { errorCode } from './address.ts';
import type { Admission } from './admission.ts';
import { peekHello } from './peek.ts';

/** Milliseconds for a whole TLS handshake. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Who takes over a connection of the main port once its TLS handshake is done. */
export interface FrontHandlers {
  /** An agent's tunnel: TLS 1.3, `porthole/1` agreed. */
  tunnel(socket: TLSSocket): void;
  /** The control API: the cluster's own name, or no name at all. */
  api(socket: TLSSocket): void;
  /** A visitor who asked for `serverName` (lower-case, without a trailing dot). */
  visitor(socket: TLSSocket, serverName: string): void;
}

export interface FrontOptions {
  /** The cluster's domain, lower-case. */
  readonly domain: string;
  /** The certificate for a name that a client asks for (lower-case, no trailing dot). */
  readonly secureContext: (serverName: string) => SecureContext;
  /** The certificate for clients that name no server. */
  readonly defaultContext: () => SecureContext;
  readonly admission: Admission;
  readonly handlers: FrontHandlers;
  /** Told of every connection that ends before anybody took it over. */
  readonly onRefused: (reason: string) => void;
  /** Told of errors of accepting itself, such as running out of file descriptors. The port stays open. */
  readonly onAcceptError: (error: Error) => void;
}

/** The main port: looks at each connection's ClientHello and hands it to the TLS server that it is meant for. */
export class Front {
  readonly #options: FrontOptions;
  readonly #tunnel: TlsServer;
  readonly #api: TlsServer;
  readonly #visitor: TlsServer;
  /** Names that visitors under way asked for. See `#visit`. */
  readonly #names = new Map<string, string>();

  constructor(options: FrontOptions) {
    const { handlers } = options;
    this.#options = options;
    this.#tunnel = this.#terminate([TUNNEL_ALPN], (socket) => {
      if (socket.alpnProtocol === TUNNEL_ALPN && socket.getProtocol() === 'TLSv1.3') handlers.tunnel(socket);
      else this.#refuse(socket, 'tunnel below TLS 1.3');
    });
    this.#api = this.#terminate(['http/1.1'], handlers.api);
    this.#visitor = this.#terminate(['http/1.1'], (socket) => {
      const name = this.#names.get(endsOf(socket));
      if (name !== undefined) handlers.visitor(socket, name);
      else this.#refuse(socket, 'gone');
    });
  }

  /** A server that accepts for the main port; one for each address. */
  createListener(): Server {
    const { admission, onAcceptError } = this.#options;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      // Whatever goes wrong closes the socket, and its owner hears of that.
      socket.on('error', ignore);
      if (admission.admit(socket)) this.#peek(socket);
    });
    server.on('error', (error) => {
      if (server.listening) onAcceptError(error);
    });
    return server;
  }

  #peek(socket: Socket): void {
    peekHello(
      socket,
      ({ serverName, alpn }) => {
        if (alpn.includes(TUNNEL_ALPN)) this.#tunnel.emit('connection', socket);
        else if (serverName === undefined || this.#isOurs(serverName)) this.#api.emit('connection', socket);
        else this.#visit(socket, serverName);
      },
      this.#options.onRefused,
    );
  }

  /** An address is no server name (RFC 6066), but some clients send one where they were given one. */
  #isOurs = (serverName: string): boolean => serverName === this.#options.domain || isIP(serverName) !== 0;

  /**
   * Keeps the name from the ClientHello until the connection ends: Node forgets it when a client resumes a TLS 1.2
   * session, and a visitor without it could reach any service under any name.
   */
  #visit(socket: Socket, serverName: string): void {
    const ends = endsOf(socket);
    this.#names.set(ends, serverName);
    socket.once('close', () => this.#names.delete(ends));
    this.#visitor.emit('connection', socket);
  }

  #refuse(socket: Socket, reason: string): void {
    this.#options.onRefused(reason);
    socket.destroy();
  }

  /** A TLS server that never listens: it is fed with sockets. TLS 1.2 and 1.3, resumption by tickets. */
  #terminate(ALPNProtocols: string[], onSecure: (socket: TLSSocket) => void): TlsServer {
    const { secureContext, defaultContext } = this.#options;
    const server = new TlsServer({
      ALPNProtocols,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      SNICallback: (name, done) => done(null, secureContext(normalise(name))),
    });
    setDefaultContext(server, defaultContext);
    server.on('secureConnection', (socket) => {
      socket.on('error', ignore);
      onSecure(socket);
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
