import { beforeEach, describe, expect, it } from 'vitest';
import { Bounds, LOG_INTERVAL } from '../../../edge/bounds.ts';
import { createMetrics, type MetricSources } from '../../../edge/health/metrics.ts';
import { RequestCounts } from '../../../edge/health/request-counts.ts';
import { DEFAULT_LIMITS } from '../../../edge/limits.ts';
import { createLogger } from '../../../shared/node/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let lines: Record<string, unknown>[];
let bounds: Bounds;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  const log = createLogger({ level: 'warn', write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  bounds = new Bounds(DEFAULT_LIMITS, clock, log);
});

describe('bounds', () => {
  it('say at once that one was reached, then once an interval how often', () => {
    bounds.hit('connections');
    clock.advance(0);
    expect(lines).toMatchObject([{ bound: 'connections', limit: 20_000, refused: 1, total: 1 }]);
    for (let n = 0; n < 100_000; n++) bounds.hit('connections', { address: `10.0.0.${n % 256}` });
    clock.advance(LOG_INTERVAL - 1);
    expect(lines.length).toBe(1);
    clock.advance(1);
    expect(lines[1]).toMatchObject({ refused: 100_000, total: 100_001, address: '10.0.0.159' });
    clock.advance(10 * LOG_INTERVAL);
    expect(lines.length).toBe(2);
  });

  it('tell each bound on a line of its own, and one that is no setting without a limit', () => {
    bounds.hit('udpNewSessionsPerSecond', { serviceId: 'a' });
    bounds.hit('helloSize');
    bounds.hit('tunnelResets');
    clock.advance(0);
    expect(lines.map((l) => [l.bound, l.limit])).toEqual([
      ['udp-new-sessions-per-second', 50],
      ['hello-size', 16_384],
      ['tunnel-resets', undefined],
    ]);
  });

  it('say at once that one was reached, whatever the log has just said of others', () => {
    bounds.hit('connections');
    clock.advance(1_000);
    bounds.hit('headerTime');
    clock.advance(0);
    expect(lines.map((l) => l.bound)).toEqual(['connections', 'header-time']);
    clock.advance(10 * LOG_INTERVAL);
    expect([lines.length, clock.timers]).toEqual([2, 0]);
  });

  it('say after a quiet interval at once again', () => {
    bounds.hit('connections');
    clock.advance(2 * LOG_INTERVAL);
    bounds.hit('connections');
    clock.advance(0);
    expect(lines.length).toBe(2);
  });

  it('leave nothing unsaid when the edge closes', () => {
    bounds.hit('connections');
    clock.advance(0);
    bounds.hit('connections');
    bounds.close();
    bounds.hit('connections');
    clock.advance(LOG_INTERVAL);
    expect(lines.length).toBe(2);
  });

  it('are metrics, each with its name, from the first scrape on', async () => {
    for (let n = 0; n < 3; n++) bounds.hit('headerTime');
    const nothing = new Proxy({}, { get: () => 0 });
    const sources = {
      totals: () => nothing,
      levels: () => nothing,
      responses: () => ({}),
      denied: () => new RequestCounts().denied(),
      certificateEnds: () => new Map(),
      refused: () => bounds.counts(),
    } as unknown as MetricSources;
    const text = await createMetrics(sources).text();
    expect(text).toContain('porthole_refused_total{bound="header-time"} 3');
    expect(text).toContain('porthole_refused_total{bound="requests-per-target"} 0');
    expect(text).toContain('porthole_denied_total{code="ip_restricted"} 0');
  });
});
