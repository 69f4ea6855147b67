/** TCP services: bulk by iperf3, new connections by wrk, and how long a small exchange waits beside bulk. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { load } from './load.ts';
import { type Server, startHaproxyTcpPair } from './peers.ts';
import type { Porthole } from './porthole.ts';
import { jsonLine, listening, run } from './process.ts';

export const IPERF = ['/usr/bin/iperf3', '/usr/local/bin/iperf3'].find((file) => existsSync(file));

/** A figure of one server; `better` says which way is good. */
export interface Figure {
  readonly server: string;
  readonly value: number;
}

/** The same origin port behind nothing, two haproxy, and Porthole. */
async function servers(dir: string, name: string, origin: number, porthole: Porthole, stack: AsyncDisposableStack) {
  const direct: Server = { name: 'direct', host: '127.0.0.1', port: origin, [Symbol.asyncDispose]: async () => {} };
  const haproxy = stack.use(await startHaproxyTcpPair(dir, name, origin));
  return [direct, ...(haproxy === undefined ? [] : [haproxy]), stack.use(await porthole.tcp(origin, name))];
}

/** Its server takes one client at a time, and a moment to notice that one has left (a look at the target is one too). */
const BUSY_TRIES = 20;
const BUSY_WAIT = 250;

/** MB/s that iperf3 measures against its server behind `port`. */
export async function bulkRate(
  port: number,
  streams: number,
  down: boolean,
  seconds: number,
  host = '127.0.0.1',
): Promise<number> {
  const args = ['-c', host, '-p', String(port), '-P', String(streams), '-t', String(seconds), '-J'];
  for (let tries = 0; ; tries++) {
    const stdout = await iperf(down ? [...args, '-R'] : args);
    const report = JSON.parse(stdout) as {
      readonly error?: string;
      readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
    };
    if (report.end.sum_received !== undefined) return report.end.sum_received.bits_per_second / 8e6;
    if (tries === BUSY_TRIES) throw new Error(`iperf3: ${report.error ?? 'no figures'}`);
    await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT));
  }
}

/** What iperf3 says, also when it fails. */
const iperf = (args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(IPERF ?? 'iperf3', [...args], { maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error !== null && stdout === '') reject(error);
      else resolve(stdout);
    });
  });

/** Rounds of each figure: the median counts, and a neighbour's noise spreads over all servers. */
const ROUNDS = 3;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** Measures all `servers` in turn, several times over. */
async function inTurn(servers: readonly Server[], measure: (server: Server) => Promise<number>): Promise<Figure[]> {
  const rounds = servers.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, server] of servers.entries()) rounds[i]?.push(await measure(server));
  }
  return servers.map(({ name }, i) => ({ server: name, value: median(rounds[i] ?? []) }));
}

/** MB/s of bulk through `all`, down and up, one stream and eight. */
async function tcpBulk(name: string, all: readonly Server[], seconds: number, report: Report): Promise<void> {
  for (const down of [true, false]) {
    for (const streams of [1, 8]) {
      const figures = await inTurn(all, ({ port }) => bulkRate(port, streams, down, Math.max(1, seconds - 2)));
      report(`${name}-${down ? 'down' : 'up'}-${streams}`, 'MB/s', figures);
    }
  }
}

export async function startIperf(): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const running = await run(IPERF ?? 'iperf3', ['-s', '-p', String(port), '-B', '127.0.0.1'], { quiet: true });
  await listening(port);
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** Our relay and origin dialler over a tunnel without TLS; see `plain-tunnel.ts`. */
async function startPlain(origin: number): Promise<Server> {
  const script = path.join(import.meta.dirname, 'plain-tunnel.ts');
  const edge = await run(process.execPath, [script, 'edge', String(origin)]);
  const ports = await jsonLine(edge.child, (line) => line as { readonly port: number; readonly tunnel: number });
  const agent = await run(process.execPath, [script, 'agent', String(ports.tunnel)]);
  await jsonLine(agent.child, (line) => line);
  return {
    name: 'porthole',
    host: '127.0.0.1',
    port: ports.port,
    edge,
    agent,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
    },
  };
}

/** New connections a second, each with one request of 100 bytes. */
async function tcpConnect(
  dir: string,
  porthole: Porthole,
  origin: number,
  seconds: number,
  report: Report,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const all = await servers(dir, 'connect', origin, porthole, stack);
  for (const connections of [32, 128]) {
    const figures = await inTurn(all, async (server) => {
      const { rate } = await load(server, '/small', connections, Math.max(1, seconds - 2), ['-H', 'Connection: close']);
      return rate;
    });
    report(connections === 32 ? 'tcp-connect' : `tcp-connect-${connections}`, 'conn/s', figures);
  }
}

async function startEcho() {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Round trips of 32 bytes for `seconds`, in milliseconds, ascending. */
export async function pings(port: number, seconds: number, host = '127.0.0.1'): Promise<number[]> {
  const socket = net.connect({ port, host, noDelay: true });
  await once(socket, 'connect');
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const sent = performance.now();
    socket.write(Buffer.alloc(32));
    let got = 0;
    while (got < 32) got += (((await once(socket, 'data')) as [Buffer])[0] ?? Buffer.alloc(0)).length;
    times.push(performance.now() - sent);
  }
  socket.destroy();
  await once(socket, 'close');
  return times.sort((a, b) => a - b);
}

/** p50 and p99 of a small exchange while one download keeps the same tunnel full. */
async function pingBesideBulk(dir: string, porthole: Porthole, seconds: number, report: Report): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { port: origin } = stack.use(await startIperf());
  const echo = stack.use(await startEcho());
  const bulk = await servers(dir, 'bulk-beside', origin, porthole, stack);
  const ping = await servers(dir, 'ping-beside', echo.port, porthole, stack);
  const p50: Figure[] = [];
  const p99: Figure[] = [];
  for (const [i, server] of bulk.entries()) {
    const under = bulkRate(server.port, 1, true, seconds + 1);
    const times = await pings(ping[i]?.port ?? 0, seconds);
    await under;
    p50.push({ server: server.name, value: times[Math.floor(times.length * 0.5)] ?? Number.NaN });
    p99.push({ server: server.name, value: times[Math.floor(times.length * 0.99)] ?? Number.NaN });
  }
  report('ping-beside-bulk', 'ms p50', p50);
  report('ping-beside-bulk-p99', 'ms p99', p99);
}

/** The cases of this file; those that need iperf3 last. */
export const TCP = ['tcp-connect', 'tcp-bulk-tls', 'tcp-bulk-plain', 'ping-beside-bulk'] as const;

/** Runs those of the cases that are `wanted`. `origin`: the port of an HTTP server. */
export async function tcpCases(
  dir: string,
  origin: number,
  porthole: Porthole,
  wanted: (name: (typeof TCP)[number]) => boolean,
  seconds: number,
  report: Report,
): Promise<void> {
  if (wanted('tcp-connect')) await tcpConnect(dir, porthole, origin, seconds, report);
  if (IPERF === undefined) {
    if (TCP.slice(1).some(wanted)) console.log('\nBulk left out: iperf3 is not installed.');
    return;
  }
  if (wanted('tcp-bulk-tls') || wanted('tcp-bulk-plain')) {
    await using stack = new AsyncDisposableStack();
    const { port } = stack.use(await startIperf());
    const all = await servers(dir, 'bulk', port, porthole, stack);
    if (wanted('tcp-bulk-tls')) await tcpBulk('tcp-bulk-tls', all, seconds, report);
    if (wanted('tcp-bulk-plain')) {
      const plain = stack.use(await startPlain(port));
      await tcpBulk('tcp-bulk-plain', [...all.slice(0, -1), plain], seconds, report);
    }
  }
  if (wanted('ping-beside-bulk')) await pingBesideBulk(dir, porthole, seconds, report);
}

/** Takes the figures of one case, Porthole's among them. */
export type Report = (name: string, unit: string, figures: readonly Figure[]) => void;
