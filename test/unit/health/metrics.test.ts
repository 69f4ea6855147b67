import perfHooks from 'node:perf_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMetrics, type MetricSources } from '../../../edge/health/metrics.ts';

const nothing = new Proxy({}, { get: () => 0 });
const SOURCES = {
  totals: () => nothing,
  levels: () => nothing,
  responses: () => ({}),
  denied: () => ({}),
  refused: () => ({}),
  certificateEnds: () => new Map(),
} as unknown as MetricSources;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the metrics of the process', () => {
  it('are taken from the first time that somebody asks, and are whole then', async () => {
    const probe = vi.spyOn(perfHooks, 'monitorEventLoopDelay');
    const metrics = createMetrics(SOURCES);
    expect(probe).not.toHaveBeenCalled();
    const [first, again] = await Promise.all([metrics.text(), metrics.text()]);
    for (const text of [first, again, await metrics.text()]) {
      expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
      expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m);
    }
    // Without a single look the mean would be no number.
    expect(first).toMatch(/^nodejs_eventloop_lag_mean_seconds \d[\d.e-]*$/m);
    expect(probe).toHaveBeenCalledOnce();
  });
});
