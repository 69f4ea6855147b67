/**
 * Two workers on two cores against one process on one. Load, origin and agent run on the same cores as the edge, so
 * requests a second say little; what a request costs the edge does: with two cores to spend, it serves twice what a core
 * pays for. Counted are all processes of the edge, the one that controls too.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { loadTls } from './load.ts';
import { H2LOAD, type Server, startOrigin } from './peers.ts';
import { type Porthole, startPorthole } from './porthole.ts';
import { cpuOf } from './process.ts';

export const WORKERS = 'workers-2';
/** Least of what is wanted. */
const WANTED = 1.6;
const ROUNDS = 3;
const CONNECTIONS = 64;

interface Figures {
  /** Requests a second. */
  readonly rate: number;
  /** Requests a second of CPU that the edge's processes have used. */
  readonly perCpu: number;
}

export async function workersCase(
  dir: string,
  seconds: number,
  write: (name: string, against: string, ours: number, theirs: number, unit: string) => void,
): Promise<void> {
  if (H2LOAD === undefined) {
    console.log(`\n${WORKERS} left out: h2load is not installed (nghttp2-client).`);
    return;
  }
  await using stack = new AsyncDisposableStack();
  const folder = path.join(dir, 'workers');
  mkdirSync(folder);
  const origin = stack.use(await startOrigin(folder));
  const edges: { readonly workers: number; readonly porthole: Porthole; readonly server: Server }[] = [];
  for (const workers of [1, 2]) {
    const home = path.join(folder, String(workers));
    mkdirSync(home);
    const porthole = stack.use(await startPorthole(home, { workers }));
    const server = await porthole.http(origin.port);
    await linked(porthole, workers);
    edges.push({ workers, porthole, server });
  }
  const figures = new Map<number, Figures[]>([
    [1, []],
    [2, []],
  ]);
  for (let round = 0; round < ROUNDS; round++)
    for (const { workers, porthole, server } of edges)
      figures.get(workers)?.push(await measure(porthole, server, seconds));
  const one = median(figures.get(1) ?? []);
  const two = median(figures.get(2) ?? []);
  const ratio = (2 * two.perCpu) / one.perCpu;
  console.log(`\n${WORKERS}: ${CONNECTIONS} keep-alive connections over TLS, 100 B bodies, median of ${ROUNDS} rounds`);
  console.log('  edge          req/s  req/CPU second of the edge');
  console.log(`  one process ${one.rate.toFixed(0).padStart(7)}${one.perCpu.toFixed(0).padStart(28)}`);
  console.log(`  two workers ${two.rate.toFixed(0).padStart(7)}${two.perCpu.toFixed(0).padStart(28)}`);
  console.log(`  two cores against one: ${ratio.toFixed(2)}× (wanted: ${WANTED}×; ${os.cpus().length} cores here)`);
  write(WORKERS, 'one', 2 * two.perCpu, one.perCpu, 'req/s of the cores’ time');
}

async function measure(porthole: Porthole, server: Server, seconds: number): Promise<Figures> {
  await loadTls(server, '/small', CONNECTIONS, 1);
  const before = cpuOfEdge(porthole);
  const rate = await loadTls(server, '/small', CONNECTIONS, seconds);
  return { rate, perCpu: (rate * seconds) / (cpuOfEdge(porthole) - before) };
}

/** Seconds of CPU of the edge and its workers. */
function cpuOfEdge({ edge: { pid } }: Porthole): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const pids = [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
  return pids.reduce((sum, id) => sum + cpuOf(id), 0);
}

/** Waits until the agent has linked to each worker. */
async function linked(porthole: Porthole, workers: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const metrics = await ask(porthole.healthPort, '/metrics');
    if (Number(/^porthole_tunnels_open (\d+)$/m.exec(metrics)?.[1]) >= workers) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the agent did not link to all of ${workers} workers`);
}

function ask(port: number, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path: where, agent: false }, (response) => resolve(text(response)))
      .on('error', reject);
  });
}

function median(figures: readonly Figures[]): Figures {
  const sorted = [...figures].sort((a, b) => a.perCpu - b.perCpu);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}
