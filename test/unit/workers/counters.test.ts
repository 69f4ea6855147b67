import { expect, it } from 'vitest';
import type { MetricSources } from '../../../edge/health/metrics.ts';
import { JoinedCounters } from '../../../edge/workers/joined-counters.ts';
import type { Counters } from '../../../edge/workers/protocol.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Counters of which only these matter. */
const counters = (requests: number, open: number, revision: number): Counters => ({
  totals: { requests } as Counters['totals'],
  levels: { connections_open: open, route_revision: revision, agents_connected: 1 } as Counters['levels'],
  responses: { '2xx': requests },
  denied: { ip_restricted: 2 },
  refused: { connections: 1 },
});
const own: MetricSources = {
  totals: () => ({ requests: 0 }) as Counters['totals'],
  levels: () => ({ connections_open: 1, route_revision: 0, agents_connected: 3 }) as Counters['levels'],
  responses: () => ({}),
  denied: () => ({}),
  refused: () => ({}),
  certificateEnds: () => new Map([['edge.test', 1]]),
};

it('are added up; what all share is not, and agents are counted once', () => {
  const joined = new JoinedCounters(() => {}, new ManualClock());
  joined.take(0, 0, counters(10, 2, 7));
  joined.take(1, 0, counters(5, 3, 8));
  const sources = joined.sources(own);
  expect(sources.totals()).toEqual({ requests: 15 });
  expect(sources.levels()).toEqual({ connections_open: 6, route_revision: 8, agents_connected: 3 });
  expect(sources.responses()).toEqual({ '2xx': 15 });
  expect(sources.denied()).toEqual({ ip_restricted: 4 });
  expect(sources.refused()).toEqual({ connections: 2 });
  expect(sources.certificateEnds()).toEqual(new Map([['edge.test', 1]]));
});

it('never go back when a worker is gone', () => {
  const joined = new JoinedCounters(() => {}, new ManualClock());
  joined.take(0, 0, counters(10, 2, 7));
  joined.take(1, 0, counters(5, 3, 7));
  joined.remove(1);
  joined.take(1, 0, counters(1, 1, 7));
  const sources = joined.sources(own);
  expect(sources.totals()).toEqual({ requests: 16 });
  expect(sources.levels()).toMatchObject({ connections_open: 4 });
});

it('wait for all workers, and for one that says nothing no longer than a second', async () => {
  const clock = new ManualClock();
  const asked: number[] = [];
  const joined = new JoinedCounters((id) => asked.push(id), clock);
  const first = joined.refresh([0, 1]);
  joined.take(0, 1, counters(1, 1, 1));
  joined.take(1, 1, counters(1, 1, 1));
  await first;
  const second = joined.refresh([0, 1]);
  joined.take(0, 2, counters(2, 1, 1));
  clock.advance(1_000);
  await second;
  expect(asked).toEqual([1, 2]);
  expect(joined.sources(own).totals()).toEqual({ requests: 3 });
});
