/** An HTTP proxy that opens ways by CONNECT to ports of this machine, and remembers what it was asked. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ConnectProxyOptions {
  /** Where places lead that this machine can't resolve: `edge.test:443` to a port. Others are answered with 502. */
  readonly leads: Readonly<Record<string, number>>;
  /** `user:password` that everybody has to give. */
  readonly credentials?: string;
}

export class ConnectProxy implements AsyncDisposable {
  /** The heads of all requests, as they came. */
  readonly heads: string[] = [];
  readonly #options: ConnectProxyOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(options: ConnectProxyOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  /** Places that were asked for. */
  get asked(): readonly string[] {
    return this.heads.map((head) => head.split(' ')[1] ?? '');
  }

  /** Starts it, on the port of before if there was one. */
  async start(): Promise<this> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }

  /** Cuts every connection and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  /** Resolves once no connection is open. */
  async idle(): Promise<void> {
    while (this.#sockets.size > 0) await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
  }

  #serve(socket: Socket): void {
    this.#keep(socket);
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', read).pause();
      this.heads.push(text.slice(0, end));
      this.#answer(socket, text.slice(0, end));
    };
    socket.on('data', read);
  }

  #answer(socket: Socket, head: string): void {
    const { leads, credentials } = this.#options;
    const wanted = credentials === undefined ? undefined : Buffer.from(credentials).toString('base64');
    if (wanted !== undefined && !head.includes(`Proxy-Authorization: Basic ${wanted}`)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n');
      return;
    }
    const port = leads[/^CONNECT (\S+) HTTP\/1\.[01]\r\n/.exec(head)?.[1] ?? ''];
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const onward = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.#keep(onward);
    onward.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.once('close', () => socket.destroy());
    socket.once('close', () => onward.destroy());
  }
}
