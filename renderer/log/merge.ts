import type { AccessRecord } from '../../shared/domain/access-record.ts';

/** Lines kept in memory; the oldest go first. */
export const MAX_LINES = 10_000;

/** What tells two lines apart: an upgraded connection is logged twice under one id. */
export const lineKey = (record: AccessRecord): string => `${record.id}:${record.kind}`;

const newerFirst = (a: AccessRecord, b: AccessRecord): number =>
  b.time - a.time || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0) || (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0);

/**
 * `lines` (newest first) with `more` (any order) put where their time says, each line once, at most `limit`. Yields
 * `lines` itself when nothing was new, so that nothing is drawn again.
 */
export function mergeLines(
  lines: readonly AccessRecord[],
  more: readonly AccessRecord[],
  limit: number = MAX_LINES,
): readonly AccessRecord[] {
  const known = new Set(lines.map(lineKey));
  const fresh: AccessRecord[] = [];
  for (const record of more) {
    const key = lineKey(record);
    if (known.has(key)) continue;
    known.add(key);
    fresh.push(record);
  }
  if (fresh.length === 0) return lines;
  fresh.sort(newerFirst);
  const merged: AccessRecord[] = [];
  let left = 0;
  let right = 0;
  while (merged.length < limit) {
    const a = lines[left];
    const b = fresh[right];
    if (a === undefined && b === undefined) break;
    if (b === undefined || (a !== undefined && newerFirst(a, b) <= 0)) {
      if (a !== undefined) merged.push(a);
      left++;
    } else {
      merged.push(b);
      right++;
    }
  }
  return merged;
}
