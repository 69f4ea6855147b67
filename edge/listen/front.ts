import { createServer, type Server, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, type TlsOptions, Server as TlsServer } from 'node:tls';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import type { Admission } from './admission.ts';
import type { ClientHello } from './client-hello.ts';
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
  /** The certificate for a name; `undefined` asks for the cluster's own. */
  readonly secureContext: (serverName: string | undefined) => SecureContext | Promise<SecureContext>;
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

  constructor(options: FrontOptions) {
    const { handlers } = options;
    this.#options = options;
    this.#tunnel = this.#terminate({ minVersion: 'TLSv1.3', ALPNProtocols: [TUNNEL_ALPN] }, (socket) => {
      if (socket.alpnProtocol === TUNNEL_ALPN) handlers.tunnel(socket);
      else socket.destroy();
    });
    const http: TlsOptions = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
    this.#api = this.#terminate(http, handlers.api);
    this.#visitor = this.#terminate(http, (socket) => handlers.visitor(socket, serverNameOf(socket)));
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
    peekHello(socket, (hello) => this.#choose(hello).emit('connection', socket), this.#options.onRefused);
  }

  #choose({ serverName, alpn }: ClientHello): TlsServer {
    if (alpn.includes(TUNNEL_ALPN)) return this.#tunnel;
    return serverName === undefined || serverName === this.#options.domain ? this.#api : this.#visitor;
  }

  #terminate(options: TlsOptions, onSecure: (socket: TLSSocket) => void): TlsServer {
    const { secureContext, onRefused } = this.#options;
    const server = new TlsServer({
      ...options,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      sessionTimeout: 3600,
      SNICallback: (name, done) => {
        const find = async (): Promise<SecureContext> => secureContext(name.toLowerCase().replace(/\.$/, ''));
        find().then(
          (context) => done(null, context),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      },
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', ignore);
      onSecure(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      onRefused(`handshake ${'code' in error ? String(error.code) : error.message}`);
      socket.destroy();
    });
    return server;
  }

  /** Replaces the cluster's own certificate, which answers clients that send no name. */
  setDefaultCertificate(certificate: { readonly cert: string | Buffer; readonly key: string | Buffer }): void {
    for (const server of [this.#tunnel, this.#api, this.#visitor]) server.setSecureContext({ ...certificate });
  }
}

const ignore = (): void => {};

/** Node types the name as a string, `false` or `null`; a visitor's is always there, for the peek saw it. */
const serverNameOf = (socket: TLSSocket): string =>
  String(socket.servername || '')
    .toLowerCase()
    .replace(/\.$/, '');
