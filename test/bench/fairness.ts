/** One who takes all there is, beside one who asks for little: what becomes of the modest one. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { load, type Measured } from './load.ts';
import { type Server, startOrigin } from './peers.ts';
import { startPorthole } from './porthole.ts';

/** Who is greedy, and how. The modest visitor has two connections to a service of its own, but for the last case. */
const GREEDY = {
  'fairness-service': {
    about: 'another service of the same laptop, 256 connections',
    path: '/small',
    connections: 256,
  },
  'fairness-bulk': { about: 'the same, with 64 large downloads at a time', path: '/large', connections: 64 },
  'fairness-agent': { about: 'a service of another laptop, 256 connections', path: '/small', connections: 256 },
  'fairness-visitor': {
    about: 'another visitor of the same service, 256 connections',
    path: '/small',
    connections: 256,
  },
} as const;

export const FAIRNESS = Object.keys(GREEDY) as readonly (keyof typeof GREEDY)[];
const MODEST_CONNECTIONS = 2;

type Write = (name: string, against: string, ours: number, theirs: number, unit: string) => void;

/** Runs the cases that are wanted, `seconds` a row. */
export async function fairnessCases(
  dir: string,
  wanted: (name: string) => boolean,
  seconds: number,
  write: Write,
): Promise<void> {
  if (!FAIRNESS.some(wanted)) return;
  await using stack = new AsyncDisposableStack();
  const folder = path.join(dir, 'fairness');
  mkdirSync(folder);
  const origin = stack.use(await startOrigin(folder));
  const porthole = stack.use(await startPorthole(folder, { agents: 2 }));
  const modest = await porthole.http(origin.port, 'modest');
  const others: Readonly<Record<keyof typeof GREEDY, Server>> = {
    'fairness-service': await porthole.http(origin.port, 'greedy'),
    'fairness-bulk': await porthole.http(origin.port, 'bulk'),
    'fairness-agent': await porthole.http(origin.port, 'elsewhere', 1),
    'fairness-visitor': modest,
  };
  const visit = (): Promise<Measured> => load(modest, '/small', MODEST_CONNECTIONS, seconds);
  await load(modest, '/small', MODEST_CONNECTIONS, 1);
  const alone = await visit();
  console.log(`\n${MODEST_CONNECTIONS} connections alone: ${say(alone)}`);
  for (const name of FAIRNESS.filter(wanted)) {
    const { about, path: what, connections } = GREEDY[name];
    const greedy = load(others[name], what, connections, seconds + 2);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const beside = await visit();
    console.log(`${name}, beside ${about} (${Math.round((await greedy).rate)} req/s): ${say(beside)}`);
    write(name, 'alone', beside.rate, alone.rate, 'req/s');
    write(name, 'alone', beside.p50, alone.p50, 'ms p50');
    write(name, 'alone', beside.p99, alone.p99, 'ms p99');
    // Everybody has the same share of a core: two of all connections that ask.
    const fair = (beside.rate + (await greedy).rate) * (MODEST_CONNECTIONS / (MODEST_CONNECTIONS + connections));
    if (what === '/small') {
      console.log(`  ${(beside.rate / fair).toFixed(2)} of an equal share a connection`);
      write(name, 'equal share', beside.rate, fair, 'req/s');
    }
  }
}

const say = (m: Measured): string =>
  `${Math.round(m.rate)} req/s, p50 ${m.p50.toFixed(2)} ms, p99 ${m.p99.toFixed(2)} ms${m.bad > 0 ? `, ${m.bad} bad` : ''}`;
