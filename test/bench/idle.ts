/** What thousands who do nothing cost: visitors, agents, WebSockets. Bytes a head, against the bounds that are promised. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { agentHandshake } from '../../shared/node/handshake.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { createTunnel } from '../../shared/node/tunnel.ts';
import { PROTOCOL } from '../../shared/wire/handshake.ts';
import type { Held } from './memory-probe.ts';
import type { Server } from './peers.ts';
import { startPorthole } from './porthole.ts';
import { jsonLine, PROBE, type Running, run } from './process.ts';

export const IDLE = ['idle-visitor', 'idle-agent', 'idle-websockets'] as const;

/** Takes a figure and the bound that it has to stay under (or, counting survivors, to reach). */
export type Bounded = (name: string, unit: string, ours: number, bound: number) => void;

const VISITORS = 2_000;
const VISITOR_BOUND = 4 * 1024;
const AGENTS = 2_000;
const AGENT_BOUND = 40 * 1024;
const WEBSOCKETS = 10_000;
/** Connections from one address of loopback: an address may have 2,000, and this many find a port quickly. */
const FROM_ONE_ADDRESS = 1_500;
/** How many dial at a time. */
const ABREAST = 64;
/** Milliseconds for what is still under way (log lines, finalizers) before memory is looked at. */
const SETTLE = 1_500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes `count` of something, a few at a time. */
async function many<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) made.push(await make(next++));
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
  return made;
}

/** A visitor's connection that has sent `request` and got an answer; silent from then on. */
async function visit({ port }: Pick<Server, 'port'>, request: string, index: number): Promise<net.Socket> {
  const localAddress = `127.0.0.${2 + Math.floor(index / FROM_ONE_ADDRESS)}`;
  const socket = net.connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  socket.write(request);
  const answered = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => undefined)]);
  if (answered === undefined) throw new Error(`connection ${index} was closed`);
  return socket;
}

/** Bytes of heap and buffers that each of `count` connections adds. */
async function costOf(process: Running, count: number, connect: (index: number) => Promise<net.Socket>) {
  // The first ones pay for code and pools that the others share.
  const first = await many(ABREAST, connect);
  await pause(SETTLE);
  const before = await process.held();
  const sockets = await many(count, (index) => connect(index + ABREAST));
  await pause(SETTLE);
  const after = await process.held();
  const alive = sockets.filter((socket) => !socket.destroyed && socket.readable).length;
  for (const socket of [...first, ...sockets]) socket.destroy();
  if (alive < count) throw new Error(`only ${alive} of ${count} connections stayed`);
  const each = (what: (held: Held) => number): number => (what(after) - what(before)) / count;
  return { counted: each((held) => held.heap + held.external), resident: each((held) => held.resident) };
}

/** TCP and kept-alive HTTP connections to one edge. */
async function idleVisitor(dir: string, origin: Server, bounded: Bounded): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const porthole = stack.use(await startPorthole(dir, { probe: true }));
  const echo = stack.use(await startEchoOrigin());
  const tcp = await porthole.tcp(echo.port, 'idle');
  const http = await porthole.http(origin.port);
  const byTcp = await costOf(porthole.edge, VISITORS, (index) => visit(tcp, 'hello', index));
  bounded('idle-visitor-tcp', 'B a connection', byTcp.counted, VISITOR_BOUND);
  const request = `GET /small HTTP/1.1\r\nHost: ${http.host}\r\n\r\n`;
  const byHttp = await costOf(porthole.edge, VISITORS, (index) => visit(http, request, index));
  bounded('idle-visitor-http', 'B a connection', byHttp.counted, VISITOR_BOUND);
}

async function startEchoOrigin(): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => socket.write(bytes));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Tunnels of as many agents to one edge. What the same number of bare TLS connections hold is not counted. */
async function idleAgent(bounded: Bounded): Promise<void> {
  const bare = await tunnelCost(['bare'], (port) => dial(port));
  const { counted, resident } = await tunnelCost([], link);
  console.log(`\n${AGENTS} bare TLS connections: ${Math.round(bare.resident)} B resident each`);
  bounded('idle-agent', 'B a tunnel', counted, AGENT_BOUND);
  bounded('idle-agent-resident', 'B a tunnel', resident - bare.resident, AGENT_BOUND);
}

async function tunnelCost(args: readonly string[], connect: (port: number, index: number) => Promise<TLSSocket>) {
  await using stack = new AsyncDisposableStack();
  const stand = path.join(import.meta.dirname, 'tunnel-stand.ts');
  const edge = stack.use(await run(process.execPath, [...PROBE, stand, ...args], { ipc: true }));
  const { port } = await jsonLine(edge.child, (line) => line as { readonly port: number });
  return await costOf(edge, AGENTS, (index) => connect(port, index));
}

async function dial(port: number): Promise<TLSSocket> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ALPNProtocols: [TUNNEL_ALPN],
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function link(port: number, index: number): Promise<TLSSocket> {
  const socket = await dial(port);
  const agentId = `agent-${index}`;
  const hello = { protocol: PROTOCOL, agentId, credential: 'x', version: '0', name: agentId };
  const around = { clock: systemClock, signal: new AbortController().signal };
  const welcome = await agentHandshake(socket, hello, around);
  if (!welcome.ok) throw new Error(`the handshake failed: ${welcome.error.kind}`);
  createTunnel({ socket, role: 'agent', clock: systemClock, logger: silentLogger, onClose: () => {} });
  return socket;
}

/** A masked text frame "still here" (RFC 6455 section 5.7), and how it comes back. */
const FRAME = Buffer.from([0x81, 0x8a, 0, 0, 0, 0, ...Buffer.from('still here')]);
const ECHO = Buffer.from([0x81, 0x0a, ...Buffer.from('still here')]);

/** WebSockets that say nothing for `hold` ms; then each has to answer. Two agents share them. */
async function idleWebsockets(dir: string, hold: number, bounded: Bounded): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const edge = ['--limit', 'streams-per-tunnel=16384', '--limit', 'requests-per-target=16384'];
  const porthole = stack.use(await startPorthole(dir, { probe: true, agents: 2, edge }));
  const origin = stack.use(await run(process.execPath, [path.join(import.meta.dirname, 'ws-origin.ts')]));
  const { port } = await jsonLine(origin.child, (line) => line as { readonly port: number });
  const services = [await porthole.http(port, 'first', 0), await porthole.http(port, 'second', 1)];
  const before = await porthole.edge.held();
  const sockets = await many(WEBSOCKETS, async (index) => {
    const service = services[index % services.length];
    if (service === undefined) throw new Error('no service');
    const head = `GET / HTTP/1.1\r\nHost: ${service.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
    return await visit(service, head + key, index);
  });
  console.log(`\n${sockets.length} WebSockets are open; ${hold / 1000} s of silence`);
  await pause(hold);
  const after = await porthole.edge.held();
  const answers = await many(sockets.length, async (index) => {
    const socket = sockets[index];
    if (socket === undefined || socket.destroyed) return false;
    socket.write(FRAME);
    const answer = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])]);
    return answer[0] instanceof Buffer && answer[0].equals(ECHO);
  });
  for (const socket of sockets) socket.destroy();
  bounded('idle-websockets', 'alive', answers.filter(Boolean).length, WEBSOCKETS);
  const cost = (after.heap + after.external - before.heap - before.external) / sockets.length;
  bounded('idle-websockets-memory', 'B a socket', cost, VISITOR_BOUND);
}

/** Runs those of the cases that are `wanted`. `hold`: milliseconds that WebSockets stay silent. */
export async function idleCases(
  dir: string,
  origin: Server,
  wanted: (name: string) => boolean,
  hold: number,
  bounded: Bounded,
): Promise<void> {
  const folder = (name: string): string => {
    const made = path.join(dir, name);
    mkdirSync(made);
    return made;
  };
  if (wanted('idle-visitor')) await idleVisitor(folder('idle-visitor'), origin, bounded);
  if (wanted('idle-agent')) await idleAgent(bounded);
  if (wanted('idle-websockets')) await idleWebsockets(folder('idle-websockets'), hold, bounded);
}
