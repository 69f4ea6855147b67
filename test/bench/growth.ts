/** Minutes of mixed load: is the edge afterwards where it was before? */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Bounded } from './idle.ts';
import { load } from './load.ts';
import type { Server } from './peers.ts';
import { type Porthole, startPorthole } from './porthole.ts';
import { bulkRate, IPERF, startIperf } from './tcp.ts';

export const NO_GROWTH = 'no-growth';

/** Seconds of load before the first look: code is compiled, pools are filled. */
const WARM_UP = 20;
/** Seconds of each kind of load in a round. */
const TURN = 5;
/** Milliseconds for connections to be gone and log lines to be written. */
const SETTLE = 5_000;
/** How much more heap, in bytes, and how many more descriptors count as "where it was". */
const HEAP_BOUND = 4 * 1024 * 1024;
const DESCRIPTORS_BOUND = 8;

/** HTTP kept alive and not, TCP connections and bulk, by turns and side by side, for `seconds`. */
async function mixedLoad(http: Server, connect: Server, bulk: Server | undefined, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await Promise.all([
      load(http, '/small', 64, TURN),
      load(http, '/large', 16, TURN),
      load(connect, '/small', 16, TURN, ['-H', 'Connection: close']),
      ...(bulk === undefined ? [] : [bulkRate(bulk.port, 4, true, TURN)]),
    ]);
    await load(http, '/small', 32, 1, ['-H', 'Connection: close']);
  }
}

async function look({ edge }: Porthole) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE));
  return await edge.held();
}

/** Loads one edge for `seconds` and compares what it holds, after a collection, with before. */
export async function noGrowth(dir: string, origin: Server, seconds: number, bounded: Bounded): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = path.join(dir, NO_GROWTH);
  mkdirSync(folder);
  const porthole = stack.use(await startPorthole(folder, { probe: true }));
  const http = await porthole.http(origin.port);
  const connect = await porthole.tcp(origin.port, 'connect');
  let bulk: Server | undefined;
  if (IPERF !== undefined) {
    const { port } = stack.use(await startIperf());
    bulk = await porthole.tcp(port, 'bulk');
  }
  await mixedLoad(http, connect, bulk, WARM_UP);
  const before = await look(porthole);
  console.log(`\n${NO_GROWTH}: ${seconds} s of mixed load`);
  await mixedLoad(http, connect, bulk, seconds);
  const after = await look(porthole);
  const growth = after.heap + after.external - before.heap - before.external;
  bounded('no-growth-heap', 'B more', growth, HEAP_BOUND);
  bounded('no-growth-descriptors', 'more', after.descriptors - before.descriptors, DESCRIPTORS_BOUND);
}
