import { describe, expect, it } from 'vitest';
import { barPaths, highest, linePath, type Series } from '../../../renderer/log/chart.tsx';
import { seriesOf } from '../../../renderer/log/charts.tsx';
import type { LogPoint } from '../../../shared/contract/control-api.ts';

const of = (...values: (number | undefined)[]): Series => ({ name: 'n', ink: '', key: '', values });

describe('a chart', () => {
  it('is as high as its bars on each other, or its highest line', () => {
    const series = [of(1, 2, undefined), of(3, 1, 9)];
    expect(highest(series, 'bars', 3)).toBe(9);
    expect(highest([of(1, 2), of(3, 4)], 'bars', 2)).toBe(6);
    expect(highest([of(1, 2), of(3, 4)], 'lines', 2)).toBe(4);
    expect(highest([], 'bars', 0)).toBe(0);
  });

  it('stands bars on those of the series before', () => {
    expect(barPaths([of(1, 0), of(3, 2)], 4, 2)).toEqual([
      'M0.1 100.00h.8V75.00h-.8Z',
      'M0.1 75.00h.8V0.00h-.8ZM1.1 100.00h.8V50.00h-.8Z',
    ]);
    expect(barPaths([of(0, 0)], 0, 2)).toEqual(['']);
  });

  it('draws a line through what is known, and none through what is not', () => {
    expect(linePath([5, 10, undefined, 0], 10)).toBe('M0.2 50.00H0.8L1.5 0.00M3.2 100.00H3.8');
    expect(linePath([0, 0], 0)).toBe('');
  });
});

describe('what the charts show', () => {
  const point = (time: number): LogPoint => ({
    time,
    requests: 20,
    ok: 10,
    redirect: 1,
    clientError: 2,
    serverError: 3,
    p50: 1,
    bytesUp: 100,
    bytesDown: 1000,
  });

  it('counts by the second, the stretch that is under way by the seconds that it has had', () => {
    const series = seriesOf({ bucket: 10_000, until: 14_000, points: [point(0), point(10_000)] });
    expect(series.rate[0]?.values).toEqual([2, 5]);
    expect(series.bytes.map(({ values }) => values)).toEqual([
      [100, 250],
      [10, 25],
    ]);
    expect(series.status.map(({ values }) => values[0])).toEqual([10, 1, 2, 3, 4]);
    expect(series.duration.map(({ values }) => values[0])).toEqual([1, undefined]);
  });
});
