import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { PackedRecords } from './access-log.ts';
import { LEAST_ROW } from './columns.ts';

/** Level 1: half a percent larger than 3 here, in two thirds of the time. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** Bytes that a block may unpack to. A batch's texts, each character escaped, and its rows stay far below. */
const MOST_UNPACKED = 64 * 1024 * 1024;
const WORD = 4;

/** What is known of a block beside what is in it. */
export type BlockHead = Pick<PackedRecords, 'count' | 'oldest' | 'newest' | 'ended'>;

/**
 * Packed records as they are kept: the length of the texts (4 bytes, little endian), the texts as a JSON array, and the
 * rows, together compressed by zstd (RFC 8878).
 */
export function encodeBlock({ texts, rows }: PackedRecords): Uint8Array {
  const json = Buffer.from(JSON.stringify(texts));
  const length = Buffer.alloc(WORD);
  length.writeUInt32LE(json.length);
  return zstdCompressSync(Buffer.concat([length, json, rows]), COMPRESSION);
}

/** What `encodeBlock` was given; undefined when `data` is damaged. */
export function decodeBlock({ count, oldest, newest, ended }: BlockHead, data: Uint8Array): PackedRecords | undefined {
  try {
    const bytes = zstdDecompressSync(data, { maxOutputLength: MOST_UNPACKED });
    const start = WORD + bytes.readUInt32LE();
    const texts: unknown = JSON.parse(bytes.toString('utf8', WORD, start));
    const rows = bytes.subarray(start);
    if (!Array.isArray(texts) || rows.length < count * LEAST_ROW) return undefined;
    return { count, oldest, newest, ended, texts: texts.map(String), rows };
  } catch {
    return undefined;
  }
}
