import { type Because, because } from './reason.ts';

/**
 * Secrets that people handle: `<prefix><43 base62-ish characters of randomness><6 of checksum>`. The checksum
 * (CRC-32 of prefix and body) tells a typo or a cut-off copy from an unknown token, and lets scanners find leaks.
 */
export type TokenKind = 'join' | 'agent' | 'share';

const PREFIX: Record<TokenKind, string> = { join: 'phj_', agent: 'pha_', share: 'phs_' };
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BODY = 43;
const CHECK = 6;

/** CRC-32 (IEEE 802.3, reflected) of the text's character codes, which must be below 256. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function checksum(text: string): string {
  let value = crc32(text);
  let out = '';
  for (let i = 0; i < CHECK; i++) {
    out = (ALPHABET[value % 62] ?? '') + out;
    value = Math.floor(value / 62);
  }
  return out;
}

/** A new token of `kind`: 256 bits of `random(n)` (n random bytes) and a checksum. */
export function createToken(kind: TokenKind, random: (length: number) => Uint8Array): string {
  let body = '';
  while (body.length < BODY) {
    for (const byte of random(64)) if (byte < 248 && body.length < BODY) body += ALPHABET[byte % 62] ?? '';
  }
  const head = PREFIX[kind] + body;
  return head + checksum(head);
}

/** What is wrong with `text` as a token of `kind`, as a reason; `undefined` when it is well formed. */
export function tokenFault(kind: TokenKind, text: string): Because | undefined {
  const prefix = PREFIX[kind];
  if (!text.startsWith(prefix)) return because('token_prefix', { prefix });
  if (text.length !== prefix.length + BODY + CHECK) return because('token_length');
  if (!/^[0-9A-Za-z]+$/.test(text.slice(prefix.length))) return because('token_characters');
  return checksum(text.slice(0, -CHECK)) === text.slice(-CHECK) ? undefined : because('token_checksum');
}
