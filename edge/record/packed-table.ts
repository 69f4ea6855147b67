import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { PackedRecords, RecordHead } from './access-log.ts';
import { COLUMN, type RecordTable, textAt, toRecord, WIDTH } from './columns.ts';

/** Bytes that a row takes at least: its mask and the length of its id. */
export const LEAST_ROW = 4 + 1;
/** Set in a byte of a number that more follow. */
export const HIGH_BIT = 0x80;

/**
 * Packed records as a table; texts and rows are unpacked when they are first asked for. What is damaged yields records
 * without meaning, or texts that are missing.
 *
 * A row has a bit for each column whose cell differs from the row before (4 bytes, little endian), the length of the id
 * (1 byte), the id (ASCII), and the cells that differ, 7 bits a byte, lowest first (LEB128). The time is told as the
 * difference, zigzag.
 */
export const tableOf = ({ count, texts, rows }: Pick<PackedRecords, 'count' | 'texts' | 'rows'>): RecordTable =>
  new PackedTable(count, texts, rows);

class PackedTable implements RecordTable {
  readonly count: number;
  readonly json: string;
  readonly #rows: Uint8Array;
  #texts: readonly string[] | undefined;
  /** Row by row; and where each id stands. */
  #cells: Float64Array | undefined;
  #ids = new Uint32Array(0);

  constructor(count: number, json: string, rows: Uint8Array) {
    this.count = count;
    this.json = json;
    this.#rows = rows;
  }

  get texts(): readonly string[] {
    this.#texts ??= parseTexts(this.json);
    return this.#texts;
  }

  id(row: number): string {
    this.#unpacked();
    const at = this.#ids[row] ?? 0;
    return String.fromCharCode(...this.#rows.subarray(at, at + (this.#rows[at - 1] ?? 0)));
  }

  cell(column: number, row: number): number {
    return this.#unpacked()[row * WIDTH + column] ?? 0;
  }

  #unpacked(): Float64Array {
    if (this.#cells !== undefined) return this.#cells;
    const { count } = this;
    const bytes = this.#rows;
    const cells = new Float64Array(count * WIDTH);
    const last = new Float64Array(WIDTH);
    this.#ids = new Uint32Array(count);
    let at = 0;
    for (let row = 0; row < count; row++) {
      const mask =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
      this.#ids[row] = at + LEAST_ROW;
      at += LEAST_ROW + (bytes[at + 4] ?? 0);
      for (let column = 0; column < WIDTH; column++) {
        if ((mask >>> column) & 1) {
          let value = 0;
          let scale = 1;
          let byte = bytes[at++] ?? 0;
          for (; byte >= HIGH_BIT; byte = bytes[at++] ?? 0) {
            value += (byte - HIGH_BIT) * scale;
            scale *= HIGH_BIT;
          }
          value += byte * scale;
          if (column === COLUMN.time) value = (last[column] ?? 0) + (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
          last[column] = value;
        }
        cells[row * WIDTH + column] = last[column] ?? 0;
      }
    }
    this.#cells = cells;
    return cells;
  }
}

function parseTexts(json: string): readonly string[] {
  try {
    const texts: unknown = JSON.parse(json);
    return Array.isArray(texts) ? texts.map((text) => (typeof text === 'string' ? text : '')) : [];
  } catch {
    return [];
  }
}

/** A packed record of which no more is known yet than whose it is. */
export interface PackedRecord extends RecordHead {
  readonly table: RecordTable;
  readonly row: number;
}

/** Packed records as far as it takes to choose among them. */
export function readHeads(packed: PackedRecords): PackedRecord[] {
  const table = tableOf(packed);
  return Array.from({ length: table.count }, (_, row) => {
    const serviceId = textAt(table, COLUMN.serviceId, row);
    const agentId = textAt(table, COLUMN.agentId, row);
    return {
      table,
      row,
      ...(serviceId === undefined ? {} : { serviceId }),
      ...(agentId === undefined ? {} : { agentId }),
    };
  });
}

/** All of a packed record. */
export const unpackRecord = ({ table, row }: PackedRecord): AccessRecord => toRecord(table, row);
