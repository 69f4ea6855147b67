import { describe, expect, it } from 'vitest';
import { readHeads, unpackRecord } from '../../../edge/record/columns.ts';
import { LineQueue } from '../../../edge/record/line-queue.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { newRecord } from './records.ts';

const many = (count: number): AccessRecord[] => Array.from({ length: count }, () => newRecord());

describe('the queue of lines', () => {
  it.each([1, 63, 64, 65, 1000])('gives out what was put in, in order, as packed lines: %i', (count) => {
    const queue = new LineQueue();
    const records = many(count);
    for (const record of records) queue.push(record);
    expect(queue.length).toBe(count);
    const first = queue.take(100);
    const rest = queue.take(1000);
    expect([first.count, first.count + rest.count, queue.length]).toEqual([Math.min(100, count), count, 0]);
    const packed = rest.count === 0 ? [first] : [first, rest];
    expect(packed.flatMap((batch) => readHeads(batch).map(unpackRecord))).toEqual(records);
  });

  it('shows every record once, in order, before it is taken, and keeps few of them as they came', () => {
    const shown: AccessRecord[] = [];
    const queue = new LineQueue((records) => shown.push(...records));
    const records = many(150);
    for (const [i, record] of records.entries()) {
      queue.push(record);
      expect(i + 1 - shown.length).toBeLessThan(64);
    }
    queue.take(1);
    expect(shown).toEqual(records);
    queue.take(1000);
    expect(shown).toHaveLength(150);
  });

  it('is empty once it is given up, of lines and of records that are none yet', () => {
    const queue = new LineQueue();
    for (const record of many(100)) queue.push(record);
    queue.clear();
    expect([queue.length, queue.take(10)]).toEqual([0, { count: 0, lines: '' }]);
  });
});
