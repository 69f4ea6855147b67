import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const pool = new Uint8Array(4096);
let used = pool.length;
let lastTime = -1;
let lastPrefix = '';

/**
 * An id in the layout of `createId` (shared/domain/id.ts), made for the hot path: the part that is time is worked out
 * once a millisecond, randomness is drawn 4 KiB at a time. `now` in milliseconds since the epoch.
 */
export function createRequestId(now: number): string {
  if (now !== lastTime) {
    lastTime = now;
    lastPrefix = timePart(now);
  }
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let id = lastPrefix;
  for (let i = 0; i < 16; i++) id += ALPHABET[(pool[used + i] ?? 0) & 31];
  used += 16;
  return id;
}

function timePart(now: number): string {
  let text = '';
  for (let i = 0, rest = Math.floor(now); i < 10; i++, rest = Math.floor(rest / 32))
    text = (ALPHABET[rest % 32] ?? '') + text;
  return text;
}
