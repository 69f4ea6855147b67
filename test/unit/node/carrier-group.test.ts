import { describe, expect, it } from 'vitest';
import { CarrierGroup } from '../../../shared/node/carrier-group.ts';
import type { StreamHost } from '../../../shared/node/tunnel-stream.ts';

/** A group on a path of `shortest` ms that has seen these round trips beside bulk; its slack. */
function slackAfter(shortest: number, ...looks: readonly number[]): number {
  const group = new CarrierGroup();
  group.path.learn(shortest, false);
  for (const look of looks) group.noteClear(look);
  return group.budget.slack;
}

/** A carrier with so many bytes in its queue. */
function carrierWith(queued: number): StreamHost {
  const host: { readonly queue: Pick<StreamHost['queue'], 'queued'> } = { queue: { queued } };
  // Nothing else of it is asked for.
  return host as StreamHost;
}

const times = (n: number, look: number): number[] => Array(n).fill(look);

describe('the carriers of a link', () => {
  it('let windows grow step by step where no queue stands, up to eight times what the path delivers', () => {
    expect(slackAfter(50, ...times(3, 51))).toBe(2);
    expect(slackAfter(50, ...times(4, 51))).toBe(4);
    expect(slackAfter(50, ...times(8, 51))).toBe(8);
    expect(slackAfter(50, ...times(40, 51))).toBe(8);
  });

  it('take them back as soon as one does', () => {
    expect(slackAfter(50, ...times(8, 51), ...times(4, 90))).toBe(4);
    expect(slackAfter(50, ...times(8, 51), ...times(40, 90))).toBe(2);
  });

  it('take a single long round trip for a busy process, and a single short one for luck', () => {
    expect(slackAfter(50, 51, 51, 200, 51)).toBe(4);
    expect(slackAfter(50, ...times(8, 51), 51, 90, 90, 90)).toBe(8);
    expect(slackAfter(50, 51, 90, 90, 90, 90)).toBe(2);
  });

  it('keep windows small on short paths, where a round trip tells of the two ends', () => {
    expect(slackAfter(1, ...times(40, 1))).toBe(2);
  });

  it('have one memory for all windows and queues', () => {
    const group = new CarrierGroup({ memory: 1000 });
    expect(group.budget.take(5000)).toBe(1000);
    const seen: (string | boolean | undefined)[][] = [];
    for (const queued of [100, 150, 1, 260]) {
      group.add(queued, carrierWith(queued));
      seen.push([group.refuses(1, 10), group.clogged]);
    }
    expect(seen).toEqual([
      [undefined, false],
      [undefined, false],
      ['memory', false],
      ['memory', true],
    ]);
  });
});

describe('services that share a link', () => {
  it('leave streams to each other', () => {
    const group = new CarrierGroup();
    const begin = (key: number): number => {
      let streams = 0;
      for (; streams < 1000 && group.refuses(key, 100) === undefined; streams++) group.enter(key);
      return streams;
    };
    const most = [begin(1), begin(2), begin(3)];
    expect(most).toEqual([81, 16, 3]);
    expect(group.refuses(4, 100)).toBeUndefined();
    const fourth = group.enter(4);
    expect(group.refuses(4, 100)).toBe('streams');
    group.leave(fourth);
    expect(group.refuses(4, 100)).toBeUndefined();
  });

  it('leave memory to each other', () => {
    const group = new CarrierGroup({ memory: 4000 });
    const [greedy, modest] = [group.enter(1), group.enter(2)];
    group.hold(greedy, 500);
    expect(group.refuses(1, 10)).toBeUndefined();
    group.hold(greedy, 1);
    expect(group.refuses(1, 10)).toBe('memory');
    expect(group.refuses(2, 10)).toBeUndefined();
    group.hold(modest, 250);
    expect([group.refuses(1, 10), group.refuses(2, 10), group.refuses(3, 10)]).toEqual(['memory', 'memory', undefined]);
    group.hold(greedy, -501);
    expect([group.refuses(1, 10), group.refuses(2, 10)]).toEqual([undefined, undefined]);
  });

  it('lose what they hold beyond all of it only where they hold more than the others', () => {
    const group = new CarrierGroup({ memory: 4000 });
    const [greedy, modest] = [group.enter(1), group.enter(2)];
    group.hold(modest, 10);
    group.hold(greedy, 1990);
    expect([group.isOverfull(greedy), group.isOverfull(modest)]).toEqual([false, false]);
    group.hold(greedy, 1);
    expect([group.isOverfull(greedy), group.isOverfull(modest)]).toEqual([true, false]);
  });
});
