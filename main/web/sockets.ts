import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type CallFrame,
  CLOSE,
  callFrameSchema,
  type EventFrame,
  helloFrameSchema,
  type ReplyFrame,
} from '../../shared/contract/frames.ts';
import type { EventName } from '../../shared/contract/ipc.ts';
import type { App } from '../app/app.ts';
import { type Access, isOwnOrigin } from './access.ts';

/** Bounds of one shell; times in milliseconds, sizes in bytes. */
export interface SocketLimits {
  /** Windows at once. */
  readonly clients: number;
  /** One frame from a client. */
  readonly frame: number;
  /** Calls of one client under way at once. */
  readonly calls: number;
  /** What may wait for a slow client before it is cut. */
  readonly backlog: number;
  /** A new state waits while this much is on its way to the client: only the newest matters. */
  readonly stateBacklog: number;
  /** From the upgrade to the hello. */
  readonly hello: number;
  /** Between pings; a client that has not answered one when the next is due is cut. */
  readonly ping: number;
  /** From the goodbye to the end of a client that does not answer it. */
  readonly goodbye: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  clients: 32,
  frame: 256 * 1024,
  calls: 64,
  backlog: 8 * 1024 * 1024,
  stateBacklog: 64 * 1024,
  hello: 10_000,
  ping: 30_000,
  goodbye: 500,
};

/** What the sockets need of the application. */
export type SocketApp = Pick<App, 'dispatch' | 'on' | 'state'>;

export interface Sockets {
  /** Takes an upgrade request of the HTTP server, or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Says goodbye (1001) to every window and resolves when all are gone, after `limits.goodbye` at the latest. */
  close(): Promise<void>;
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}

/** One window: hello first, then calls; events as subscribed. */
class Client {
  readonly #socket: WebSocket;
  readonly #app: SocketApp;
  readonly #limits: SocketLimits;
  readonly #cookie: string | undefined;
  readonly #knowsKey: Access['knowsKey'];
  readonly #subscriptions: (() => void)[] = [];
  readonly #helloTimer: NodeJS.Timeout;
  #greeted = false;
  #calls = 0;
  #stateWaits = false;
  /** Whether it has answered the last ping. */
  #alive = true;

  constructor(socket: WebSocket, app: SocketApp, limits: SocketLimits, access: Access, cookie: string | undefined) {
    this.#socket = socket;
    this.#app = app;
    this.#limits = limits;
    this.#cookie = cookie;
    this.#knowsKey = access.knowsKey;
    this.#helloTimer = setTimeout(() => socket.close(CLOSE.tooSlow, 'no hello'), limits.hello);
    socket.on('message', (data, binary) => {
      const fault = binary ? CLOSE.malformed : this.#take(parse(data));
      if (fault !== undefined) socket.close(fault);
    });
    socket.on('pong', () => {
      this.#alive = true;
    });
    // What ws calls an error (a frame too large, a bad opcode) is followed by the close it deserves.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(this.#helloTimer);
      for (const end of this.#subscriptions) end();
    });
  }

  /** Asks whether the client is still there; cuts one that left the last ping unanswered. */
  ping(): void {
    if (this.#alive) this.#socket.ping();
    else this.#socket.terminate();
    this.#alive = false;
  }

  /** Does what a frame asks; the code to close with when it is not to be had. */
  #take(frame: unknown): number | undefined {
    if (!this.#greeted) return this.#greet(frame);
    const call = callFrameSchema.safeParse(frame);
    if (!call.success) return CLOSE.malformed;
    if (this.#calls >= this.#limits.calls) return CLOSE.tooMany;
    void this.#answer(call.data);
    return undefined;
  }

  #greet(frame: unknown): number | undefined {
    const hello = helloFrameSchema.safeParse(frame);
    if (!hello.success) return CLOSE.malformed;
    if (!this.#knowsKey(hello.data.key ?? '', this.#cookie)) return CLOSE.keyUnknown;
    clearTimeout(this.#helloTimer);
    this.#greeted = true;
    for (const event of new Set<EventName>(hello.data.subscribe)) {
      if (event === 'log') this.#subscriptions.push(this.#app.on('log', (value) => this.#send({ event, value })));
      else if (event === 'notice')
        this.#subscriptions.push(this.#app.on('notice', (value) => this.#send({ event, value })));
      else if (event === 'inspector')
        this.#subscriptions.push(this.#app.on('inspector', (value) => this.#send({ event, value })));
      else {
        this.#subscriptions.push(this.#app.on('state', () => this.#sendState()));
        this.#sendState();
      }
    }
    return undefined;
  }

  async #answer(call: CallFrame): Promise<void> {
    this.#calls += 1;
    const reply = await this.#app.dispatch(call.channel, call.input);
    this.#calls -= 1;
    this.#send({ id: call.id, reply });
  }

  /** Sends the newest state, or as soon as the client has taken what is already on its way. */
  #sendState(): void {
    if (this.#stateWaits) return;
    if (this.#socket.bufferedAmount > this.#limits.stateBacklog) {
      this.#stateWaits = true;
      return;
    }
    this.#send({ event: 'state', value: this.#app.state() });
  }

  #send(frame: ReplyFrame | EventFrame): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > this.#limits.backlog) {
      socket.terminate();
      return;
    }
    socket.send(JSON.stringify(frame), () => {
      if (!this.#stateWaits || socket.bufferedAmount > this.#limits.stateBacklog) return;
      this.#stateWaits = false;
      this.#sendState();
    });
  }
}

/** The WebSocket side of the web shell, at `/rpc`. A request without an `Origin` of our own is refused. */
export function createSockets(app: SocketApp, access: Access, limits: SocketLimits = SOCKET_LIMITS): Sockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: limits.frame, perMessageDeflate: false });
  const clients = new Set<Client>();
  const heartbeat = setInterval(() => {
    for (const client of clients) client.ping();
  }, limits.ping);
  heartbeat.unref();
  /** The status to refuse an upgrade with. */
  const judge = ({ headers, url }: IncomingMessage): string | undefined => {
    if (!access.knowsHost(headers.host)) return '421 Misdirected Request';
    if (!isOwnOrigin(headers.origin, headers.host)) return '403 Forbidden';
    if (url !== '/rpc') return '404 Not Found';
    if (!access.knowsCookie(headers.cookie)) return '401 Unauthorized';
    // Those that are being told "too many" take room too.
    return server.clients.size >= limits.clients * 2 ? '503 Service Unavailable' : undefined;
  };
  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const refusal = judge(request);
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        if (clients.size >= limits.clients) {
          webSocket.close(CLOSE.tooMany, 'too many windows');
          return;
        }
        const client = new Client(webSocket, app, limits, access, request.headers.cookie);
        clients.add(client);
        webSocket.on('close', () => clients.delete(client));
      });
    },
    async close() {
      clearInterval(heartbeat);
      server.close();
      const gone = [...server.clients].map((webSocket) => once(webSocket, 'close'));
      for (const webSocket of server.clients) webSocket.close(1001, 'Porthole is closing');
      const cut = setTimeout(() => {
        for (const webSocket of server.clients) webSocket.terminate();
      }, limits.goodbye);
      await Promise.all(gone);
      clearTimeout(cut);
    },
  };
}
