/**
 * `npm run bench`: what Porthole costs, as ratios against the same work done directly, by two nginx and by two haproxy
 * in a row, all in one run on one machine. Absolute figures mean little on a shared machine; ratios do.
 *
 *   npm run bench -- [--only CASE] [--seconds N] [--minutes N] [--json FILE]
 *
 * Memory is measured against the bounds that are promised. The long ones (`no-growth`, and minutes of silence for
 * `idle-websockets`) run only when asked for by `--only`.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ACCESS_LOOKUP, benchAccess } from './access-lookup.ts';
import { APP_IDLE, appIdle } from './app-idle.ts';
import { AUTH_COST, benchAuth } from './auth-cost.ts';
import { FAIRNESS, fairnessCases } from './fairness.ts';
import { NO_GROWTH, noGrowth } from './growth.ts';
import { HTTP, HTTPS, measureHttp } from './http.ts';
import { type Bounded, IDLE, idleCases } from './idle.ts';
import { LOG_SCROLL, logScroll } from './log-scroll.ts';
import { PATHS, pathCases } from './paths.ts';
import { H2LOAD, HAPROXY, NGINX, type Server, startHaproxyPair, startNginxPair, startOrigin, WRK } from './peers.ts';
import { type Porthole, startPorthole } from './porthole.ts';
import { benchRoutes, ROUTE_LOOKUP } from './route-lookup.ts';
import { type Report, TCP, tcpCases } from './tcp.ts';
import { WORKERS, workersCase } from './workers.ts';

const CASES = [
  ROUTE_LOOKUP,
  ACCESS_LOOKUP,
  AUTH_COST,
  ...HTTP.map((c) => c.name),
  HTTPS.name,
  ...TCP,
  WORKERS,
  ...IDLE,
  NO_GROWTH,
  APP_IDLE,
  LOG_SCROLL,
  ...FAIRNESS,
  ...PATHS,
];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const minutes = Number(values.minutes);
const wanted = (name: string) => (values.only === undefined ? name !== NO_GROWTH : values.only === name);
const within = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
if (!CASES.some(wanted) || !within(seconds, 60) || !within(minutes, 600)) {
  console.error(
    `Usage: npm run bench -- [--only ${CASES.join('|')}] [--seconds 1..60] [--minutes 1..600] [--json FILE]`,
  );
  process.exit(2);
}
if (values.json !== undefined) writeFileSync(values.json, '');
const ALONE = [ROUTE_LOOKUP, ACCESS_LOOKUP, AUTH_COST];
if (wanted(ROUTE_LOOKUP)) benchRoutes(writeJson);
if (wanted(ACCESS_LOOKUP)) benchAccess(writeJson);
if (wanted(AUTH_COST)) await benchAuth(writeJson);
if (ALONE.some((name) => name === values.only)) process.exit(0);
const MEMORY: readonly string[] = [...IDLE, NO_GROWTH];
const memory = MEMORY.some(wanted);
const neighbours = CASES.some(
  (name) => wanted(name) && ![...ALONE, ...PATHS, ...MEMORY, ...FAIRNESS, WORKERS, APP_IDLE, LOG_SCROLL].includes(name),
);
if ((neighbours || memory || wanted(WORKERS)) && (WRK === undefined || NGINX === undefined)) {
  console.error('The benchmark needs wrk and nginx: apt-get install wrk nginx-light haproxy iperf3 nghttp2-client');
  process.exit(1);
}

function writeJson(
  name: string,
  against: string,
  ours: number,
  theirs: number,
  unit: string,
  ratio = ours / theirs,
): void {
  if (values.json === undefined) return;
  appendFileSync(values.json, `${JSON.stringify({ case: name, against, ours, theirs, ratio, unit })}\n`);
}

const number = (value: number | undefined, digits: number) =>
  (value === undefined ? '–' : value.toFixed(digits)).padStart(10);

const report: Report = (name, unit, figures) => {
  const ours = figures.find((f) => f.server === 'porthole');
  if (ours === undefined) return;
  console.log(`\n${name}`);
  console.log(`  server    ${unit.padStart(10)}  porthole/this`);
  for (const { server, value } of figures) {
    const ratio = server === 'porthole' ? '' : `${(ours.value / value).toFixed(2)}×`;
    console.log(`  ${server.padEnd(10)}${number(value, value < 100 ? 2 : 0)}${ratio.padStart(10)}`);
    if (server !== 'porthole') writeJson(name, server, ours.value, value, unit);
  }
};

async function httpCases(dir: string, origin: Server, porthole: Porthole): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [origin, stack.use(await startNginxPair(dir, origin.port))];
  if (HAPROXY !== undefined) servers.push(stack.use(await startHaproxyPair(dir, origin.port)));
  else console.log('haproxy is not installed: its rows are left out.');
  servers.push(await porthole.http(origin.port));
  for (const c of HTTP.filter((h) => wanted(h.name))) await measureHttp(c, servers, seconds, writeJson);
  if (!wanted(HTTPS.name)) return;
  const secure = servers.filter((server) => server.tlsPort !== undefined);
  if (H2LOAD === undefined) console.log(`\n${HTTPS.name} left out: h2load is not installed (nghttp2-client).`);
  else await measureHttp(HTTPS, secure, seconds, writeJson);
}

const bounded: Bounded = (name, unit, ours, bound) => {
  console.log(`\n${name}: ${ours < 10 ? ours.toFixed(2) : Math.round(ours)} ${unit} (bound: ${bound})`);
  writeJson(name, 'bound', ours, bound, unit);
};

/** Everything on one machine, with nothing but loopback between the parts. */
async function neighbourCases(dir: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await startOrigin(dir));
  const porthole = stack.use(await startPorthole(dir));
  if (HTTP.some((c) => wanted(c.name)) || wanted(HTTPS.name)) await httpCases(dir, origin, porthole);
  await tcpCases(dir, origin.port, porthole, wanted, seconds, report);
}

/** Milliseconds of silence for WebSockets: as long as idle HTTP connections have, and more, when that is the question. */
const HOLD = values.only === undefined ? 10_000 : 150_000;

/** What is measured in bytes, each with an edge of its own. */
async function memoryCases(dir: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = path.join(dir, 'memory');
  mkdirSync(folder);
  const origin = stack.use(await startOrigin(folder));
  await idleCases(folder, origin, wanted, HOLD, bounded);
  if (wanted(NO_GROWTH)) await noGrowth(folder, origin, minutes * 60, bounded);
}

const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-bench-'));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(dir, { recursive: true, force: true }));
const model = os.cpus()[0]?.model ?? 'unknown processor';
/** Linux: one that paces what it sends makes other figures of bulk, on loopback too. */
const CONGESTION = '/proc/sys/net/ipv4/tcp_congestion_control';
const congestion = existsSync(CONGESTION) ? `; TCP with ${readFileSync(CONGESTION, 'utf8').trim()}` : '';
console.log(`${model}, ${os.cpus().length} cores shared by load, proxies and origin${congestion}; ${seconds} s a row`);
if (neighbours) await neighbourCases(dir);
if (memory) await memoryCases(dir);
if (wanted(APP_IDLE)) await appIdle(dir, seconds, bounded);
if (wanted(LOG_SCROLL)) await logScroll(dir, seconds, bounded);
await fairnessCases(dir, wanted, seconds, writeJson);
if (wanted(WORKERS)) await workersCase(dir, seconds, writeJson);
await pathCases(dir, wanted, seconds, report);
