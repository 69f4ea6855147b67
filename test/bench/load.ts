/** One measured load: wrk with one thread, and what the processes under test used meanwhile. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { H2LOAD, type Server, WRK } from './peers.ts';

export interface Measured {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Seconds of CPU a thousand requests. */
  readonly edgeCpu: number | undefined;
  readonly agentCpu: number | undefined;
  /** Requests that failed or were answered with anything but 2xx or 3xx. */
  readonly bad: number;
}

const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(output: string, percentile: string): number {
  const match = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s|m)`).exec(output);
  return Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
}

/** Loads `server` for `seconds` with `connections` keep-alive connections that ask for `path`. */
export async function load(
  server: Server,
  path: string,
  connections: number,
  seconds: number,
  more: readonly string[] = [],
): Promise<Measured> {
  const before = { edge: server.edge?.cpu(), agent: server.agent?.cpu() };
  const { stdout } = await promisify(execFile)(WRK ?? 'wrk', [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-H',
    `Host: ${server.host}`,
    ...more,
    `http://127.0.0.1:${server.port}${path}`,
  ]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const spent = (after: number | undefined, from: number | undefined) =>
    after === undefined || from === undefined ? undefined : ((after - from) / requests) * 1000;
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p50: milliseconds(stdout, '50'),
    p99: milliseconds(stdout, '99'),
    edgeCpu: spent(server.edge?.cpu(), before.edge),
    agentCpu: spent(server.agent?.cpu(), before.agent),
    bad: refused + (broken === null ? 0 : broken.slice(1).reduce((sum, n) => sum + Number(n), 0)),
  };
}

/** Requests a second over TLS, HTTP/1.1: h2load, because it can dial an address under another name. */
export async function loadTls(server: Server, path: string, connections: number, seconds: number): Promise<number> {
  const name = server.host === '127.0.0.1' ? 'bench.localhost' : server.host;
  const to = `--connect-to=127.0.0.1:${server.tlsPort}`;
  const args = ['--h1', '-t1', `-c${connections}`, `-D${seconds}`, to, `https://${name}${path}`];
  const { stdout } = await promisify(execFile)(H2LOAD ?? 'h2load', args);
  const failed = Number(/(\d+) failed/.exec(stdout)?.[1] ?? 0);
  if (failed > 0) throw new Error(`${server.name}: ${failed} requests failed over TLS`);
  return Number(/finished in [\d.]+s, ([\d.]+) req\/s/.exec(stdout)?.[1]);
}
