import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it, vi } from 'vitest';
import { type PoolOptions, WorkerPool } from '../../../edge/workers/pool.ts';
import type { WorkerStart } from '../../../edge/workers/protocol.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ENTRY = new URL('../../support/pool-worker.ts', import.meta.url);
const pools: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** A pool of processes that play workers; `nodeId` tells them what to play. */
function startPool(nodeId = 'fine', more: Partial<PoolOptions> = {}) {
  const clock = new ManualClock();
  const heard: string[] = [];
  const serving: [number, boolean][] = [];
  const pool = new WorkerPool({
    count: 2,
    entry: ENTRY,
    version: '1',
    clock,
    logger: silentLogger,
    start: (index) => ({ type: 'start', index, nodeId }) as WorkerStart,
    onNews: (index, news) => heard.push(`${index} ${news.type}`),
    onApi: () => {},
    onServing: (index, up) => serving.push([index, up]),
    ...more,
  });
  pools.push(pool);
  return { pool, clock, heard, serving };
}

it('starts as many workers as it is told, and passes on what they say', async () => {
  const { pool, heard, serving } = startPool();
  expect(await pool.start()).toEqual({ ok: true, value: undefined });
  expect(pool.serving.toSorted()).toEqual([0, 1]);
  expect(serving.toSorted()).toEqual([
    [0, true],
    [1, true],
  ]);
  pool.send(1, { type: 'evict', agentId: 'a' });
  await expect.poll(() => heard).toEqual(['1 seen']);
  await pool.drain(10_000);
  expect(pool.serving).toEqual([]);
  expect(pool.crashes).toBe(0);
});

it('fails as a worker fails that cannot start, and leaves none running', async () => {
  const { pool } = startPool('fails');
  expect(await pool.start()).toMatchObject({ ok: false, error: { code: 'address_in_use' } });
  expect(pool.serving).toEqual([]);
});

it('starts another in the place of one that ends, after a while', async () => {
  const { pool, clock, serving } = startPool();
  await pool.start();
  pool.send(0, { type: 'evict', agentId: 'crash' });
  await expect.poll(() => serving.at(-1)).toEqual([0, false]);
  expect(pool.serving).toEqual([1]);
  clock.advance(500);
  await expect.poll(() => pool.serving.toSorted()).toEqual([0, 1]);
  expect(pool.crashes).toBe(1);
});

it('ends a worker that says nothing for long, but not for a stall of its own', async () => {
  const { pool, clock, serving } = startPool();
  await pool.start();
  clock.stall(120_000);
  clock.advance(1);
  pool.send(0, { type: 'evict', agentId: 'a' });
  pool.send(1, { type: 'evict', agentId: 'a' });
  expect(pool.serving).toHaveLength(2);
  for (let i = 0; i < 8; i++) clock.advance(5_000);
  await expect.poll(() => serving.filter(([, up]) => !up)).toHaveLength(2);
});

it('has nothing to do with workers of another version', async () => {
  vi.stubEnv('POOL_WORKER_VERSION', '2');
  const { pool } = startPool();
  expect(await pool.start()).toMatchObject({ ok: false });
  vi.unstubAllEnvs();
});

it('brings a connection, with what was read of it, to the worker that it is for', async () => {
  const passed = Promise.withResolvers<string>();
  const { pool } = startPool();
  await pool.start();
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    socket.once('data', (bytes: Buffer) => {
      socket.unshift(bytes);
      pool.pass(socket, 1, undefined);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('hello');
  text(client).then(passed.resolve, passed.reject);
  expect(await passed.promise).toMatch(/^\d+ got hello$/);
  server.close();
});
