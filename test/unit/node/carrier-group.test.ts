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
    const seen: boolean[][] = [];
    for (const queued of [100, 150, 1, 260]) {
      group.add(queued, carrierWith(queued));
      seen.push([group.crowded, group.clogged]);
    }
    expect(seen).toEqual([
      [false, false],
      [false, false],
      [true, false],
      [true, true],
    ]);
  });
});
