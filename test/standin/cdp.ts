/** A client of the Chrome DevTools protocol over Node's own WebSocket, with flat sessions. */
import { EventEmitter } from 'node:events';

export type Params = Record<string, unknown>;
// Events and results are typed where they are used: the protocol's own typings would be a dependency for six of them.
type Loose = Record<string, never>;

interface Incoming {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Loose;
  readonly error?: { readonly message: string };
}
interface Waiting {
  readonly method: string;
  readonly resolve: (value: Loose) => void;
  readonly reject: (error: Error) => void;
}

/** One target's (or the browser's) side of the connection: `send` commands, listen to events by their method. */
export class CdpSession extends EventEmitter {
  readonly #connection: CdpConnection;
  readonly #id: string | undefined;

  constructor(connection: CdpConnection, id: string | undefined) {
    super();
    this.#connection = connection;
    this.#id = id;
  }

  /** Resolves with the command's result; rejects when Chromium refuses it or the connection ends. */
  send<T extends object = Loose>(method: string, params: Params = {}): Promise<T> {
    // The caller says what the protocol's documentation says this command yields.
    return this.#connection.command(method, params, this.#id) as Promise<T>;
  }

  /** `send`, for commands to a page that may be gone meanwhile. */
  async tell(method: string, params: Params = {}): Promise<void> {
    await this.send(method, params).catch(() => undefined);
  }
}

/** Milliseconds that a Chromium that listens has to take the connection. */
const OPEN_LIMIT = 10_000;

export class CdpConnection {
  readonly browser = new CdpSession(this, undefined);
  readonly #socket: WebSocket;
  readonly #sessions = new Map<string, CdpSession>();
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #closing = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = (message) => this.#take(JSON.parse(String(message.data)));
    socket.onclose = () => {
      if (this.#closing) return;
      for (const { method, reject } of this.#waiting.values())
        reject(new Error(`stand-in: Chromium is gone, ${method} with it`));
      this.#waiting.clear();
    };
  }

  static async open(url: string): Promise<CdpConnection> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      const refuse = (): void => reject(new Error('stand-in: Chromium does not take a DevTools connection'));
      const limit = setTimeout(refuse, OPEN_LIMIT);
      socket.onopen = () => {
        clearTimeout(limit);
        resolve(undefined);
      };
      socket.onerror = refuse;
    });
    return new CdpConnection(socket);
  }

  /** Asks Chromium to close. What is still under way stays without an answer: nobody waits for it any more. */
  close(): void {
    this.#closing = true;
    void this.browser.tell('Browser.close');
  }

  session(id: string): CdpSession {
    const session = this.#sessions.get(id) ?? new CdpSession(this, id);
    this.#sessions.set(id, session);
    return session;
  }

  command(method: string, params: Params, sessionId: string | undefined): Promise<Loose> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  #take(message: Incoming): void {
    if (message.id === undefined) {
      const session = message.sessionId === undefined ? this.browser : this.#sessions.get(message.sessionId);
      if (message.method !== undefined) session?.emit(message.method, message.params);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result ?? {});
    else waiting?.reject(new Error(`${waiting.method}: ${message.error.message}`));
  }
}
