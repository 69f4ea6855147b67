import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type AllowList, createAllowList } from '../../../main/agent/allow-list.ts';
import type { OriginDialler, OriginRefusal } from '../../../main/agent/origin.ts';
import { openOf } from '../../../main/agent/target-health.ts';
import { createTargetWatch, type TargetWatch } from '../../../main/agent/target-watch.ts';
import type { LocalPort } from '../../../shared/contract/agent-state.ts';
import type { ServiceView, TargetReports } from '../../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Target } from '../../../shared/domain/service.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const target = (id: string, port: number, more: Partial<Target> = {}): Target => ({
  id,
  agentId: 'a1',
  type: 'agent',
  host: 'localhost',
  port,
  protocol: 'http',
  path: '/',
  enabled: true,
  skipTlsVerify: false,
  connectTimeout: 1000,
  ...more,
});

const service = (targets: Target[], enabled = true): ServiceView => ({
  id: 's1',
  name: 'shop',
  mode: 'http',
  domain: 'shop.localhost',
  targets,
  enabled,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a1',
  createdAt: 1,
  status: 'active',
  urls: { https: 'https://shop.localhost' },
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Bench {
  readonly clock = new ManualClock();
  readonly allowed: AllowList = createAllowList([
    { service: 's1', type: 'agent', host: 'localhost', port: 3000 },
    { service: 's1', type: 'host', host: 'nas.local', port: 443 },
  ]);
  readonly ending = new AbortController();
  readonly puts: TargetReports['problems'][] = [];
  /** Ports that were dialled, and how dials of them end. */
  readonly dialled: number[] = [];
  readonly answers = new Map<number, OriginRefusal>();
  putAnswer: Result<null, Failure> | Promise<Result<null, Failure>> = ok(null);
  listed: LocalPort[] | undefined = [{ port: 3000, addresses: ['127.0.0.1'] }];
  readonly #portListeners = new Set<() => void>();
  readonly watch: TargetWatch;

  constructor() {
    const origin: OriginDialler = {
      open: 0,
      dial: (open) => {
        this.dialled.push(open.port);
        const refusal = this.answers.get(open.port);
        return Promise.resolve(
          refusal === undefined ? ok({ socket: new Socket(), dialMicros: 1, http2: false }) : err(refusal),
        );
      },
    };
    this.watch = createTargetWatch({
      agentId: 'a1',
      allowed: this.allowed,
      origin,
      ports: {
        ports: () => this.listed,
        onChange: (listener) => {
          this.#portListeners.add(listener);
          return () => void this.#portListeners.delete(listener);
        },
        watch: () => () => {},
        refresh: () => Promise.resolve(),
        close() {},
      },
      put: (reports) => {
        this.puts.push(reports.problems);
        return Promise.resolve(this.putAnswer);
      },
      onChange: () => {},
      clock: this.clock,
      signal: this.ending.signal,
    });
  }

  list(ports: number[]): void {
    this.listed = ports.map((port) => ({ port, addresses: ['127.0.0.1'] }));
    for (const listener of this.#portListeners) listener();
  }

  async pass(ms = 50): Promise<void> {
    this.clock.advance(ms);
    await settled();
    await settled();
  }
}

describe('the watch over targets', () => {
  it('takes a listed port at its word and tells the edge that all is well', async () => {
    const bench = new Bench();
    bench.watch.setServices([service([target('t1', 3000)])]);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    expect([bench.dialled, bench.puts]).toEqual([[], [[]]]);
  });

  it('reports a target that the user has not allowed, until it is', async () => {
    const bench = new Bench();
    bench.list([3000, 4000]);
    bench.watch.setServices([service([target('t1', 4000), target('t2', 443, { type: 'host', host: 'nas.local' })])]);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    expect(bench.watch.problems).toEqual([{ targetId: 't1', problem: 'origin_not_allowed' }]);
    bench.allowed.allow({ service: 's1', type: 'agent', host: 'localhost', port: 4000 });
    await bench.pass();
    expect(bench.puts).toEqual([[{ targetId: 't1', problem: 'origin_not_allowed' }], []]);
  });

  it('reports a port that nothing listens on, once, and that it is back', async () => {
    const bench = new Bench();
    bench.watch.setServices([service([target('t1', 3000)])]);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    bench.answers.set(3000, { code: RESET.REFUSED, reason: 'ECONNREFUSED' });
    bench.list([]);
    await bench.pass();
    await bench.pass(15_000);
    expect(bench.puts).toEqual([[], [{ targetId: 't1', problem: 'origin_refused' }]]);
    bench.answers.clear();
    bench.list([3000]);
    await bench.pass();
    expect(bench.puts.at(-1)).toEqual([]);
  });

  it('does not call a port dead that is not listed but accepts', async () => {
    const bench = new Bench();
    bench.list([]);
    bench.watch.setServices([service([target('t1', 3000)])]);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    expect([bench.dialled, bench.puts]).toEqual([[3000], [[]]]);
  });

  it('reports what a visitor ran into, and looks again until it is over', async () => {
    const bench = new Bench();
    const nas = target('t2', 443, { type: 'host', host: 'nas.local', protocol: 'https' });
    bench.watch.setServices([service([nas])]);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    bench.answers.set(443, { code: RESET.UNTRUSTED, reason: 'CERT_HAS_EXPIRED' });
    await bench.watch.dial(openOf('s1', nas), bench.ending.signal);
    await bench.pass();
    expect(bench.puts.at(-1)).toEqual([{ targetId: 't2', problem: 'origin_untrusted' }]);
    bench.answers.clear();
    await bench.pass(15_000);
    expect(bench.puts.at(-1)).toEqual([]);
    expect(bench.clock.timers).toBe(0);
  });

  it('tells an edge that comes back everything anew, and one that did not take it again', async () => {
    const bench = new Bench();
    bench.watch.setServices([service([target('t1', 4000)])]);
    await bench.pass();
    expect(bench.puts).toEqual([]);
    bench.putAnswer = err(failure('edge_unreachable'));
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    bench.putAnswer = ok(null);
    await bench.pass(5_000);
    await bench.pass(5_000);
    expect(bench.puts).toHaveLength(2);
    bench.watch.setEdgeOpen(false);
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    expect(bench.puts).toHaveLength(3);
  });

  it('tells an edge that dropped the tunnel everything anew, whatever is still under way', async () => {
    const bench = new Bench();
    bench.watch.setServices([service([target('t1', 4000)])]);
    const held = Promise.withResolvers<Result<null, Failure>>();
    bench.putAnswer = held.promise;
    bench.watch.setEdgeOpen(true);
    await bench.pass();
    bench.watch.reportAnew();
    bench.putAnswer = ok(null);
    held.resolve(ok(null));
    await bench.pass();
    await bench.pass();
    const told = [{ targetId: 't1', problem: 'origin_not_allowed' }];
    expect(bench.puts).toEqual([told, told]);
    bench.watch.reportAnew();
    await bench.pass();
    expect(bench.puts).toEqual([told, told, told]);
  });

  it('looks only after targets of its own that are switched on', async () => {
    const bench = new Bench();
    bench.list([]);
    bench.watch.setServices([
      service([target('t1', 3000)], false),
      service([target('t2', 3000, { enabled: false }), target('t3', 3000, { agentId: 'a2' })]),
    ]);
    await bench.pass();
    expect([bench.dialled, bench.watch.problems]).toEqual([[], []]);
  });

  it('remembers nothing of dials that belong to no service', async () => {
    const bench = new Bench();
    bench.answers.set(3000, { code: RESET.REFUSED, reason: 'ECONNREFUSED' });
    await bench.watch.dial(openOf('s1', target('t1', 3000)), bench.ending.signal);
    bench.answers.clear();
    bench.watch.setServices([service([target('t1', 3000)])]);
    await bench.pass();
    expect(bench.watch.problems).toEqual([]);
  });

  it('stops with its signal', async () => {
    const bench = new Bench();
    bench.watch.setServices([service([target('t1', 4000)])]);
    bench.ending.abort();
    bench.list([1]);
    await bench.pass(100_000);
    expect([bench.clock.timers, bench.puts]).toEqual([0, []]);
  });
});
