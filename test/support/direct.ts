/** Servers and clients of TCP, TLS and UDP services, and a Porthole that carries them: real processes all. */
import { createHash, type Hash } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type CliProcess, type Home, startCli, temporaryHome } from './cli.ts';

export interface Listed {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly status: string;
}

interface StateLine {
  readonly servicesKnown: boolean;
  readonly link: { readonly state: string };
  readonly services: readonly Listed[];
}

export interface Ran {
  readonly code: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export async function run(home: Home, ...args: string[]): Promise<Ran> {
  const cli = startCli(home, args);
  let out = '';
  cli.child.stdout?.on('data', (chunk: string) => {
    out += chunk;
  });
  const code = await cli.ended();
  return { code, out, err: cli.errors() };
}

/** A published service, live. */
export interface Live {
  readonly id: string;
  readonly port: number;
  readonly url: string;
  readonly domain: string;
}

/** `porthole up` with a data folder of its own: an agent, and the edge that it joined or its embedded one. */
export class Up implements AsyncDisposable {
  readonly home: Home;
  readonly cli: CliProcess;
  #state: StateLine | undefined;
  /** One reader at a time: lines are taken off. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(home: Home, cli: CliProcess) {
    this.home = home;
    this.cli = cli;
  }

  static async start(home: Home = temporaryHome()): Promise<Up> {
    const up = new Up(home, startCli(home, ['up', '--json']));
    await up.until((state) => state.servicesKnown && state.link.state === 'up');
    return up;
  }

  /** The first state, now or later, that `fits`. */
  async until(fits: (state: StateLine) => boolean): Promise<StateLine> {
    const before = this.#reading;
    const turn = Promise.withResolvers<void>();
    this.#reading = turn.promise;
    await before;
    try {
      while (this.#state === undefined || !fits(this.#state))
        this.#state = (await this.cli.line()) as unknown as StateLine;
      return this.#state;
    } finally {
      turn.resolve();
    }
  }

  /** `porthole services add`, and waits until the service is `status`. */
  async add(port: number, args: readonly string[], status = 'active'): Promise<Live> {
    const { code, out, err } = await run(this.home, 'services', 'add', String(port), ...args, '--json');
    if (code !== 0) throw new Error(`${out}${err}`);
    const { id, url, domain } = JSON.parse(out) as { id: string; url: string; domain: string };
    await this.until((state) => state.services.some((s) => s.id === id && s.status === status));
    return { id, url, domain, port: Number(new URL(url).port) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cli[Symbol.asyncDispose]();
    await this.home[Symbol.asyncDispose]();
  }
}

export interface Origin extends AsyncDisposable {
  readonly port: number;
  readonly server: Server;
}

/** A TCP server on loopback that half-closes only when told, on any port unless told. */
export async function tcpOrigin(serve: (socket: Socket) => void, port = 0): Promise<Origin> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    serve(socket);
  });
  return listening(server, open, port);
}

/**
 * For a `tcpOrigin`: tells `heard` what a visitor has said when that is all, and ends. The agent's own look at its target
 * says nothing, and may be the first to come.
 */
export const hearing =
  (heard: (all: Buffer) => void) =>
  (socket: Socket): void =>
    void readAll(socket).then(
      (all) => {
        socket.end();
        if (all.length > 0) heard(all);
      },
      () => {},
    );

/** Listens on loopback; `open` are the connections that end with it. */
export async function listening(server: Server, open: ReadonlySet<Socket>, port = 0): Promise<Origin> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Sends back what it gets, and half-closes after the visitor has. */
export const echo = (socket: Socket): void => void socket.pipe(socket);

export interface UdpOrigin extends AsyncDisposable {
  readonly port: number;
  readonly socket: UdpSocket;
}

export async function udpOrigin(answer: (message: Buffer, reply: (m: Uint8Array) => void) => void): Promise<UdpOrigin> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
  socket.on('message', (message, from) => answer(message, (m) => socket.send(m, from.port, from.address)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    socket,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** A connection to a service's port that half-closes only when told. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Everything until the other side half-closes; fails when the connection breaks before. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([
    once(socket, 'end'),
    once(socket, 'close').then(() => {
      if (!socket.readableEnded) throw new Error(`broken after ${Buffer.concat(chunks).length} bytes`);
    }),
  ]);
  return Buffer.concat(chunks);
}

/** Hash of everything until the other side half-closes. */
export async function hashAll(socket: Socket): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Resolves when the connection is gone, with what had come until then and whether it was reset. */
export async function untilGone(socket: Socket): Promise<{ readonly received: Buffer; readonly reset: boolean }> {
  const chunks: Buffer[] = [];
  let reset = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {
    reset = true;
  });
  socket.on('end', () => socket.end());
  if (!socket.closed) await once(socket, 'close').catch(() => {});
  return { received: Buffer.concat(chunks), reset };
}

/** The error code of a connection attempt; `''` when it worked. */
export async function dialError(port: number): Promise<string> {
  try {
    (await dial(port)).destroy();
    return '';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}

/** A visitor of a UDP service, with a port of its own. */
export class UdpVisitor implements AsyncDisposable {
  readonly #socket: UdpSocket;
  readonly #received: Buffer[] = [];
  #wake = Promise.withResolvers<void>();

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
    socket.on('message', (message) => {
      this.#received.push(message);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
    socket.on('error', () => {});
  }

  static async to(port: number): Promise<UdpVisitor> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new UdpVisitor(socket);
  }

  send(datagram: Uint8Array): void {
    this.#socket.send(datagram, () => {});
  }

  /** The next datagram. */
  async next(): Promise<Buffer> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      await this.#wake.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
