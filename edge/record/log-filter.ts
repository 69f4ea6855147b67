import type { LogFilter, LogScope } from './access-log.ts';
import { COLUMN, numberAt, type RecordTable } from './columns.ts';

/** One text of a record that may fulfil a wish. */
interface Chance {
  readonly column: number;
  readonly test: (text: string) => boolean;
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
 * The records that `filter` asks for, of those that `scope` may see. Every different text of a table is looked at once,
 * however many records have it.
 */
export function matcherOf(scope: LogScope, filter: LogFilter): Matcher {
  const wishes = wishesOf(scope, filter);
  const ranges = rangesOf(filter);
  return (table) => {
    const tested = new Map<Chance['test'], Uint8Array>();
    const accepts = (test: Chance['test']): Uint8Array => {
      let places = tested.get(test);
      if (places === undefined) {
        // Place 0 is the text that is missing.
        places = Uint8Array.from([0, ...table.texts.map((text) => (test(text) ? 1 : 0))]);
        tested.set(test, places);
      }
      return places;
    };
    const looks = wishes.map((chances) =>
      chances.map(({ column, test }) => ({ cells: table.column(column), places: accepts(test) })),
    );
    if (looks.some((chances) => chances.every(({ places }) => !places.includes(1)))) return undefined;
    return (row) =>
      looks.every((chances) => chances.some(({ cells, places }) => places[cells[row] ?? 0] === 1)) &&
      ranges.every(({ column, from, to }) => {
        const value = numberAt(table, column, row);
        return value >= from && value <= to;
      });
  };
}

/** Of each wish one chance must come true. */
function wishesOf(scope: LogScope, filter: LogFilter): Chance[][] {
  const own = new Set(scope.serviceIds);
  const wishes: Chance[][] = [
    [
      { column: COLUMN.serviceId, test: (text) => own.has(text) },
      { column: COLUMN.agentId, test: (text) => text === scope.agentId },
    ],
  ];
  const is = (value: string | undefined, ...columns: number[]): void => {
    if (value === undefined) return;
    const test = (text: string): boolean => text === value;
    wishes.push(columns.map((column) => ({ column, test })));
  };
  const holds = (wish: string | undefined, ...columns: number[]): void => {
    if (wish === undefined || wish === '') return;
    const wanted = wish.toLowerCase();
    const test = (text: string): boolean => text.toLowerCase().includes(wanted);
    wishes.push(columns.map((column) => ({ column, test })));
  };
  if (filter.service !== undefined) {
    const chosen = new Set([filter.service].flat());
    wishes.push([{ column: COLUMN.serviceId, test: (text) => chosen.has(text) }]);
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
