/** A real edge process, a laptop that speaks the tunnel protocol to it, and visitors. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import {
  type JoinReply,
  joinReplySchema,
  type ServiceView,
  serviceViewSchema,
} from '../../shared/contract/control-api.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { agentHandshake, type HandshakeFailure } from '../../shared/node/handshake.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { createSplice } from '../../shared/node/splice.ts';
import type { StreamHandler } from '../../shared/node/stream.ts';
import { createTunnel, type Tunnel, type TunnelEnd } from '../../shared/node/tunnel.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { RESET } from '../../shared/wire/codes.ts';
import type { Hello } from '../../shared/wire/handshake.ts';
import { decodeOpen } from '../../shared/wire/open.ts';

const ENTRY = resolve(import.meta.dirname, '../../edge/main.ts');

export interface Ready {
  readonly nodeId: string;
  readonly domain: string;
  readonly httpsPort: number;
  readonly httpPort?: number;
  readonly healthPort: number;
  readonly fingerprint: string;
  /** Only where the edge's own CA vouches for it. */
  readonly caFile?: string;
  readonly joinToken?: string;
}

/** The end of a process: what it printed and how it went. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** A folder for one edge's data, removed at the end. */
export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'porthole-edge-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Runs the edge's entry to its end. */
export async function runEdge(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [ENTRY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await closed) as [number | null];
  return { code, out, errors };
}

export interface RunningEdge extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ready: Ready;
  /** The authority to trust, in PEM. */
  readonly ca: string;
  /** Standard error so far. */
  log(): string;
  /** Resolves with exit code or signal. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
}

export const EMBEDDED = [
  '--domain',
  'localhost',
  '--listen',
  '127.0.0.1:0',
  '--listen-http',
  '127.0.0.1:0',
  '--embedded',
];
export const PUBLIC = [
  ...['--domain', 'edge.test', '--listen', '127.0.0.1:0', '--health', '127.0.0.1:0'],
  // How many cores the machine has is no part of what most tests test.
  ...['--workers', '1'],
];

/**
 * Starts an edge on `dataDir` and waits until it is ready. `ca`: whom to trust when it is not the edge's own CA; `env`:
 * more for its environment.
 */
export async function startEdge(
  dataDir: string,
  args: readonly string[] = EMBEDDED,
  ca?: string,
  env: NodeJS.ProcessEnv = {},
): Promise<RunningEdge> {
  const child = spawn(process.execPath, [ENTRY, ...args, '--data-dir', dataDir, '--json'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PORTHOLE_LOG: 'info', ...env },
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, 'close').then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null,
  );
  const lines = createInterface(child.stdout);
  const first = await Promise.race([once(lines, 'line'), exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`the edge ended: ${log}`);
  const ready = JSON.parse(String(first[0])) as Ready & { event: string };
  if (ready.event !== 'ready') throw new Error(`the edge failed: ${String(first[0])}`);
  return {
    child,
    ready,
    ca: ca ?? readFileSync(ready.caFile ?? '', 'utf8'),
    log: () => log,
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
  /** The name in the ClientHello; the host's unless told. */
  readonly servername?: string;
  readonly agent?: https.Agent;
}

/** A request over https to `host` on the edge's main port. */
export async function ask(edge: RunningEdge, host: string, how: Ask = {}): Promise<Answer> {
  const request = https.request({
    host: '127.0.0.1',
    port: edge.ready.httpsPort,
    servername: how.servername ?? host,
    ca: edge.ca,
    path: how.path ?? '/',
    method: how.method ?? 'GET',
    headers: { host, ...how.headers },
    agent: how.agent ?? false,
  });
  return answerTo(request, how.body);
}

/** The same over plain HTTP. */
export async function askPlain(port: number, host: string, path = '/'): Promise<Answer> {
  return answerTo(http.request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }));
}

async function answerTo(request: http.ClientRequest, body?: string): Promise<Answer> {
  // The edge may reset the connection when the answer is through; until then `once` and the body tell of errors.
  request.on('error', () => {}).end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** A call of the control API; the parsed body. */
export async function call(
  edge: RunningEdge,
  method: string,
  path: string,
  credential: string | undefined,
  input?: object,
): Promise<{ readonly status: number; readonly value: unknown }> {
  const answer = await ask(edge, edge.ready.domain, {
    method,
    path: `/api/v1${path}`,
    headers: {
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(input === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(input === undefined ? {} : { body: JSON.stringify(input) }),
  });
  return { status: answer.status, value: answer.body === '' ? undefined : JSON.parse(answer.body) };
}

/** Joins with `token`. */
export async function joinEdge(edge: RunningEdge, token: string): Promise<JoinReply> {
  const { status, value } = await call(edge, 'POST', '/join', undefined, { token, name: 'test laptop' });
  if (status !== 200) throw new Error(JSON.stringify(value));
  return joinReplySchema.parse(value);
}

/** Publishes a local port under `subdomain`, with more targets by path when given. */
export async function publish(
  edge: RunningEdge,
  { credential }: JoinReply,
  subdomain: string,
  targets: readonly { readonly port: number; readonly path?: string }[],
): Promise<ServiceView> {
  const { status, value } = await call(edge, 'POST', '/services', credential, { subdomain, targets });
  if (status >= 300) throw new Error(JSON.stringify(value));
  return serviceViewSchema.parse(value);
}

export interface Laptop {
  readonly tunnel: Tunnel;
  readonly localPort: number;
  readonly ended: Promise<TunnelEnd>;
  /** Resolves when the edge asks it to move. */
  readonly movedOn: Promise<number>;
}

/** A join token, as an operator of the edge on `dataDir` makes one. */
export async function newToken(dataDir: string): Promise<string> {
  const { out } = await runEdge(['token', 'create', '--data-dir', dataDir, '--json']);
  return (JSON.parse(out) as { readonly token: string }).token;
}

/** An agent's connection to the edge after its handshake. A refused one is thrown. */
export async function shakeHands(
  edge: RunningEdge,
  { agentId, credential }: JoinReply,
  worker?: number,
  more: Pick<Hello, 'link' | 'grows'> = {},
): Promise<TLSSocket> {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: edge.ready.httpsPort,
    servername: edge.ready.domain,
    ca: edge.ca,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['porthole/1', ...(worker === undefined ? [] : [`porthole/1+w${worker}`])],
  });
  await once(socket, 'secureConnect');
  const hello = { protocol: 1, agentId, credential, version: '0', name: 'test laptop', ...more };
  const welcome = await agentHandshake(socket, hello, { clock: systemClock });
  if (!welcome.ok) throw new HandshakeRefused(welcome.error);
  return socket;
}

/**
 * Links a laptop that dials whatever it is asked for, or does `onOpen` instead, to worker number `worker` of the edge if
 * one is named. A refused handshake is thrown.
 */
export async function linkLaptop(
  edge: RunningEdge,
  joined: JoinReply,
  worker?: number,
  onOpen: (stream: AgentStream, payload: Uint8Array) => StreamHandler = dial,
): Promise<Laptop> {
  const socket = await shakeHands(edge, joined, worker);
  const { localPort = 0 } = socket;
  const ended = Promise.withResolvers<TunnelEnd>();
  const moved = Promise.withResolvers<number>();
  const tunnel = createTunnel({
    socket,
    role: 'agent',
    clock: systemClock,
    logger: silentLogger,
    onOpen,
    onGoAway: (code) => moved.resolve(code),
    onClose: ended.resolve,
  });
  return { tunnel, localPort, ended: ended.promise, movedOn: moved.promise };
}

/** Connects a stream to the port that it asks for. */
function dial(stream: AgentStream, payload: Uint8Array): StreamHandler {
  const splice = createSplice(stream);
  const socket = connect({
    host: '127.0.0.1',
    port: decodeOpen(payload)?.port ?? 0,
    allowHalfOpen: true,
    noDelay: true,
  });
  const onError = (): void => stream.reset(RESET.REFUSED);
  socket.once('error', onError);
  socket.once('connect', () => {
    socket.off('error', onError);
    stream.opened(0);
    splice.join(socket);
  });
  return splice;
}

export class HandshakeRefused extends Error {
  readonly failure: HandshakeFailure;

  constructor(failure: HandshakeFailure) {
    super(JSON.stringify(failure));
    this.failure = failure;
  }
}

/** An app on the laptop. */
export async function startApp(
  listener: RequestListener,
): Promise<{ readonly port: number; readonly server: http.Server } & AsyncDisposable> {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The status of a health path. */
export async function probe(edge: RunningEdge, path: string): Promise<Answer> {
  return askPlain(edge.ready.healthPort, 'localhost', path);
}
