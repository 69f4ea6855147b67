/** Visitors who speak HTTP/2, through a real edge and a real tunnel to a real app. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { joinEdge, linkLaptop, publish, type RunningEdge, startEdge, temporaryFolder } from './edge-stand.ts';

const stack = new AsyncDisposableStack();
let edge: RunningEdge;
let session: ClientHttp2Session;

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  const folder = stack.use(temporaryFolder());
  edge = stack.use(await startEdge(folder.path));
  const server = createServer((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => {
      const size = Number(/^\/random\/(\d+)$/.exec(request.url ?? '')?.[1] ?? -1);
      if (size < 0) {
        response.end(`${request.method} ${request.url} ${hash.digest('hex')}`);
        return;
      }
      const body = randomBytes(size);
      response.writeHead(200, { 'x-digest': digest(body) });
      response.end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const chat = new WebSocketServer({ server });
  chat.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  stack.defer(() => chat.close());
  const { port } = server.address() as AddressInfo;
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  await linkLaptop(edge, joined);
  for (const name of ['shop', 'other']) await publish(edge, joined, name, [{ port }]);
  session = http2.connect(`https://127.0.0.1:${edge.ready.httpsPort}`, {
    ca: edge.ca,
    servername: 'shop.localhost',
    // Else this client refuses responses while its own uploads wait.
    maxSessionMemory: 512,
  });
  stack.defer(() => session.destroy());
  await once(session, 'remoteSettings');
});
afterAll(() => stack.disposeAsync());

interface Answer {
  readonly head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly body: Buffer;
}

async function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const head = once(stream, 'response') as Promise<[Answer['head']]>;
  const pieces: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
  return { head: (await head)[0], body: Buffer.concat(pieces) };
}

function ask(path: string, fields: OutgoingHttpHeaders = {}, body?: Buffer): Promise<Answer> {
  const stream = session.request(
    { ':authority': 'shop.localhost', ':path': path, ...fields },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  return answerTo(stream);
}

describe('a visitor over HTTP/2', () => {
  it('is offered it by ALPN and reaches the app', async () => {
    expect(session.alpnProtocol).toBe('h2');
    const { head, body } = await ask('/a?b=c');
    expect(head[':status']).toBe(200);
    expect(body.toString()).toMatch(/^GET \/a\?b=c /);
  });

  it('is sent away with 421 when one connection serves several names, of services and of others', async () => {
    for (const name of ['other.localhost', 'nobody.localhost', 'localhost'])
      expect((await ask('/', { ':authority': name })).head[':status']).toBe(421);
  });

  it('gets many bodies at once, each its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => ask(`/random/${n % 6 === 0 ? 3_000_000 : n * 1_000}`)),
    );
    for (const { head, body } of answers) expect(digest(body)).toBe(head['x-digest']);
  });

  it('sends many bodies at once, each its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const body = randomBytes(n % 5 === 0 ? 3_000_000 : n * 10_000);
        const answer = await ask('/up', { ':method': 'POST' }, body);
        return [answer.body.toString(), `POST /up ${digest(body)}`];
      }),
    );
    for (const [got, expected] of answers) expect(got).toBe(expected);
  });

  it('talks over a WebSocket in a stream', async () => {
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/chat',
        ':authority': 'shop.localhost',
        'sec-websocket-version': '13',
      },
      { endStream: false },
    );
    const [head] = (await once(stream, 'response')) as [Answer['head']];
    expect(head[':status']).toBe(200);
    // A text frame of "hi", masked with zeros (RFC 6455 section 5.2), comes back unmasked.
    stream.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    const [echo] = (await once(stream, 'data')) as [Buffer];
    expect(echo.toString('hex')).toBe('81026869');
    stream.close();
  });
});
