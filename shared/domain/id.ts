const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * An opaque id that sorts by time: 10 characters of milliseconds since the epoch and 16 of randomness, Crockford
 * base 32, lower-case (the layout of a ULID). `random(n)` yields n random bytes.
 */
export function createId(now: number, random: (length: number) => Uint8Array): string {
  let time = '';
  for (let i = 0, rest = now; i < 10; i++, rest = Math.floor(rest / 32)) time = (ALPHABET[rest % 32] ?? '') + time;
  let tail = '';
  for (const byte of random(16)) tail += ALPHABET[byte & 31] ?? '';
  return time + tail;
}
