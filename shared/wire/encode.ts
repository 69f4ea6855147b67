import type { GoAwayCode, ResetCode } from './codes.ts';
import { FRAME, type FrameType, HEADER, MAX_REASON } from './frame.ts';

/** Writes a frame header at `offset`; returns the offset of the payload. */
export function writeHeader(
  bytes: Uint8Array,
  offset: number,
  type: FrameType,
  length: number,
  stream: number,
): number {
  bytes[offset] = type;
  bytes[offset + 1] = length >>> 16;
  bytes[offset + 2] = length >>> 8;
  bytes[offset + 3] = length;
  bytes[offset + 4] = stream >>> 24;
  bytes[offset + 5] = stream >>> 16;
  bytes[offset + 6] = stream >>> 8;
  bytes[offset + 7] = stream;
  return offset + HEADER;
}

/** Writes `value` as four bytes, big endian, at `offset`. */
export function writeWord(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Reads four bytes, big endian, at `offset`; missing ones count as 0. */
export function readWord(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}

/** One whole frame in bytes of its own. For the handshake and for tests; the tunnel writes into its arenas. */
export function encodeFrame(type: FrameType, stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER + payload.length);
  writeHeader(frame, 0, type, payload.length, stream);
  frame.set(payload, HEADER);
  return frame;
}

/** The payload of RESET and GO_AWAY: the code, then `reason` in printable ASCII, cut to 120 characters. */
export function encodeReason(code: ResetCode | GoAwayCode, reason: string): Uint8Array {
  const length = Math.min(reason.length, MAX_REASON);
  const payload = new Uint8Array(1 + length);
  payload[0] = code;
  for (let i = 0; i < length; i++) {
    const char = reason.charCodeAt(i);
    payload[1 + i] = char >= 32 && char < 127 ? char : 63;
  }
  return payload;
}

/** A whole GO_AWAY frame. */
export const encodeGoAway = (code: GoAwayCode, reason: string): Uint8Array =>
  encodeFrame(FRAME.GO_AWAY, 0, encodeReason(code, reason));

/** The reason of a RESET or GO_AWAY payload; what isn't printable ASCII shows as `?`, so that logs stay clean. */
export function decodeReason(payload: Uint8Array): string {
  let reason = '';
  for (let i = 1; i < payload.length; i++) {
    const char = payload[i] ?? 0;
    reason += char >= 32 && char < 127 ? String.fromCharCode(char) : '?';
  }
  return reason;
}
