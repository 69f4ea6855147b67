import { beforeEach, describe, expect, it } from 'vitest';
import { Facts } from '../../../edge/control/facts.ts';
import { FactReporter } from '../../../edge/workers/fact-reporter.ts';
import { JoinedFacts } from '../../../edge/workers/joined-facts.ts';
import type { FactReport } from '../../../edge/workers/protocol.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const nothing: FactReport = { type: 'facts', agents: [], routed: undefined, listeners: [], dials: [] };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('facts of several workers', () => {
  let facts: Facts;
  let joined: JoinedFacts;
  let told: string[][];

  beforeEach(() => {
    facts = new Facts({ certificate: () => ({ state: 'ready' }) });
    told = [];
    joined = new JoinedFacts(facts, (agents) => told.push([...agents]));
  });

  it('hold an agent up while any worker has a link', () => {
    joined.report(0, { ...nothing, agents: [['a', true]] });
    joined.report(1, { ...nothing, agents: [['a', true]] });
    expect(joined.workersOf('a')).toEqual([0, 1]);
    joined.report(0, { ...nothing, agents: [['a', false]] });
    expect(facts.isAgentUp('a')).toBe(true);
    expect(joined.workersOf('a')).toEqual([1]);
    joined.remove(1);
    expect(facts.isAgentUp('a')).toBe(false);
    expect(told).toEqual([['a'], ['a'], ['a'], ['a']]);
  });

  it('call a revision routed once every worker that serves routes it', () => {
    joined.report(0, { ...nothing, routed: 5 });
    joined.serve(0);
    expect(facts.routed).toBe(5);
    joined.report(1, { ...nothing, routed: 5 });
    joined.serve(1);
    joined.report(0, { ...nothing, routed: 6 });
    expect(facts.routed).toBe(5);
    joined.report(1, { ...nothing, routed: 7 });
    expect(facts.routed).toBe(6);
  });

  it('wait for no worker that is gone, and for none that does not serve yet', () => {
    joined.report(0, { ...nothing, routed: 5 });
    joined.serve(0);
    joined.report(1, { ...nothing, routed: 4 });
    joined.serve(1);
    joined.remove(1);
    joined.report(1, { ...nothing, routed: 1 });
    joined.report(0, { ...nothing, routed: 8 });
    expect(facts.routed).toBe(8);
    joined.remove(0);
    expect(facts.routed).toBe(8);
  });

  it('show a port as it is where it is worst, and forget it with the last worker', () => {
    const states: unknown[] = [];
    const seen = new JoinedFacts(
      {
        setAgentUp: () => {},
        setRouted: () => {},
        dialled: () => {},
        setListener: (_key, state) => states.push(state?.state),
      },
      () => {},
    );
    const set = (worker: number, state: 'pending' | 'ready' | undefined): void =>
      seen.report(worker, { ...nothing, listeners: [['tcp 8000', state === undefined ? undefined : { state }]] });
    set(0, 'pending');
    set(0, 'ready');
    set(1, 'pending');
    set(1, 'ready');
    seen.report(0, {
      ...nothing,
      listeners: [['tcp 8000', { state: 'failed', reason: failure('address_in_use', { address: '127.0.0.1:8000' }) }]],
    });
    set(0, undefined);
    seen.remove(1);
    expect(states).toEqual(['pending', 'ready', 'pending', 'ready', 'failed', 'ready', undefined]);
  });
});

describe('what a worker reports', () => {
  let clock: ManualClock;
  let reports: FactReport[];
  let reporter: FactReporter;

  beforeEach(() => {
    clock = new ManualClock();
    reports = [];
    reporter = new FactReporter((report) => reports.push(report), clock);
  });

  it('leaves at the end of the turn, together', async () => {
    reporter.setAgentUp('a', true);
    reporter.setListener('udp 53', { state: 'pending' });
    reporter.setListener('udp 53', { state: 'ready' });
    reporter.setRouted(3);
    expect(reports).toEqual([]);
    await turn();
    expect(reports).toEqual([
      { ...nothing, agents: [['a', true]], routed: 3, listeners: [['udp 53', { state: 'ready' }]] },
    ]);
  });

  it('says of dials only what changes, after a moment', () => {
    for (let i = 0; i < 1000; i++) reporter.dialled('a', 't', 'origin_refused');
    clock.advance(50);
    reporter.dialled('a', 't', 'origin_refused');
    clock.advance(50);
    expect(reports).toEqual([{ ...nothing, dials: [['a', 't', 'origin_refused']] }]);
    reporter.dialled('a', 't', undefined);
    clock.advance(50);
    expect(reports[1]?.dials).toEqual([['a', 't', undefined]]);
  });

  it('clears what another worker has found', () => {
    reporter.dialled('a', 't', undefined);
    clock.advance(50);
    expect(reports).toEqual([]);
    reporter.learn([['a', [['t', 'origin_refused']]]]);
    reporter.dialled('a', 't', undefined);
    clock.advance(50);
    expect(reports[0]?.dials).toEqual([['a', 't', undefined]]);
  });
});
