import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { PackedRecords, RecordSpan } from './access-log.ts';
import type { RecordTable } from './columns.ts';
import { LEAST_ROW, tableOf } from './packed-table.ts';

/** Level 1: half a percent larger than 3 here, in two thirds of the time. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** Bytes that a block may unpack to: far more than a batch or blocks that were joined come to. */
const MOST_UNPACKED = 64 * 1024 * 1024;
const WORD = 4;
/** Bytes that zstd is asked for at a time, at least; with all of a block at once nothing has to be put together. */
const LEAST_CHUNK = 1024;

/** What is known of a block without unpacking it. */
export interface BlockHead extends RecordSpan {
  /** Bytes that it unpacks to. */
  readonly size: number;
}

/**
 * Packed records as they are kept: the length of the texts (4 bytes, little endian), the texts (UTF-8), and the rows,
 * together compressed by zstd (RFC 8878).
 */
export function encodeBlock({ texts, rows }: PackedRecords): { readonly size: number; readonly data: Uint8Array } {
  const length = Buffer.byteLength(texts);
  const bytes = Buffer.allocUnsafe(WORD + length + rows.length);
  bytes.writeUInt32LE(length);
  bytes.write(texts, WORD);
  bytes.set(rows, WORD + length);
  return { size: bytes.length, data: zstdCompressSync(bytes, COMPRESSION) };
}

/** The records of a block; undefined when `data` is damaged. */
export function decodeBlock(
  { count, size }: Pick<BlockHead, 'count' | 'size'>,
  data: Uint8Array,
): RecordTable | undefined {
  try {
    const chunkSize = Math.max(LEAST_CHUNK, Math.min(size, MOST_UNPACKED));
    const bytes = zstdDecompressSync(data, { maxOutputLength: MOST_UNPACKED, chunkSize });
    const start = WORD + bytes.readUInt32LE();
    const rows = bytes.subarray(start);
    if (bytes.length !== size || rows.length < count * LEAST_ROW) return undefined;
    return tableOf({ count, texts: bytes.toString('utf8', WORD, start), rows });
  } catch {
    return undefined;
  }
}
