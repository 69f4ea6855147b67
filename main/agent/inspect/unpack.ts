import { Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';

/** Codings of one body at most. */
const MOST_CODINGS = 3;

/** What became of a body: `packed` when it could not be unpacked, and is as it was. */
export interface Unpacked {
  readonly bytes: Buffer;
  readonly cut: boolean;
  readonly packed: boolean;
}

/**
 * Undoes the codings that `encoding` (a Content-Encoding, RFC 9110 section 8.4) names. Of a body whose end is missing
 * comes what its beginning yields, and never more than `limit` bytes. Never rejects.
 */
export async function unpack(bytes: Buffer, encoding: string, limit: number): Promise<Unpacked> {
  const codings = encoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const packed: Unpacked = { bytes, cut: false, packed: true };
  if (codings.length > MOST_CODINGS || !codings.every((coding) => decoderOf(coding, bytes) !== undefined))
    return packed;
  let result: Unpacked = { bytes, cut: false, packed: false };
  for (const coding of codings.reverse()) {
    const decoder = decoderOf(coding, result.bytes);
    const next = decoder === undefined ? undefined : await run(decoder, result.bytes, limit);
    if (next === undefined) return packed;
    result = { bytes: next.bytes, cut: result.cut || next.cut, packed: false };
  }
  return result;
}

/** Takes an end that is missing for the end. */
const PATIENT = { finishFlush: zlib.constants.Z_SYNC_FLUSH };

function decoderOf(coding: string, bytes: Buffer): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip(PATIENT);
    case 'br':
      return zlib.createBrotliDecompress({ finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH });
    case 'zstd':
      return zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush });
    case 'deflate':
      // Meant is zlib's format, sent is often the bare one: the lower half of the first byte tells.
      return ((bytes[0] ?? 8) & 15) === 8 ? zlib.createInflate(PATIENT) : zlib.createInflateRaw(PATIENT);
    default:
      return undefined;
  }
}

/** `undefined` when not a byte came out of it. */
async function run(
  decoder: Transform,
  bytes: Buffer,
  limit: number,
): Promise<{ readonly bytes: Buffer; readonly cut: boolean } | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  let cut = false;
  try {
    for await (const part of Readable.from([bytes]).pipe(decoder) as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size <= limit) continue;
      cut = true;
      break;
    }
  } catch {
    // It is damaged from here on: what came out so far is worth showing.
    cut = true;
  }
  decoder.destroy();
  if (size === 0 && bytes.length > 0 && cut) return undefined;
  return { bytes: Buffer.concat(parts).subarray(0, limit), cut };
}
