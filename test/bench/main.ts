/**
 * `npm run bench`: what Porthole costs, as ratios against the same work done directly, by two nginx and by two haproxy
 * in a row, all in one run on one machine. Absolute figures mean little on a shared machine; ratios do.
 *
 *   npm run bench -- [--only CASE] [--seconds N] [--json FILE]
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { load, type Measured } from './load.ts';
import { HAPROXY, NGINX, type Server, startHaproxyPair, startNginxPair, startOrigin, WRK } from './peers.ts';
import { startPorthole } from './porthole.ts';

interface Case {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
}

const CASES: readonly Case[] = [1, 32, 256].flatMap((connections) => [
  { name: `http-${connections}`, path: '/small', connections },
  { name: `http-${connections}-16k`, path: '/large', connections },
]);

const { values } = parseArgs({
  options: { only: { type: 'string' }, seconds: { type: 'string', default: '5' }, json: { type: 'string' } },
});
const seconds = Number(values.seconds);
const cases = CASES.filter((c) => values.only === undefined || c.name === values.only);
if (cases.length === 0 || !(seconds >= 1 && seconds <= 60)) {
  console.error(
    `Usage: npm run bench -- [--only ${CASES.map((c) => c.name).join('|')}] [--seconds 1..60] [--json FILE]`,
  );
  process.exit(2);
}
if (WRK === undefined || NGINX === undefined) {
  console.error('The benchmark needs wrk and nginx: apt-get install wrk nginx-light haproxy');
  process.exit(1);
}

const number = (value: number | undefined, digits: number) =>
  (value === undefined ? '–' : value.toFixed(digits)).padStart(10);

function row(server: string, m: Measured, ours: Measured | undefined): string {
  const ratio = ours === undefined ? '' : `${(ours.rate / m.rate).toFixed(2)}×`;
  return `  ${server.padEnd(10)}${number(m.rate, 0)}${number(m.p50, 2)}${number(m.p99, 2)}${number(m.edgeCpu, 3)}${number(m.agentCpu, 3)}${ratio.padStart(10)}${m.bad > 0 ? `  ${m.bad} bad` : ''}`;
}

async function measure(c: Case, servers: readonly Server[]): Promise<void> {
  const results = new Map<string, Measured>();
  for (const server of servers) {
    await load(server, c.path, c.connections, 1);
    results.set(server.name, await load(server, c.path, c.connections, seconds));
  }
  const ours = results.get('porthole');
  console.log(
    `\n${c.name}: ${c.connections} keep-alive connections, ${c.path === '/small' ? '100 B' : '16 KiB'} bodies`,
  );
  console.log('  server         req/s    p50 ms    p99 ms  edge s/k agent s/k  porthole/this');
  for (const [name, m] of results) {
    console.log(row(name, m, name === 'porthole' ? undefined : ours));
    if (values.json === undefined || ours === undefined || name === 'porthole') continue;
    const line = {
      case: c.name,
      against: name,
      ours: ours.rate,
      theirs: m.rate,
      ratio: ours.rate / m.rate,
      unit: 'req/s',
    };
    appendFileSync(values.json, `${JSON.stringify(line)}\n`);
  }
}

const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-bench-'));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(dir, { recursive: true, force: true }));
if (values.json !== undefined) writeFileSync(values.json, '');
const origin = stack.use(await startOrigin(dir));
const servers: Server[] = [origin, stack.use(await startNginxPair(dir, origin.port))];
if (HAPROXY !== undefined) servers.push(stack.use(await startHaproxyPair(dir, origin.port)));
else console.log('haproxy is not installed: its rows are left out.');
servers.push(stack.use(await startPorthole(dir, origin.port)));
console.log(
  `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.cpus().length} cores shared by load, proxies and origin; ${seconds} s a row`,
);
for (const c of cases) await measure(c, servers);
