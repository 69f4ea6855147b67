/**
 * What becomes of a transfer, and of a small exchange beside it, when agent and edge are not neighbours: emulated paths
 * with delay, a slow link, and loss, against the same over direct TCP connections through the same path. The agent and
 * the origins live in a network namespace; `path-shim.py` is what lies between it and the rest.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { askBeside, type Door } from './fair-path.ts';
import { type Porthole, startPorthole } from './porthole.ts';
import { type Running, run } from './process.ts';
import { bulkRate, IPERF, pings, type Report } from './tcp.ts';

interface Path {
  /** Milliseconds there and back. */
  readonly roundTrip: number;
  readonly mbit: number;
  /** Share of packets lost, each way. */
  readonly loss: number;
  /** Bytes that the narrow end queues before it drops. */
  readonly queue: number;
}

interface Case {
  readonly name: string;
  readonly path: Path;
  /** Downloads at once. */
  readonly streams: number;
  /** Measures an exchange beside them too. */
  readonly ping: boolean;
}

const FAST: Path = { roundTrip: 50, mbit: 200, loss: 0, queue: 2_500_000 };
const LOSSY: Path = { ...FAST, loss: 0.01 };
const SLOW: Path = { roundTrip: 40, mbit: 20, loss: 0, queue: 1_500_000 };

const CASES: readonly Case[] = [
  { name: 'path-50ms-1', path: FAST, streams: 1, ping: false },
  { name: 'path-50ms-8', path: FAST, streams: 8, ping: false },
  { name: 'path-50ms-loss-8', path: LOSSY, streams: 8, ping: false },
  { name: 'path-20mbit-1', path: SLOW, streams: 1, ping: true },
  { name: 'path-20mbit-4', path: SLOW, streams: 4, ping: true },
];
/** Downloads of one service beside small requests for another, on the slow path. */
const CROWDS: readonly { readonly name: string; readonly downloads: number; readonly mode: 'tcp' | 'http' }[] = [
  { name: 'fairness-path-100', downloads: 100, mode: 'tcp' },
  { name: 'fairness-path-500', downloads: 500, mode: 'tcp' },
  { name: 'fairness-path-500-http', downloads: 500, mode: 'http' },
];
export const PATHS: readonly string[] = [...CASES, ...CROWDS].map((c) => c.name);

const HERE = '10.213.77.1';
const THERE = '10.213.77.2';
const IPERF_PORT = 5201;
const ECHO_PORT = 5202;
const FILES_PORT = 5203;
/** Pings on the idle path, to compare with. */
const IDLE_SECONDS = 2;
/** Pings begin once the transfer is under way. */
const SETTLED = 2000;

/** The path and both ends of it: what a case runs on. */
interface Stand {
  readonly porthole: Porthole;
  readonly bulk: number;
  readonly echo: number;
}

const ip = async (...args: string[]): Promise<void> => {
  await promisify(execFile)('ip', args);
};

/** Runs those of the cases that are `wanted`; says in a sentence why not where the machine does not permit it. */
export async function pathCases(
  dir: string,
  wanted: (name: string) => boolean,
  seconds: number,
  report: Report,
): Promise<void> {
  const namespace = `porthole-bench-${process.pid}`;
  const on = async (name: string, way: Path, run: (folder: string, stack: AsyncDisposableStack) => Promise<void>) => {
    if (!wanted(name)) return;
    await using stack = new AsyncDisposableStack();
    try {
      if (IPERF === undefined) throw new Error('iperf3 is not installed');
      await ip('netns', 'add', namespace);
      stack.defer(() => ip('netns', 'delete', namespace));
      stack.use(await startShim(namespace, way));
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      console.log(`\n${name} left out: it needs root, iproute2, python3, iperf3 and /dev/net/tun (${reason}).`);
      return;
    }
    const folder = path.join(dir, name);
    mkdirSync(folder);
    await run(folder, stack);
  };
  for (const c of CASES)
    await on(c.name, c.path, async (folder, stack) =>
      measure(c, await startStand(folder, namespace, stack), seconds, report),
    );
  for (const c of CROWDS)
    await on(c.name, SLOW, async (folder, stack) => crowd(c, folder, namespace, stack, seconds, report));
}

async function crowd(
  { name, downloads, mode }: (typeof CROWDS)[number],
  folder: string,
  namespace: string,
  stack: AsyncDisposableStack,
  seconds: number,
  report: Report,
): Promise<void> {
  const script = path.join(import.meta.dirname, 'files-origin.ts');
  const origin = stack.use(await run('ip', ['netns', 'exec', namespace, process.execPath, script, String(FILES_PORT)]));
  await once(origin.child.stdout ?? origin.child, 'data');
  const porthole = stack.use(await startPorthole(folder, { far: { edge: HERE, namespace } }));
  const door = async (service: string): Promise<Door> => {
    if (mode === 'tcp') return { host: HERE, port: (await porthole.tcp(FILES_PORT, service)).port };
    const { host, tlsPort } = await porthole.http(FILES_PORT, service);
    return { host: HERE, port: tlsPort ?? 0, name: host };
  };
  const [modest, greedy] = [await door('modest'), await door('greedy')];
  const straight = { host: THERE, port: FILES_PORT };
  const direct = await askBeside(straight, straight, downloads, seconds);
  const ours = await askBeside(modest, greedy, downloads, seconds);
  const figures = (value: (beside: Awaited<ReturnType<typeof askBeside>>) => number) => [
    { server: 'direct', value: value(direct) },
    { server: 'porthole', value: value(ours) },
  ];
  report(
    name,
    'ms p50',
    figures(({ times }) => median(times)),
  );
  report(
    `${name}-slowest`,
    'ms',
    figures(({ times }) => times.at(-1) ?? Number.NaN),
  );
  report(
    `${name}-rate`,
    'MB/s',
    figures(({ rate }) => rate),
  );
  for (const [what, { failed, broken }] of Object.entries({ direct, porthole: ours }))
    console.log(`  ${what}: ${failed} small requests without an answer, ${broken} downloads broken off`);
}

async function startShim(namespace: string, { roundTrip, mbit, loss, queue }: Path): Promise<Running> {
  const script = path.join(import.meta.dirname, 'path-shim.py');
  const args = [script, namespace, HERE, THERE, roundTrip, mbit, loss, queue].map(String);
  const shim = await run('python3', args, { stdin: 'pipe' });
  const said = await Promise.race([once(shim.child.stdout ?? shim.child, 'data'), once(shim.child, 'exit')]);
  if (shim.child.exitCode !== null || !String(said[0]).startsWith('ready')) throw new Error('the path did not start');
  return shim;
}

async function startStand(dir: string, namespace: string, stack: AsyncDisposableStack): Promise<Stand> {
  const inside = (...command: string[]) => run('ip', ['netns', 'exec', namespace, ...command]);
  stack.use(await inside(IPERF ?? 'iperf3', '-s', '-p', String(IPERF_PORT)));
  const echoOrigin = path.join(import.meta.dirname, 'echo-origin.ts');
  const echo = stack.use(await inside(process.execPath, echoOrigin, String(ECHO_PORT)));
  await once(echo.child.stdout ?? echo.child, 'data');
  const porthole = stack.use(await startPorthole(dir, { far: { edge: HERE, namespace } }));
  const bulk = await porthole.tcp(IPERF_PORT, 'bulk');
  const ping = await porthole.tcp(ECHO_PORT, 'ping');
  return { porthole, bulk: bulk.port, echo: ping.port };
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

async function measure(c: Case, stand: Stand, seconds: number, report: Report): Promise<void> {
  const idle = median(await pings(ECHO_PORT, IDLE_SECONDS, THERE));
  const load = async (host: string, bulk: number, echo: number): Promise<{ rate: number; ping: number }> => {
    const transfer = bulkRate(bulk, c.streams, true, seconds + SETTLED / 1000, host);
    if (!c.ping) return { rate: await transfer, ping: Number.NaN };
    await new Promise((resolve) => setTimeout(resolve, SETTLED));
    const ping = median(await pings(echo, seconds, host));
    return { rate: await transfer, ping };
  };
  const direct = await load(THERE, IPERF_PORT, ECHO_PORT);
  const ours = await load(HERE, stand.bulk, stand.echo);
  report(c.name, 'MB/s', [
    { server: 'direct', value: direct.rate },
    { server: 'porthole', value: ours.rate },
  ]);
  if (!c.ping) return;
  report(`${c.name}-ping`, 'ms p50', [
    { server: 'direct', value: direct.ping },
    { server: 'idle', value: idle },
    { server: 'porthole', value: ours.ping },
  ]);
}
