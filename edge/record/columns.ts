import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { AuthMethod } from '../../shared/domain/auth.ts';
import { isFailureCode } from '../../shared/domain/failure.ts';
import type { PackedRecords, RecordHead } from './access-log.ts';

/** Where the values of a record stand among its cells; its id is apart. Texts first, then numbers. */
export const COLUMN = {
  kind: 0,
  serviceId: 1,
  agentId: 2,
  nodeId: 3,
  protocol: 4,
  method: 5,
  host: 6,
  path: 7,
  address: 8,
  userAgent: 9,
  failure: 10,
  country: 11,
  auth: 12,
  user: 13,
  observed: 14,
  reason: 15,
  /** Milliseconds since the epoch. */
  time: 16,
  secure: 17,
  status: 18,
  /** Microseconds, as the four that follow. */
  duration: 19,
  firstByte: 20,
  edge: 21,
  tunnel: 22,
  origin: 23,
  bytesUp: 24,
  bytesDown: 25,
} as const;
/** Columns of texts, and of all. */
export const TEXT_COLUMNS = COLUMN.reason + 1;
export const WIDTH = COLUMN.bytesDown + 1;

/**
 * Records as a table of whole numbers. A cell holds a text's place among `texts`, counted from one, or a number plus
 * one; 0 is what the record doesn't have.
 */
export interface RecordTable {
  readonly count: number;
  /** What cells of texts point to, some of it twice; and the same as a JSON array. */
  readonly texts: readonly string[];
  readonly json: string;
  id(row: number): string;
  cell(column: number, row: number): number;
}

/** Longest texts that are kept of what a visitor sends. */
const TEXT_LIMIT = 2048;
/** Characters of different texts from which a batch is full: it is looked at as a whole later. */
const TEXTS_LIMIT = 256 * 1024;
/**
 * Texts of a column that are known when they come again, so that they are told once. A table of all would cost four
 * times as much for each that is new, as paths mostly are; what is told twice hardly shows once it is compressed.
 */
const RECENT = 8;
/** Records in a batch at most. */
export const BATCH = 1_000;
/** Longest id that is kept; ours have 26 characters. */
const ID_LIMIT = 127;
/** Largest number in a cell, so that twice as much is exact too. */
const MOST_NUMBER = 2 ** 52 - 1;
/** Bytes that a row takes at most: its mask, its id, and 53 bits in groups of 7 for each cell. */
const MOST_ROW = 4 + 1 + ID_LIMIT + WIDTH * 8;
/** Bytes that it takes at least. */
export const LEAST_ROW = 4 + 1;
const FIRST_BYTES = 4096;
const HIGH_BIT = 0x80;

const micros = (ms: number | undefined): number => (ms === undefined ? 0 : Math.max(0, Math.round(ms * 1000)) + 1);

/**
 * Packs records into rows of bytes, one after the other, in a fourth of the time that a line of JSON took where most is
 * as in the row before. No record is kept. A row has a bit for each column whose cell differs from the row before (4 bytes, little endian), the id with
 * its length in front (ASCII), and the cells that differ, 7 bits a byte, lowest first (LEB128). The time is told as the
 * difference, zigzag.
 */
export class RecordPacker {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;
  #count = 0;
  #texts: string[] = [];
  /** Characters of them. */
  #length = 0;
  /** Texts that each column had of late, with their places, and which of them gives way next. */
  readonly #recent = new Array<string | undefined>(TEXT_COLUMNS * RECENT).fill(undefined);
  readonly #places = new Uint32Array(TEXT_COLUMNS * RECENT);
  readonly #next = new Uint8Array(TEXT_COLUMNS);
  /** The last row: its texts and its cells. */
  readonly #lastTexts = new Array<string | undefined>(TEXT_COLUMNS).fill(undefined);
  readonly #last = new Float64Array(WIDTH);
  #mask = 0;
  #oldest = Number.MAX_SAFE_INTEGER;
  #newest = 0;
  #ended = 0;

  get count(): number {
    return this.#count;
  }

  /** Whether no more should be added. */
  get full(): boolean {
    return this.#count >= BATCH || this.#length >= TEXTS_LIMIT;
  }

  push(r: AccessRecord): void {
    const start = this.#begin(r.id);
    this.#text(COLUMN.kind, r.kind);
    this.#text(COLUMN.serviceId, r.serviceId);
    this.#text(COLUMN.agentId, r.agentId);
    this.#text(COLUMN.nodeId, r.nodeId);
    this.#text(COLUMN.protocol, r.protocol);
    this.#text(COLUMN.method, r.method);
    this.#text(COLUMN.host, r.host);
    this.#text(COLUMN.path, r.path);
    this.#text(COLUMN.address, r.address);
    this.#text(COLUMN.userAgent, r.userAgent);
    this.#text(COLUMN.failure, r.failure);
    this.#text(COLUMN.country, r.country);
    this.#text(COLUMN.auth, r.auth);
    this.#text(COLUMN.user, r.user);
    this.#text(COLUMN.observed, r.observed);
    this.#text(COLUMN.reason, r.reason);
    this.#number(COLUMN.time, Math.round(r.time) + 1);
    this.#number(COLUMN.secure, r.secure ? 2 : 1);
    this.#number(COLUMN.status, r.status + 1);
    this.#number(COLUMN.duration, micros(r.duration));
    this.#number(COLUMN.firstByte, micros(r.firstByte));
    this.#number(COLUMN.edge, micros(r.edge));
    this.#number(COLUMN.tunnel, micros(r.tunnel));
    this.#number(COLUMN.origin, micros(r.origin));
    this.#number(COLUMN.bytesUp, r.bytesUp + 1);
    this.#number(COLUMN.bytesDown, r.bytesDown + 1);
    this.#end(start);
  }

  /** Adds a record of `table`. */
  copy(table: RecordTable, row: number): void {
    const start = this.#begin(table.id(row));
    for (let column = 0; column < TEXT_COLUMNS; column++) this.#text(column, textAt(table, column, row));
    for (let column = TEXT_COLUMNS; column < WIDTH; column++) this.#number(column, table.cell(column, row));
    this.#end(start);
  }

  /** Adds a row that has nothing, in the place of a record: nobody finds it. */
  blank(): void {
    const start = this.#begin('');
    for (let column = 0; column < TEXT_COLUMNS; column++) this.#text(column, undefined);
    for (let column = TEXT_COLUMNS; column < WIDTH; column++) this.#number(column, 0);
    this.#end(start);
  }

  /** Hands over what was packed, and begins anew. */
  take(): PackedRecords {
    const packed = {
      count: this.#count,
      oldest: this.#oldest,
      newest: this.#newest,
      ended: this.#ended,
      // From here on no text holds on to the head of a request that it was a part of.
      texts: JSON.stringify(this.#texts),
      rows: this.#bytes.slice(0, this.#at),
    };
    this.clear();
    return packed;
  }

  clear(): void {
    this.#at = 0;
    this.#count = 0;
    this.#texts = [];
    this.#length = 0;
    this.#recent.fill(undefined);
    this.#lastTexts.fill(undefined);
    this.#last.fill(0);
    this.#oldest = Number.MAX_SAFE_INTEGER;
    this.#newest = 0;
    this.#ended = 0;
  }

  /** Begins a row; returns where its mask goes. */
  #begin(id: string): number {
    const start = this.#at;
    if (start + MOST_ROW > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    const bytes = this.#bytes;
    const length = Math.min(id.length, ID_LIMIT);
    let at = start + 4;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) bytes[at++] = id.charCodeAt(i);
    this.#at = at;
    this.#mask = 0;
    return start;
  }

  #end(start: number): void {
    const bytes = this.#bytes;
    const mask = this.#mask;
    bytes[start] = mask;
    bytes[start + 1] = mask >>> 8;
    bytes[start + 2] = mask >>> 16;
    bytes[start + 3] = mask >>> 24;
    this.#count++;
    const time = (this.#last[COLUMN.time] ?? 0) - 1;
    if (time < 0) return;
    const ended = Math.ceil(time + ((this.#last[COLUMN.duration] ?? 0) - 1) / 1000);
    if (time < this.#oldest) this.#oldest = time;
    if (time > this.#newest) this.#newest = time;
    if (ended > this.#ended) this.#ended = ended;
  }

  #text(column: number, text: string | undefined): void {
    if (text === this.#lastTexts[column]) return;
    this.#lastTexts[column] = text;
    this.#number(column, text === undefined ? 0 : this.#place(column, text));
  }

  #place(column: number, text: string): number {
    const recent = this.#recent;
    const first = column * RECENT;
    for (let at = first; at < first + RECENT; at++) if (recent[at] === text) return this.#places[at] ?? 0;
    const kept = text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text;
    const place = this.#texts.push(kept);
    this.#length += kept.length;
    const slot = this.#next[column] ?? 0;
    this.#next[column] = (slot + 1) % RECENT;
    recent[first + slot] = text;
    this.#places[first + slot] = place;
    return place;
  }

  /** What can't be told becomes 0. */
  #number(column: number, given: number): void {
    const before = this.#last[column] ?? 0;
    if (given === before) return;
    const value = given >= 0 && given <= MOST_NUMBER ? given : 0;
    this.#last[column] = value;
    this.#mask |= 1 << column;
    const step = value - before;
    let rest = column !== COLUMN.time ? value : step < 0 ? -2 * step - 1 : 2 * step;
    const bytes = this.#bytes;
    let at = this.#at;
    while (rest >= HIGH_BIT) {
      bytes[at++] = (rest % HIGH_BIT) | HIGH_BIT;
      rest = Math.floor(rest / HIGH_BIT);
    }
    bytes[at++] = rest;
    this.#at = at;
  }
}

/**
 * Packed records as a table; texts and rows are unpacked when they are first asked for. What is damaged yields records
 * without meaning, or texts that are missing.
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

const METHODS: readonly AuthMethod[] = ['password', 'pin', 'header', 'sso', 'share'];
const KINDS: readonly AccessRecord['kind'][] = ['request', 'open', 'close', 'connection'];
const PROTOCOLS: readonly AccessRecord['protocol'][] = ['http/1.0', 'http/1.1', 'http/2', 'tcp', 'tls', 'udp'];

/** The text of a cell; undefined where there is none. */
export const textAt = (table: RecordTable, column: number, row: number): string | undefined =>
  table.texts[table.cell(column, row) - 1];
/** The number in a cell; -1 where there is none. */
export const numberAt = (table: RecordTable, column: number, row: number): number => table.cell(column, row) - 1;

/** A record of `table`. What this version doesn't know, a failure code above all, is left out. */
export function toRecord(table: RecordTable, row: number): AccessRecord {
  const text = (column: number): string | undefined => textAt(table, column, row);
  const number = (column: number): number => Math.max(0, numberAt(table, column, row));
  const part = <K extends string>(key: K, column: number): { [key in K]?: number } =>
    (table.cell(column, row) === 0 ? {} : { [key]: number(column) / 1000 }) as { [key in K]?: number };
  const optional = <K extends string>(key: K, column: number): { [key in K]?: string } => {
    const value = text(column);
    return (value === undefined ? {} : { [key]: value }) as { [key in K]?: string };
  };
  const failure = text(COLUMN.failure);
  const observed = text(COLUMN.observed);
  const method = text(COLUMN.auth);
  const auth = METHODS.find((known) => known === method);
  const kind = text(COLUMN.kind);
  const protocol = text(COLUMN.protocol);
  return {
    id: table.id(row),
    time: number(COLUMN.time),
    kind: KINDS.find((known) => known === kind) ?? 'request',
    ...optional('serviceId', COLUMN.serviceId),
    ...optional('agentId', COLUMN.agentId),
    nodeId: text(COLUMN.nodeId) ?? '',
    protocol: PROTOCOLS.find((known) => known === protocol) ?? 'http/1.1',
    secure: number(COLUMN.secure) === 1,
    method: text(COLUMN.method) ?? '',
    host: text(COLUMN.host) ?? '',
    path: text(COLUMN.path) ?? '',
    status: number(COLUMN.status),
    duration: number(COLUMN.duration) / 1000,
    ...part('firstByte', COLUMN.firstByte),
    ...part('edge', COLUMN.edge),
    ...part('tunnel', COLUMN.tunnel),
    ...part('origin', COLUMN.origin),
    bytesUp: number(COLUMN.bytesUp),
    bytesDown: number(COLUMN.bytesDown),
    address: text(COLUMN.address) ?? '',
    ...optional('userAgent', COLUMN.userAgent),
    ...(failure !== undefined && isFailureCode(failure) ? { failure } : {}),
    ...optional('country', COLUMN.country),
    ...(auth === undefined ? {} : { auth }),
    ...optional('user', COLUMN.user),
    ...(observed !== undefined && isFailureCode(observed) ? { observed } : {}),
    ...optional('reason', COLUMN.reason),
  };
}
