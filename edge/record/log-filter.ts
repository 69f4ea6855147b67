import type { LogFilter, LogScope } from './access-log.ts';
import { COLUMN, numberAt, type RecordTable } from './columns.ts';

/** What some text of a record must be. */
interface Wish {
  readonly test: (text: string) => boolean;
  readonly columns: readonly number[];
  /** Stands among a table's texts, as JSON writes it, where the wish can come true at all. */
  readonly hint?: string;
  /** The hint is in small letters. */
  readonly folded?: true;
}

/** A number that must lie within bounds, both included. */
interface Range {
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/** Says which rows of a table are wanted; undefined where none can be. */
export type Matcher = (table: RecordTable) => ((row: number) => boolean) | undefined;

/**
 * The records that `filter` asks for, of those that `scope` may see. What has to be somewhere among a table's texts is
 * looked for first: most tables need not be unpacked then. Each text is looked at once, however many records have it.
 */
export function matcherOf(scope: LogScope, filter: LogFilter): Matcher {
  const wishes = wishesOf(filter);
  const ranges = rangesOf(filter);
  const own = new Set(scope.serviceIds);
  return (table) => {
    let small: string | undefined;
    for (const { hint, folded } of wishes) {
      if (hint === undefined) continue;
      if (folded === true) small ??= table.json.toLowerCase();
      if (!(folded === true ? (small ?? '') : table.json).includes(hint)) return undefined;
    }
    const isOwn = memoised(table, (text) => own.has(text));
    const isHis = memoised(table, (text) => text === scope.agentId);
    const looks = wishes.map(({ test, columns }) => ({ columns, fits: memoised(table, test) }));
    return (row) =>
      (isOwn(COLUMN.serviceId, row) || isHis(COLUMN.agentId, row)) &&
      ranges.every(({ column, from, to }) => {
        const value = numberAt(table, column, row);
        return value >= from && value <= to;
      }) &&
      looks.every(({ columns, fits }) => columns.some((column) => fits(column, row)));
  };
}

const NO = 1;
const YES = 2;

/** Whether the text of a cell passes `test`; false where there is none. */
function memoised(table: RecordTable, test: Wish['test']): (column: number, row: number) => boolean {
  let known: Uint8Array | undefined;
  return (column, row) => {
    const place = table.cell(column, row);
    const text = table.texts[place - 1];
    if (text === undefined) return false;
    known ??= new Uint8Array(table.texts.length + 1);
    if (known[place] === 0) known[place] = test(text) ? YES : NO;
    return known[place] === YES;
  };
}

function wishesOf(filter: LogFilter): Wish[] {
  const wishes: Wish[] = [];
  const is = (value: string | undefined, ...columns: number[]): void => {
    if (value !== undefined) wishes.push({ test: (text) => text === value, columns, hint: JSON.stringify(value) });
  };
  const holds = (wish: string | undefined, ...columns: number[]): void => {
    if (wish === undefined || wish === '') return;
    const wanted = wish.toLowerCase();
    const hint = JSON.stringify(wanted).slice(1, -1);
    wishes.push({ test: (text) => text.toLowerCase().includes(wanted), columns, hint, folded: true });
  };
  if (filter.service !== undefined) {
    const chosen = new Set([filter.service].flat());
    wishes.push({ test: (text) => chosen.has(text), columns: [COLUMN.serviceId] });
  }
  holds(filter.text, COLUMN.path, COLUMN.host, COLUMN.address, COLUMN.userAgent);
  is(filter.method?.toUpperCase(), COLUMN.method);
  holds(filter.path, COLUMN.path);
  is(filter.address?.toLowerCase(), COLUMN.address);
  is(filter.country?.toUpperCase(), COLUMN.country);
  holds(filter.user, COLUMN.user);
  is(filter.auth, COLUMN.auth, COLUMN.failure, COLUMN.observed);
  return wishes;
}

function rangesOf({ status, since, until }: LogFilter): Range[] {
  const ranges: Range[] = [];
  if (status !== undefined) {
    const from = Number(status.replace('xx', '00'));
    ranges.push({ column: COLUMN.status, from, to: status.endsWith('xx') ? from + 99 : from });
  }
  if (since !== undefined || until !== undefined)
    ranges.push({ column: COLUMN.time, from: since ?? 0, to: until ?? Number.MAX_SAFE_INTEGER });
  return ranges;
}
