import { expect, it } from 'vitest';
import { pooledRandom } from '../../../shared/node/random-pool.ts';

it('hands out other bytes each time, also where the pool is drawn anew', () => {
  const seen = new Set(Array.from({ length: 1_000 }, () => Buffer.from(pooledRandom(16)).toString('hex')));
  expect(seen.size).toBe(1_000);
  expect([pooledRandom(4096).length, pooledRandom(1).length]).toEqual([4096, 1]);
});
