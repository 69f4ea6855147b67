/**
 * Visitors who check every byte that they get. A connection may break at any time, as edges and agents are killed; what
 * came until then must still be theirs, and what was cut must not look whole.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import type { Readable } from 'node:stream';
import tls from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { strictAnswers } from '../differential/response-reading.ts';
import { NONCE } from './origins.ts';
import { type Ledger, ProofStream, sha256 } from './proof.ts';

/** A service that visitors use. */
export interface Published {
  readonly name: string;
  /** The public name; for TCP services unused. */
  readonly host: string;
  readonly port: number;
}

/** `tell` is told what the visitor waits for. */
export type Visit = (
  service: Published,
  ledger: Ledger,
  below: (n: number) => number,
  tell: (stage: string) => void,
) => Promise<void>;

/** What visitors may be told while something is down. Anything else than these and success is an accusation. */
const EXCUSES: ReadonlySet<string> = new Set(['agent_offline', 'origin_closed', 'tunnel_lost', 'busy', 'draining']);

const newNonce = (): string => randomBytes(NONCE / 2).toString('hex');

interface Head {
  readonly status: number | undefined;
  readonly proof: unknown;
  readonly upload: unknown;
  readonly failure: unknown;
}

/** Whether the head says that this is the answer to `nonce`; excuses refusals. */
function isOurs(head: Head, service: Published, nonce: string, kind: string, ledger: Ledger): boolean {
  if (head.status === 200 && head.proof === `${service.name} ${nonce}`) return true;
  if (head.proof === undefined && typeof head.failure === 'string' && EXCUSES.has(head.failure))
    ledger.excuse(head.failure);
  else ledger.accuse(`${kind} asked ${service.name} ${nonce} and got ${JSON.stringify(head)}`);
  return false;
}

/** Reads a body that must be the proof of service and nonce; returns how much of it came. */
async function readProof(
  body: Readable,
  service: Published,
  nonce: string,
  kind: string,
  ledger: Ledger,
): Promise<number> {
  const expected = new ProofStream(service.name, nonce);
  let got = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (!expected.matches(chunk)) ledger.accuse(`${kind} got bytes at ${got} that are not of ${service.name} ${nonce}`);
    got += chunk.length;
  }
  return got;
}

const checkSize = (got: number, size: number, kind: string, nonce: string, ledger: Ledger): void => {
  if (got === size) ledger.prove(kind, got);
  else ledger.accuse(`${kind} ${nonce}: ${got} of ${size} bytes looked whole`);
};

/** One connection, a few requests one after the other, with bodies of all sizes either way, chunked and not. */
const keepAlive: Visit = async (service, ledger, below, tell) => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let count = 1 + below(8); count > 0; count--) await exchange(service, agent, ledger, below, tell);
  } finally {
    agent.destroy();
  }
};

async function exchange(
  service: Published,
  agent: https.Agent,
  ledger: Ledger,
  below: (n: number) => number,
  tell: (stage: string) => void,
): Promise<void> {
  const [nonce, size, up] = [newNonce(), anySize(below), below(2) === 0 ? 0 : anySize(below)];
  const body = new ProofStream('up', nonce).take(up);
  const request = https.request({
    host: '127.0.0.1',
    port: service.port,
    servername: service.host,
    rejectUnauthorized: false,
    agent,
    method: up === 0 ? 'GET' : 'POST',
    path: `/${nonce}?size=${size}${below(2) === 0 ? '&chunked' : ''}`,
    headers: { host: service.host, ...(below(2) === 0 && up > 0 ? { 'content-length': up } : {}) },
  });
  const responded = once(request, 'response');
  request.on('error', () => {});
  request.end(body);
  tell(`for the response to ${nonce} with ${up} bytes`);
  const [response] = (await responded) as [import('node:http').IncomingMessage];
  const { headers, statusCode: status } = response;
  const head = {
    status,
    proof: headers['x-proof'],
    upload: headers['x-upload'],
    failure: headers['x-porthole-failure'],
  };
  tell(`for the body of ${status} to ${nonce}, ${size} bytes after ${up}`);
  if (!isOurs(head, service, nonce, 'keep-alive', ledger)) {
    response.resume();
    await once(response, 'end');
    return;
  }
  if (head.upload !== sha256().update(body).digest('hex'))
    ledger.accuse(`keep-alive ${nonce}: the upload arrived changed`);
  checkSize(await readProof(response, service, nonce, 'keep-alive', ledger), size, 'keep-alive', nonce, ledger);
}

/** Mostly small, sometimes large enough to fill every buffer on the way. */
const anySize = (below: (n: number) => number): number => below([100, 2_000, 30_000, 700_000][below(4)] ?? 1);

/** Requests that are all sent before the first answer. */
const pipelined: Visit = async (service, ledger, below) => {
  const nonces = Array.from({ length: 2 + below(10) }, newNonce);
  const sizes = nonces.map(() => below(2_000));
  const socket = tls.connect({
    host: '127.0.0.1',
    port: service.port,
    servername: service.host,
    rejectUnauthorized: false,
  });
  let raw = '';
  let whole = false;
  socket.on('data', (chunk: Buffer) => {
    raw += chunk.toString('latin1');
  });
  socket.on('end', () => {
    whole = true;
  });
  await once(socket, 'secureConnect');
  const last = nonces.length - 1;
  const text = nonces.map((nonce, at) => {
    const close = at === last ? 'Connection: close\r\n' : '';
    return `GET /${nonce}?size=${sizes[at]}${at % 2 === 0 ? '&chunked' : ''} HTTP/1.1\r\nHost: ${service.host}\r\n${close}\r\n`;
  });
  socket.write(text.join(''));
  await once(socket, 'close').catch(() => {});
  const answers = strictAnswers(
    raw,
    nonces.map(() => 'GET'),
    whole,
  );
  for (const [at, { status, body, whole: all, bytes }] of answers.entries()) {
    const nonce = nonces[at] ?? '';
    if (status === 0) break;
    const field = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(bytes)?.[1];
    const head = { status, proof: field('x-proof'), upload: undefined, failure: field('x-porthole-failure') };
    if (!isOurs(head, service, nonce, 'pipelined', ledger)) continue;
    if (!new ProofStream(service.name, nonce).matches(Buffer.from(body, 'latin1')))
      ledger.accuse(`pipelined got bytes that are not of ${service.name} ${nonce}`);
    if (all) checkSize(body.length, sizes[at] ?? -1, 'pipelined', nonce, ledger);
  }
};

/** Streams side by side on one connection of HTTP/2. */
const http2Streams: Visit = async (service, ledger, below) => {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: service.port,
    servername: service.host,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const session = http2.connect(`https://${service.host}`, { createConnection: () => socket });
  session.on('error', () => {});
  try {
    const results = await Promise.allSettled(
      Array.from({ length: 1 + below(8) }, () => stream(session, service, ledger, below)),
    );
    for (const result of results) if (result.status === 'rejected') ledger.excuse(codeOf(result.reason));
  } finally {
    session.destroy();
  }
};

async function stream(
  session: http2.ClientHttp2Session,
  service: Published,
  ledger: Ledger,
  below: (n: number) => number,
): Promise<void> {
  const [nonce, size, up] = [newNonce(), anySize(below), below(2) === 0 ? 0 : anySize(below)];
  const body = new ProofStream('up', nonce).take(up);
  const request = session.request(
    { ':path': `/${nonce}?size=${size}`, ':method': up === 0 ? 'GET' : 'POST' },
    { endStream: up === 0 },
  );
  const responded = once(request, 'response');
  const closed = new Promise<void>((resolve) => request.once('close', resolve));
  void closed.then(() => request.emit('error', new Error('closed')));
  request.on('error', () => {});
  if (up > 0) request.end(body);
  const [headers] = (await responded) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
  const head = {
    status: headers[':status'],
    proof: headers['x-proof'],
    upload: headers['x-upload'],
    failure: headers['x-porthole-failure'],
  };
  if (!isOurs(head, service, nonce, 'http2', ledger)) return;
  if (head.upload !== sha256().update(body).digest('hex')) ledger.accuse(`http2 ${nonce}: the upload arrived changed`);
  const got = await readProof(request, service, nonce, 'http2', ledger);
  await closed;
  if (request.rstCode === 0) checkSize(got, size, 'http2', nonce, ledger);
  else ledger.excuse('reset');
}

/** Messages back and forth. */
const webSocket: Visit = async (service, ledger, below) => {
  const nonce = newNonce();
  const options: ClientOptions & { readonly servername: string } = {
    headers: { host: service.host },
    servername: service.host,
    rejectUnauthorized: false,
  };
  const visitor = new WebSocket(`wss://127.0.0.1:${service.port}/${nonce}`, options);
  visitor.on('error', () => {});
  const closed = once(visitor, 'close').then(() => {
    throw new Error('closed');
  });
  closed.catch(() => {});
  await Promise.race([once(visitor, 'open'), closed]);
  const ours = new ProofStream('up', nonce);
  const expected = new ProofStream(service.name, nonce);
  try {
    for (let count = 1 + below(40); count > 0; count--) {
      const size = 1 + below(5_000);
      const message = once(visitor, 'message');
      visitor.send(ours.take(size));
      const [data] = (await Promise.race([message, closed])) as [Buffer];
      if (data.length !== size || !expected.matches(data))
        ledger.accuse(`WebSocket got bytes that are not of ${service.name} ${nonce}`);
      ledger.prove('WebSocket', size);
    }
  } finally {
    visitor.terminate();
  }
};

/** A TCP connection, both ways at once, ended by half-closing. */
const tcp: Visit = async (service, ledger, below) => {
  const nonce = newNonce();
  const kills = ledger.edgeKills;
  const size = below([1_000, 50_000, 3_000_000][below(3)] ?? 1);
  const socket = net.connect({ host: '127.0.0.1', port: service.port, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.write(nonce);
  socket.end(new ProofStream('up', nonce).take(size));
  const got = await readProof(socket, service, nonce, 'TCP', ledger);
  // Without a laptop there is no byte. When an edge is killed its kernel ends the connection in order; when an agent is,
  // the edge has to break it off.
  if (got === size) ledger.prove('TCP', got);
  else if (got === 0) ledger.excuse('TCP refused');
  else if (got < size && ledger.edgeKills > kills) ledger.excuse('TCP ended early');
  else ledger.accuse(`TCP ${nonce} got ${got} of ${size} bytes`);
  socket.destroy();
};

export const codeOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);

export const HTTP_VISITS: readonly Visit[] = [keepAlive, keepAlive, pipelined, http2Streams, webSocket];
export const TCP_VISITS: readonly Visit[] = [tcp];
