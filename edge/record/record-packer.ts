import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { PackedRecords } from './access-log.ts';
import { COLUMN, type RecordTable, TEXT_COLUMNS, textAt, WIDTH } from './columns.ts';
import { HIGH_BIT, LEAST_ROW } from './packed-table.ts';

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
/** Bytes that a row takes at most: 53 bits in groups of 7 for each cell. */
const MOST_ROW = LEAST_ROW + ID_LIMIT + WIDTH * 8;
const FIRST_BYTES = 4096;

const micros = (ms: number | undefined): number => (ms === undefined ? 0 : Math.max(0, Math.round(ms * 1000)) + 1);

/**
 * Packs records into rows of bytes (`packed-table.ts` says how), one after the other: in a fourth of the time that a line
 * of JSON took where most is as in the row before. No record is kept.
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
  /** The row before: its texts and its cells. */
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
