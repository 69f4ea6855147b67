/** TCP services: bulk by iperf3, new connections by wrk, and how long a small exchange waits beside bulk. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { load } from './load.ts';
import { type Server, startHaproxyTcpPair } from './peers.ts';
import type { Porthole } from './porthole.ts';
import { freePort, listening, run } from './process.ts';

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

/** MB/s that iperf3 measures against its server behind `port`. */
export async function bulkRate(
  port: number,
  streams: number,
  down: boolean,
  seconds: number,
  host = '127.0.0.1',
): Promise<number> {
  const args = ['-c', host, '-p', String(port), '-P', String(streams), '-t', String(seconds), '-J'];
  const { stdout } = await promisify(execFile)(IPERF ?? 'iperf3', down ? [...args, '-R'] : args, {
    maxBuffer: 1 << 26,
  });
  const report = JSON.parse(stdout) as {
    readonly error?: string;
    readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
  };
  if (report.end.sum_received === undefined) throw new Error(`iperf3: ${report.error ?? 'no figures'}`);
  return report.end.sum_received.bits_per_second / 8e6;
}

/** MB/s of bulk, down and up, one stream and eight. */
export async function tcpBulk(dir: string, porthole: Porthole, seconds: number, report: Report): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const origin = await freePort();
  stack.use(await run(IPERF ?? 'iperf3', ['-s', '-p', String(origin), '-B', '127.0.0.1']));
  await listening(origin);
  const all = await servers(dir, 'bulk', origin, porthole, stack);
  for (const down of [true, false]) {
    for (const streams of [1, 8]) {
      const figures: Figure[] = [];
      for (const server of all) {
        figures.push({ server: server.name, value: await bulkRate(server.port, streams, down, seconds) });
      }
      report(`tcp-bulk-tls-${down ? 'down' : 'up'}-${streams}`, 'MB/s', figures);
    }
  }
}

/** New connections a second, each with one request of 100 bytes. */
export async function tcpConnect(
  dir: string,
  porthole: Porthole,
  origin: number,
  seconds: number,
  report: Report,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const figures: Figure[] = [];
  for (const server of await servers(dir, 'connect', origin, porthole, stack)) {
    const { rate } = await load(server, '/small', 32, seconds, ['-H', 'Connection: close']);
    figures.push({ server: server.name, value: rate });
  }
  report('tcp-connect', 'conn/s', figures);
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
export async function pingBesideBulk(dir: string, porthole: Porthole, seconds: number, report: Report): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const origin = await freePort();
  stack.use(await run(IPERF ?? 'iperf3', ['-s', '-p', String(origin), '-B', '127.0.0.1']));
  await listening(origin);
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

/** Takes the figures of one case, Porthole's among them. */
export type Report = (name: string, unit: string, figures: readonly Figure[]) => void;
