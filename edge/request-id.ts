import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_PART = 16;
const pool = Buffer.alloc(256 * RANDOM_PART);
/** The pool as letters of the alphabet, and how many of them are used. */
let letters = '';
let used = 0;
let lastTime = -1;
let lastPrefix = '';

/**
 * The id of a request or a connection, in the layout of `createId` (shared/domain/id.ts) but made for the hot path:
 * the part that is time is worked out once a millisecond, randomness is drawn and spelled 4 KiB at a time. `now` in
 * milliseconds since the epoch.
 */
export function createRequestId(now: number): string {
  if (now !== lastTime) {
    lastTime = now;
    lastPrefix = timePart(now);
  }
  if (used === letters.length) refill();
  const id = lastPrefix + letters.slice(used, used + RANDOM_PART);
  used += RANDOM_PART;
  return id;
}

/** Letter by letter, an id would be a chain of sixteen joins that is walked again wherever it is written. */
function refill(): void {
  randomFillSync(pool);
  for (let i = 0; i < pool.length; i++) pool[i] = ALPHABET.charCodeAt((pool[i] ?? 0) & 31);
  letters = pool.toString('latin1');
  used = 0;
}

function timePart(now: number): string {
  let text = '';
  for (let i = 0, rest = Math.floor(now); i < 10; i++, rest = Math.floor(rest / 32))
    text = (ALPHABET[rest % 32] ?? '') + text;
  return text;
}
