import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StatsSum } from '../../../edge/record/log-stats.ts';
import { tableOf } from '../../../edge/record/packed-table.ts';
import { createRecorder } from '../../../edge/record/recorder.ts';
import { type LogStats, logStatsSchema } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';
import { newRecord, packRecords } from './records.ts';

const SCOPE = { agentId: 'ada', serviceIds: ['shop', 'blog'] };
const NOON = Date.UTC(2026, 5, 1, 12);
const MINUTE = 60_000;

const sumOf = (
  records: readonly AccessRecord[],
  since: number,
  until: number,
  service?: string | string[],
): LogStats => {
  const sum = new StatsSum(SCOPE, { since, until, ...(service === undefined ? {} : { service }) }, until);
  const table = tableOf(packRecords(records));
  for (let row = 0; row < table.count; row++) sum.add(table, row);
  return sum.result();
};
const total = (stats: LogStats, key: 'requests' | 'ok' | 'bytesUp' | 'bytesDown'): number =>
  stats.points.reduce((all, point) => all + point[key], 0);

describe('the counts of the log', () => {
  it.each([
    [15 * MINUTE, 10_000, 90],
    [60 * MINUTE, 30_000, 120],
    [24 * 60 * MINUTE, 15 * MINUTE, 96],
    [7 * 24 * 60 * MINUTE, 2 * 60 * MINUTE, 84],
    [1, 1000, 1],
    [10 ** 12, 97 * 24 * 60 * MINUTE, 120],
  ])('cut %i ms into stretches of %i ms, never more than 120', (span, bucket, count) => {
    const stats = sumOf([], NOON + 7777 - span, NOON + 7777);
    expect([stats.bucket, stats.points.length]).toEqual([bucket, count]);
    expect(stats.points.every((point, i) => i === 0 || point.time - (stats.points[i - 1]?.time ?? 0) === bucket)).toBe(
      true,
    );
    expect((stats.points.at(-1)?.time ?? 0) + bucket).toBeGreaterThanOrEqual(NOON + 7777);
    expect(logStatsSchema.parse(stats)).toEqual(stats);
  });

  it('put each request where it began, in the class of its status', () => {
    const statuses = [200, 204, 101, 304, 403, 404, 502, 0];
    const records = statuses.map((status) => newRecord({ status, time: NOON - 5 * MINUTE, bytesUp: 2, bytesDown: 3 }));
    const stats = sumOf([...records, newRecord({ time: NOON - 16 * MINUTE })], NOON - 15 * MINUTE, NOON);
    expect(stats.points.filter(({ requests }) => requests > 0)).toEqual([
      {
        time: NOON - 5 * MINUTE,
        requests: 8,
        ok: 3,
        redirect: 1,
        clientError: 2,
        serverError: 1,
        p50: expect.any(Number),
        p95: expect.any(Number),
        bytesUp: 16,
        bytesDown: 24,
      },
    ]);
  });

  it('find the percentiles to 5 in a hundred, from microseconds to hours', () => {
    for (const unit of [0.02, 1, 50, 36_000]) {
      const records = Array.from({ length: 1000 }, (_, i) =>
        newRecord({ time: NOON - 1000, duration: unit * (1 + ((i * 7919) % 1000)) }),
      );
      const point = sumOf(records, NOON - 15 * MINUTE, NOON).points.find(({ requests }) => requests > 0);
      expect((point?.p50 ?? 0) / (unit * 500)).toBeGreaterThan(0.95);
      expect((point?.p50 ?? 0) / (unit * 500)).toBeLessThan(1.05);
      expect((point?.p95 ?? 0) / (unit * 950)).toBeGreaterThan(0.95);
      expect((point?.p95 ?? 0) / (unit * 950)).toBeLessThan(1.05);
    }
  });

  it('count what is logged twice once, with the bytes of both, and time no connection that was held', () => {
    const time = NOON - 1000;
    const socket = { status: 101, time, bytesDown: 5 };
    const direct = { status: 0, method: '', path: '', protocol: 'tcp', time, bytesDown: 7 } as const;
    const stats = sumOf(
      [
        newRecord({ ...socket, kind: 'open', bytesDown: 0 }),
        newRecord({ ...socket, kind: 'close', duration: 99_999 }),
        newRecord({ ...direct, kind: 'open', bytesDown: 0 }),
        newRecord({ ...direct, kind: 'connection', duration: 99_999 }),
      ],
      NOON - 15 * MINUTE,
      NOON,
    );
    expect([total(stats, 'requests'), total(stats, 'ok'), total(stats, 'bytesDown')]).toEqual([2, 1, 12]);
    expect(stats.points.some(({ p50 }) => p50 !== undefined)).toBe(false);
  });

  it("count an agent's services and what it answered, and of those the chosen ones", () => {
    const time = NOON - 1000;
    const records = [
      newRecord({ time }),
      newRecord({ time, serviceId: 'blog', agentId: 'bob' }),
      newRecord({ time, serviceId: 'foreign', agentId: 'bob' }),
      newRecord({ time, serviceId: 'removed' }),
    ];
    const count = (service?: string | string[]): number =>
      total(sumOf(records, NOON - MINUTE, NOON, service), 'requests');
    expect([count(), count('shop'), count(['shop', 'blog']), count('foreign')]).toEqual([3, 1, 2, 0]);
  });

  it('come from the thread of the log, of everything that was noted until then', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'porthole-stats-'));
    const entry = new URL('../../../edge/record/worker.ts', import.meta.url);
    const recorder = createRecorder({ file: join(dir, 'access.db'), entry, log: silentLogger });
    try {
      const now = Date.now();
      for (let i = 0; i < 15_000; i++) recorder.record(newRecord({ time: now - i }));
      const query = { since: now - 15 * MINUTE, until: now };
      while (recorder.counts().queued > 0) await recorder.query(SCOPE, { limit: 1 });
      const stats = must(await recorder.stats(SCOPE, query));
      expect(total(stats, 'requests')).toBe(15_000);
      expect(stats).not.toHaveProperty('countedFrom');
      const many = await Promise.all(Array.from({ length: 6 }, () => recorder.stats(SCOPE, query)));
      expect(many.map((one) => (one.ok ? 'ok' : one.error.code))).toEqual(['ok', 'ok', 'ok', 'ok', 'busy', 'busy']);
    } finally {
      await recorder.close();
      rmSync(dir, { recursive: true });
    }
  });
});
