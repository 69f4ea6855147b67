import type { AccessRecord } from '../../shared/domain/access-record.ts';

/** Lines kept in memory, about 50 MB of them; the oldest go first. */
export const MAX_LINES = 100_000;

/** What tells two lines apart: an upgraded connection is logged twice under one id. */
export const lineKey = (record: AccessRecord): string => `${record.id}:${record.kind}`;

/** The order of the list. Two lines of one key have the same time, so 0 means the same line. */
const newerFirst = (a: AccessRecord, b: AccessRecord): number =>
  b.time - a.time || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0) || (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0);

/** Where `record` stands in `lines` (newest first), or belongs: the first line that is not newer. */
function placeOf(lines: readonly AccessRecord[], record: AccessRecord): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const line = lines[middle];
    if (line !== undefined && newerFirst(line, record) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a line stands in `lines` (newest first); -1 when it isn't there. Quick, however many there are. */
export function indexOfLine(lines: readonly AccessRecord[], record: AccessRecord): number {
  const place = placeOf(lines, record);
  const found = lines[place];
  return found !== undefined && newerFirst(found, record) === 0 ? place : -1;
}

/**
 * `lines` (newest first) with `more` (any order) put where their time says, each line once, at most `limit`. Yields
 * `lines` itself when nothing was new, so that nothing is drawn again. Compares only the lines that `more` falls between,
 * so a batch of live lines costs the same with ten lines as with a hundred thousand.
 */
export function mergeLines(
  lines: readonly AccessRecord[],
  more: readonly AccessRecord[],
  limit: number = MAX_LINES,
): readonly AccessRecord[] {
  const fresh: AccessRecord[] = [];
  for (const record of more.toSorted(newerFirst)) {
    const last = fresh.at(-1);
    if (last !== undefined && newerFirst(last, record) === 0) continue;
    if (indexOfLine(lines, record) < 0) fresh.push(record);
  }
  const [newest, oldest] = [fresh[0], fresh.at(-1)];
  if (newest === undefined || oldest === undefined) return lines;
  const from = placeOf(lines, newest);
  const to = placeOf(lines, oldest);
  if (from >= limit) return lines;
  const merged = [...lines.slice(from, to), ...fresh].sort(newerFirst);
  return [...lines.slice(0, from), ...merged, ...lines.slice(to)].slice(0, limit);
}
