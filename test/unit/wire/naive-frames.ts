import type { FrameType } from '../../../shared/wire/frame.ts';

/** A frame as the oracle sees it. */
export interface NaiveFrame {
  readonly type: FrameType | number;
  readonly stream: number;
  readonly payload: readonly number[];
}

/** The layout, written down once more in the plainest way there is. */
export function naiveEncode(frames: readonly NaiveFrame[]): number[] {
  return frames.flatMap(({ type, stream, payload }) => [
    type,
    Math.floor(payload.length / 65536) % 256,
    Math.floor(payload.length / 256) % 256,
    payload.length % 256,
    Math.floor(stream / 16777216) % 256,
    Math.floor(stream / 65536) % 256,
    Math.floor(stream / 256) % 256,
    stream % 256,
    ...payload,
  ]);
}

/** All frames in `bytes`, which end on a frame boundary. */
export function naiveDecode(bytes: readonly number[]): NaiveFrame[] {
  const frames: NaiveFrame[] = [];
  const number = (part: readonly number[]): number => part.reduce((sum, byte) => sum * 256 + byte, 0);
  for (let at = 0; at < bytes.length; ) {
    const length = number(bytes.slice(at + 1, at + 4));
    const payload = bytes.slice(at + 8, at + 8 + length);
    frames.push({ type: bytes[at] ?? -1, stream: number(bytes.slice(at + 4, at + 8)), payload });
    at += 8 + length;
  }
  return frames;
}
