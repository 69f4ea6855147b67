import { describe, expect, it } from 'vitest';
import { readHeads, unpackRecord } from '../../../edge/record/packed-table.ts';
import { BATCH } from '../../../edge/record/record-packer.ts';
import { RecordQueue } from '../../../edge/record/record-queue.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { newRecord } from './records.ts';

const many = (count: number): AccessRecord[] => Array.from({ length: count }, () => newRecord());

describe('the queue of records', () => {
  it.each([1, 15, 16, 17, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 500])(
    'gives out what was put in, in order, in batches: %i',
    (count) => {
      const queue = new RecordQueue();
      const records = many(count);
      for (const record of records) queue.push(record);
      expect([queue.length, queue.hasFull]).toEqual([count, count >= BATCH]);
      const out: AccessRecord[] = [];
      while (queue.length > 0) {
        const batch = queue.take();
        expect(batch.count).toBe(Math.min(BATCH, count - out.length));
        out.push(...readHeads(batch).map(unpackRecord));
      }
      expect(out).toEqual(records);
      expect(queue.hasFull).toBe(false);
    },
  );

  it('packs each batch by itself, whatever the one before had', () => {
    const queue = new RecordQueue();
    const [first, second, third] = [newRecord(), newRecord(), newRecord({ host: 'other.localhost' })];
    for (const record of [first, second, third]) {
      queue.push(record);
      expect(readHeads(queue.take()).map(unpackRecord)).toEqual([record]);
    }
  });

  it('ends a batch early when its texts are long, and keeps only so much of each', () => {
    const queue = new RecordQueue();
    let pushed = 0;
    for (; !queue.hasFull; pushed++) queue.push(newRecord({ path: `/${pushed}${'x'.repeat(5000)}` }));
    expect(pushed).toBe(128);
    expect(readHeads(queue.take()).map((head) => unpackRecord(head).path.length)).toEqual(new Array(128).fill(2048));
  });

  it('is empty once it is given up', () => {
    const queue = new RecordQueue();
    for (const record of many(BATCH + 100)) queue.push(record);
    queue.clear();
    expect([queue.length, queue.hasFull, queue.take().count]).toEqual([0, false, 0]);
  });
});
