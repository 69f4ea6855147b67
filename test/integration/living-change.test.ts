/**
 * Changes while everything is in use: what is under way on a service lives through changes of others and through
 * changes of its own that don't concern it, through new certificates, and through a new link of its laptop.
 */
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { JoinReply, ServiceView } from '../../shared/contract/control-api.ts';
import {
  ask,
  call,
  joinEdge,
  type Laptop,
  linkLaptop,
  publish,
  type RunningEdge,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const stack = new AsyncDisposableStack();
let edge: RunningEdge;
let joined: JoinReply;
let laptop: Laptop;
let live: ServiceView;
let echoId: string;
let echoPort: number;
let appPort: number;
/** Responses that wait for a word of the test. */
const waiting: ServerResponse[] = [];
let names = 0;

async function listening(server: http.Server | ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const folder = stack.use(temporaryFolder());
  edge = stack.use(await startEdge(folder.path));
  const app = http.createServer((request, response) => {
    if (request.url !== '/slow') {
      response.end('now');
      return;
    }
    response.write('first ');
    waiting.push(response);
  });
  const chat = new WebSocketServer({ server: app });
  chat.on('connection', (socket) => {
    socket.on('error', () => {}).on('message', (data, binary) => socket.send(data, { binary }));
  });
  const echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
  appPort = await listening(app);
  const echoTarget = await listening(echo);
  stack.defer(() => {
    chat.close();
    app.close();
    app.closeAllConnections();
    echo.close();
  });
  joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  laptop = await linkLaptop(edge, joined);
  live = await publish(edge, joined, 'live', [{ port: appPort }]);
  const made = await call(edge, 'POST', '/services', joined.credential, {
    subdomain: 'echo',
    mode: 'tcp',
    targets: [{ port: echoTarget }],
  });
  ({ id: echoId, listenPort: echoPort } = made.value as { id: string; listenPort: number });
});
afterAll(() => stack.disposeAsync());

/** What is under way: a response, a WebSocket and a TCP connection; each is asked whether it still lives. */
class UnderWay implements AsyncDisposable {
  readonly #response: http.IncomingMessage;
  readonly #origin: ServerResponse;
  readonly #chat: WebSocket;
  readonly #tcp: Socket;
  #text = '';

  private constructor(response: http.IncomingMessage, origin: ServerResponse, chat: WebSocket, tcp: Socket) {
    this.#response = response;
    this.#origin = origin;
    this.#chat = chat;
    this.#tcp = tcp;
    for (const end of [chat, tcp, origin]) end.on('error', () => {});
    response.setEncoding('utf8').on('error', () => {});
    response.on('data', (chunk: string) => {
      this.#text += chunk;
    });
  }

  static async begin(): Promise<UnderWay> {
    const request = http.get({
      host: '127.0.0.1',
      port: edge.ready.httpPort,
      path: '/slow',
      headers: { host: 'live.localhost' },
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const origin = waiting.pop();
    if (origin === undefined) throw new Error('the app was not asked');
    const chat = new WebSocket(`ws://127.0.0.1:${edge.ready.httpPort}/`, { headers: { host: 'live.localhost' } });
    await once(chat, 'open');
    const tcp = connect(echoPort, '127.0.0.1');
    await once(tcp, 'connect');
    const way = new UnderWay(response, origin, chat, tcp);
    await way.talk();
    return way;
  }

  /** A message and back over what stays open. */
  async talk(): Promise<void> {
    this.#chat.send('hello');
    const [message] = (await once(this.#chat, 'message')) as [Buffer];
    expect(message.toString()).toBe('hello');
    this.#tcp.write('hello');
    const [bytes] = (await once(this.#tcp, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('hello');
  }

  /** The rest of the response, whole. */
  async finish(): Promise<void> {
    await this.talk();
    this.#origin.end('last');
    await once(this.#response, 'end');
    expect(this.#text).toBe('first last');
    expect(this.#response.complete).toBe(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#origin.destroy();
    this.#chat.terminate();
    this.#tcp.destroy();
  }
}

const change = async (id: string, input: object): Promise<void> => {
  const { status, value } = await call(edge, 'PATCH', `/services/${id}`, joined.credential, input);
  if (status >= 300) throw new Error(JSON.stringify(value));
};

/** Resolves once the edge answers `host` with `status`: then it has taken in what was changed. */
const until = (host: string, status: number): Promise<void> =>
  expect.poll(async () => (await ask(edge, host)).status, { timeout: 10_000 }).toBe(status);

describe('what is under way', () => {
  let way: UnderWay;
  beforeEach(async () => {
    way = await UnderWay.begin();
    return () => way[Symbol.asyncDispose]();
  });

  it('lives through the coming, change and end of another service', async () => {
    const name = `other-${++names}`;
    const other = await publish(edge, joined, name, [{ port: appPort }]);
    await until(other.domain, 200);
    await way.talk();
    await change(other.id, { enabled: false });
    await until(other.domain, 503);
    await way.talk();
    const { status } = await call(edge, 'DELETE', `/services/${other.id}`, joined.credential);
    expect(status).toBeLessThan(300);
    await until(other.domain, 404);
    await way.finish();
  });

  it('lives through changes of its own services that are not about the way to the target', async () => {
    await change(live.id, { rewriteRedirects: true, passHostHeader: true });
    await change(echoId, { name: `echo-${++names}` });
    const mark = await publish(edge, joined, `mark-${++names}`, [{ port: appPort }]);
    await until(mark.domain, 200);
    await way.finish();
  });

  it('lives through a new link of its laptop; new requests take the newer one', async () => {
    const before = laptop;
    laptop = await linkLaptop(edge, joined);
    expect((await ask(edge, live.domain)).status).toBe(200);
    await way.finish();
    expect((await ask(edge, live.domain)).status).toBe(200);
    before.tunnel.close(1, 'done');
    await before.ended;
    expect((await ask(edge, live.domain)).status).toBe(200);
  });

  it('ends with its own service, and with nothing less', async () => {
    const gone = await publish(edge, joined, `gone-${++names}`, [{ port: appPort }]);
    await until(gone.domain, 200);
    const request = http.get({
      host: '127.0.0.1',
      port: edge.ready.httpPort,
      path: '/slow',
      headers: { host: gone.domain },
    });
    request.on('error', () => {});
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    const cut = once(response, 'error');
    await call(edge, 'DELETE', `/services/${gone.id}`, joined.credential);
    await cut;
    expect(response.complete).toBe(false);
    await way.finish();
  });
});
