/** Servers whose every byte proves which service they are and whose request they answer. */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Ledger, ProofStream, sha256 } from './proof.ts';

export interface ProvingOrigin extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
}

/** What a visitor asks in the target: `/NONCE?size=N&chunked=1`. */
function wish(request: IncomingMessage): { readonly nonce: string; readonly size: number; readonly chunked: boolean } {
  const url = new URL(request.url ?? '', 'http://origin');
  const size = Number(url.searchParams.get('size') ?? '0');
  return { nonce: url.pathname.slice(1), size, chunked: url.searchParams.has('chunked') };
}

function* proofOf(name: string, nonce: string, size: number): Generator<Buffer> {
  const stream = new ProofStream(name, nonce);
  for (let left = size; left > 0; left -= 32 * 1024) yield stream.take(Math.min(left, 32 * 1024));
}

async function answer(name: string, ledger: Ledger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { nonce, size, chunked } = wish(request);
  // What a visitor uploads is the stream of a service called `up`: a byte of another request would show at once.
  const expected = new ProofStream('up', nonce);
  const hash = sha256();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (!expected.matches(chunk))
      ledger.accuse(`${name} got bytes of another upload in ${request.method} ${request.url}`);
    hash.update(chunk);
  }
  response.setHeader('x-proof', `${name} ${nonce}`);
  response.setHeader('x-upload', hash.digest('hex'));
  if (!chunked) response.setHeader('content-length', size);
  await pipeline(proofOf(name, nonce, size), response);
}

/** An HTTP server that proves itself, with WebSockets that answer each message by their own. */
export async function provingHttp(name: string, ledger: Ledger): Promise<ProvingOrigin> {
  const server = http.createServer((request, response) => {
    // A request that is cut short has nobody left to be told.
    answer(name, ledger, request, response).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    const { nonce } = wish(request);
    sockets.handleUpgrade(request, socket, head, (visitor) => talk(name, nonce, visitor, ledger));
  });
  return started(name, server, () => server.closeAllConnections());
}

/** Checks what the visitor says, and answers with as many bytes of its own. */
function talk(name: string, nonce: string, visitor: WebSocket, ledger: Ledger): void {
  const expected = new ProofStream('up', nonce);
  const proof = new ProofStream(name, nonce);
  visitor.on('error', () => {});
  visitor.on('message', (data: Buffer) => {
    if (!expected.matches(data)) ledger.accuse(`${name} got a message of another WebSocket than ${nonce}`);
    visitor.send(proof.take(data.length));
  });
}

/** Length of the nonce that a TCP visitor begins with. */
export const NONCE = 16;

/** A TCP server: checks the visitor's bytes after the nonce, and answers with as many of its own. */
export async function provingTcp(name: string, ledger: Ledger): Promise<ProvingOrigin> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // Broken connections are what this is about.
    serve(name, socket, ledger).catch(() => socket.destroy());
  });
  return started(name, server, () => {
    for (const socket of open) socket.destroy();
  });
}

async function serve(name: string, socket: Socket, ledger: Ledger): Promise<void> {
  let head = Buffer.alloc(0);
  let streams: { readonly expected: ProofStream; readonly proof: ProofStream; readonly nonce: string } | undefined;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let bytes = chunk;
    if (streams === undefined) {
      head = Buffer.concat([head, chunk]);
      if (head.length < NONCE) continue;
      const nonce = head.toString('latin1', 0, NONCE);
      streams = { nonce, expected: new ProofStream('up', nonce), proof: new ProofStream(name, nonce) };
      bytes = head.subarray(NONCE);
    }
    if (!streams.expected.matches(bytes))
      ledger.accuse(`${name} got bytes of another connection than ${streams.nonce}`);
    if (!socket.write(streams.proof.take(bytes.length))) await once(socket, 'drain');
  }
  socket.end();
}

async function started(name: string, server: Server, cut: () => void): Promise<ProvingOrigin> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
