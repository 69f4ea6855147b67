/** HTTP/1.1: the servers take turns, so that what else the machine does meanwhile falls on all of them. */
import { load, loadTls, type Measured } from './load.ts';
import type { Server } from './peers.ts';

/** How often each server has its turn; what is told are medians. */
const TURNS = 3;
const WARM_UP = 2;

export interface HttpCase {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
}

export const HTTP: readonly HttpCase[] = [1, 32, 256].flatMap((connections) => [
  { name: `http-${connections}`, path: '/small', connections },
  { name: `http-${connections}-16k`, path: '/large', connections },
]);
export const HTTPS: HttpCase = { name: 'https-32', path: '/small', connections: 32 };

export type WriteJson = (
  name: string,
  against: string,
  ours: number,
  theirs: number,
  unit: string,
  ratio?: number,
) => void;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Measures `servers`, the last of which is Porthole, for `seconds` in all each, and writes a table. */
export async function measureHttp(
  c: HttpCase,
  servers: readonly Server[],
  seconds: number,
  writeJson: WriteJson,
): Promise<void> {
  const run = c === HTTPS ? loadSecurely : load;
  const turns = new Map<string, Measured[]>();
  for (const server of servers) await run(server, c.path, c.connections, WARM_UP);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const server of servers) {
      const measured = await run(server, c.path, c.connections, Math.max(1, Math.round(seconds / TURNS)));
      turns.set(server.name, [...(turns.get(server.name) ?? []), measured]);
    }
  }
  const ours = turns.get('porthole') ?? [];
  console.log(
    `\n${c.name}: ${c.connections} keep-alive connections, ${c.path === '/small' ? '100 B' : '16 KiB'} bodies`,
  );
  console.log('  server         req/s    p50 ms    p99 ms  edge µs/r agent µs/r  porthole/this');
  for (const [name, theirs] of turns) {
    const ratio = median(theirs.map((m, turn) => (ours[turn]?.rate ?? 0) / m.rate));
    console.log(row(name, theirs, name === 'porthole' ? '' : `${ratio.toFixed(2)}×`));
    if (name === 'porthole') continue;
    writeJson(c.name, name, median(ours.map((m) => m.rate)), median(theirs.map((m) => m.rate)), 'req/s', ratio);
  }
}

function row(server: string, turns: readonly Measured[], ratio: string): string {
  const column = (pick: (m: Measured) => number | undefined, digits: number): string => {
    const values = turns.map((m) => pick(m) ?? Number.NaN).filter((value) => !Number.isNaN(value));
    return (values.length === 0 ? '–' : median(values).toFixed(digits)).padStart(10);
  };
  const bad = turns.reduce((sum, m) => sum + m.bad, 0);
  const times = `${column((m) => m.rate, 0)}${column((m) => m.p50, 2)}${column((m) => m.p99, 2)}`;
  const costs = `${column(micros('edgeCpu'), 1)} ${column(micros('agentCpu'), 1)}`;
  return `  ${server.padEnd(10)}${times}${costs}${ratio.padStart(10)}${bad > 0 ? `  ${bad} bad` : ''}`;
}

/** Seconds a thousand requests are milliseconds a request. */
const micros =
  (part: 'edgeCpu' | 'agentCpu') =>
  (m: Measured): number | undefined => {
    const millis = m[part];
    return millis === undefined ? undefined : millis * 1000;
  };

async function loadSecurely(server: Server, path: string, connections: number, seconds: number): Promise<Measured> {
  const before = { edge: server.edge?.cpu(), agent: server.agent?.cpu() };
  const rate = await loadTls(server, path, connections, seconds);
  const spent = (after: number | undefined, from: number | undefined) =>
    after === undefined || from === undefined ? undefined : ((after - from) / (rate * seconds)) * 1000;
  return {
    rate,
    p50: Number.NaN,
    p99: Number.NaN,
    edgeCpu: spent(server.edge?.cpu(), before.edge),
    agentCpu: spent(server.agent?.cpu(), before.agent),
    bad: 0,
  };
}
