import { describe, expect, it } from 'vitest';
import { GO_AWAY, RESET } from '../../../shared/wire/codes.ts';
import { FrameDecoder, type FrameSink } from '../../../shared/wire/decode.ts';
import { decodeReason, encodeFrame, encodeGoAway, encodeReason } from '../../../shared/wire/encode.ts';
import { FRAME, type FrameType, MAX_DATA, MAX_HELLO, type Violation } from '../../../shared/wire/frame.ts';
import { seededRandom } from '../../support/random.ts';
import { type NaiveFrame, naiveDecode, naiveEncode } from './naive-frames.ts';

/** Gathers what a decoder reports as frames again. */
class Gatherer implements FrameSink<Uint8Array, undefined> {
  readonly frames: NaiveFrame[] = [];
  headers = 0;
  #data: { readonly stream: number; left: number; readonly payload: number[] } | undefined;

  onHeader(type: FrameType, stream: number, length: number): Violation | undefined {
    this.headers++;
    if (type === FRAME.DATA) this.#data = { stream, left: length, payload: [] };
    return undefined;
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const data = this.#data;
    if (data === undefined) throw new Error('data without a header');
    data.payload.push(...bytes.subarray(start, end));
    data.left -= end - start;
    if (data.left === 0) this.frames.push({ type: FRAME.DATA, stream: data.stream, payload: data.payload });
  }

  onControl(type: FrameType, stream: number, payload: Uint8Array): Violation | undefined {
    this.frames.push({ type, stream, payload: [...payload] });
    return undefined;
  }
}

function decode(pieces: readonly Uint8Array[]): { gatherer: Gatherer; violation: Violation | undefined } {
  const gatherer = new Gatherer();
  const decoder = new FrameDecoder(gatherer);
  let violation: Violation | undefined;
  for (const piece of pieces) violation = decoder.push(piece, 0, piece.length, undefined);
  return { gatherer, violation };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const header = (type: number, length: number, stream = 1): Uint8Array => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint32(4, stream);
  bytes[0] = type;
  return bytes;
};

const SAMPLE: readonly NaiveFrame[] = [
  { type: FRAME.OPEN, stream: 1, payload: [1, 2, 3] },
  { type: FRAME.DATA, stream: 1, payload: [104, 105] },
  { type: FRAME.WINDOW, stream: 1, payload: [0, 1, 0, 0] },
  { type: FRAME.FIN, stream: 1, payload: [] },
  { type: FRAME.PING, stream: 0, payload: [0, 0, 0, 0, 0, 0, 0, 7] },
  { type: FRAME.RESET, stream: 0x01020304, payload: [RESET.REFUSED, 110, 111] },
  { type: FRAME.GO_AWAY, stream: 0, payload: [GO_AWAY.SHUTDOWN] },
];

describe('frames', () => {
  it.each([
    ['DATA', encodeFrame(FRAME.DATA, 1, Buffer.from('hi')), '0000000200000001' + '6869'],
    ['FIN', encodeFrame(FRAME.FIN, 0x7fffffff, new Uint8Array()), '040000007fffffff'],
    ['WINDOW', encodeFrame(FRAME.WINDOW, 258, Uint8Array.of(0, 1, 0, 0)), '0300000400000102' + '00010000'],
    ['a long DATA', encodeFrame(FRAME.DATA, 3, new Uint8Array(0x010203)).subarray(0, 8), '0001020300000003'],
    ['GO_AWAY', encodeGoAway(GO_AWAY.PROTOCOL, 'no'), '0800000300000000' + '026e6f'],
  ])('writes %s as these bytes', (_, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it('agrees with a naive encoder and decoder', () => {
    const bytes = SAMPLE.flatMap((frame) => [
      ...encodeFrame(frame.type as FrameType, frame.stream, Uint8Array.from(frame.payload)),
    ]);
    expect(bytes).toEqual(naiveEncode(SAMPLE));
    expect(decode([Uint8Array.from(bytes)]).gatherer.frames).toEqual(naiveDecode(bytes));
  });

  it('reads the same frames wherever the bytes are split in two', () => {
    const bytes = Uint8Array.from(naiveEncode(SAMPLE));
    for (let at = 0; at <= bytes.length; at++) {
      const { gatherer, violation } = decode([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(violation).toBeUndefined();
      expect(gatherer.frames, `split at ${at}`).toEqual(SAMPLE);
    }
  });

  it('reads the same frames byte by byte', () => {
    const bytes = Uint8Array.from(naiveEncode(SAMPLE));
    expect(decode([...bytes].map((byte) => Uint8Array.of(byte))).gatherer.frames).toEqual(SAMPLE);
  });

  it('reads random frames in random pieces as the oracle does', () => {
    const random = seededRandom(20_260_101);
    const below = (n: number): number => Math.floor(random() * n);
    for (let round = 0; round < 200; round++) {
      const frames = Array.from({ length: 1 + below(20) }, (): NaiveFrame => {
        const type = [FRAME.DATA, FRAME.OPEN, FRAME.FIN, FRAME.WINDOW, FRAME.RESET, FRAME.HELLO][below(6)] ?? 0;
        const lengths: Record<number, number> = {
          [FRAME.DATA]: 1 + below(700),
          [FRAME.OPEN]: 1 + below(512),
          [FRAME.FIN]: 0,
          [FRAME.WINDOW]: 4,
          [FRAME.RESET]: 1 + below(121),
          [FRAME.HELLO]: 2 + below(4095),
        };
        return {
          type,
          stream: below(0x7fffffff),
          payload: Array.from({ length: lengths[type] ?? 0 }, () => below(256)),
        };
      });
      const bytes = Uint8Array.from(naiveEncode(frames));
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + below(below(2) === 0 ? 12 : 900);
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      const { gatherer, violation } = decode(pieces);
      expect(violation).toBeUndefined();
      expect(gatherer.frames).toEqual(naiveDecode([...bytes]));
    }
  });

  it('never throws on noise, and stays stopped once it has stopped', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 2000; round++) {
      const noise = Uint8Array.from({ length: 1 + Math.floor(random() * 64) }, () => Math.floor(random() * 256));
      const gatherer = new Gatherer();
      const decoder = new FrameDecoder(gatherer);
      const first = decoder.push(noise, 0, noise.length, undefined);
      const { headers } = gatherer;
      if (first === undefined) continue;
      expect(decoder.push(header(FRAME.FIN, 0), 0, 8, undefined)).toBe(first);
      expect(gatherer.headers).toBe(headers);
    }
  });

  it.each([
    ['a DATA frame past its cap', FRAME.DATA, MAX_DATA + 1],
    ['an empty DATA frame', FRAME.DATA, 0],
    ['an OPEN past its cap', FRAME.OPEN, 513],
    ['a WINDOW that is too long', FRAME.WINDOW, 5],
    ['a FIN with a payload', FRAME.FIN, 1],
    ['a RESET without a code', FRAME.RESET, 0],
    ['a RESET with too long a reason', FRAME.RESET, 122],
    ['a short PING', FRAME.PING, 7],
    ['a HELLO past its cap', FRAME.HELLO, MAX_HELLO + 1],
    ['the longest length', FRAME.DATA, 0xffffff],
    ['an unknown type', 11, 0],
    ['the highest type', 255, 0xffffff],
  ])('refuses %s on its header alone', (_, type, length) => {
    const { gatherer, violation } = decode([header(type, length)]);
    expect(violation?.code).toBe(GO_AWAY.PROTOCOL);
    expect(gatherer.headers).toBe(0);
  });

  it('keeps reasons short and printable, on the way out and in', () => {
    expect(decodeReason(encodeReason(RESET.BROKEN, 'read ECONNRESET'))).toBe('read ECONNRESET');
    expect(decodeReason(encodeReason(RESET.BROKEN, 'é\n'))).toBe('??');
    expect(encodeReason(RESET.BROKEN, 'x'.repeat(500))).toHaveLength(121);
    expect(decodeReason(Uint8Array.of(1, 27, 91, 65, 200))).toBe('?[A?');
  });
});
