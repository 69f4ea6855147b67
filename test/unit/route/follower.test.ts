import { describe, expect, it } from 'vitest';
import { type Changes, RouteFollower } from '../../../edge/route/follower.ts';
import type { RouteDiff } from '../../../edge/route/table.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Service } from '../../../shared/domain/service.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';

const service = (id: string): Service => ({
  id,
  name: id,
  mode: 'http',
  domain: `${id}.localhost`,
  targets: [],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'agent',
  createdAt: 0,
});

/** A feed in memory whose answers a test can hold back or spoil. */
class FakeFeed {
  readonly services = new Map<string, Service>();
  revision = 0;
  broken = false;
  reset = false;
  asked: number[] = [];
  #wake: () => void = () => {};

  write(id: string, value: Service | undefined): void {
    this.revision++;
    if (value === undefined) this.services.delete(id);
    else this.services.set(id, value);
    this.changed.add(id);
    this.#wake();
  }

  readonly changed = new Set<string>();

  async changesSince(revision: number): Promise<Result<Changes, Failure>> {
    this.asked.push(revision);
    if (this.broken) return err(failure('data_busy', { path: 'x' }));
    const ids = this.reset || revision === 0 ? [...this.services.keys()] : [...this.changed];
    this.changed.clear();
    const services = ids.map((id) => ({ id, service: this.services.get(id) }));
    return ok({ revision: this.revision, reset: this.reset, services, removedAgents: [] });
  }

  watch(listener: () => void): () => void {
    this.#wake = listener;
    return () => {
      this.#wake = () => {};
    };
  }
}

function setUp(feed: FakeFeed) {
  const timers: (() => void)[] = [];
  const diffs: RouteDiff[] = [];
  let swapped = Promise.withResolvers<void>();
  const follower = new RouteFollower({
    feed,
    logger: silentLogger,
    clock: {
      ...systemClock,
      setTimeout: (callback) => {
        timers.push(callback);
        return () => {};
      },
    },
    onSwap: (_, diff) => {
      diffs.push(diff);
      swapped.resolve();
      swapped = Promise.withResolvers();
    },
  });
  return { follower, timers, diffs, next: () => swapped.promise };
}

describe('RouteFollower', () => {
  it('starts with what there is and follows what comes', async () => {
    const feed = new FakeFeed();
    feed.write('a', service('a'));
    const { follower, next, diffs } = setUp(feed);
    expect((await follower.start()).ok).toBe(true);
    expect(follower.table.lookup('a.localhost')?.serviceId).toBe('a');
    const swap = next();
    feed.write('a', undefined);
    await swap;
    expect(follower.table.lookup('a.localhost')).toBeUndefined();
    expect(diffs.at(-1)?.ended).toEqual(['a']);
    follower.stop();
  });

  it('fails to start when the feed cannot be read', async () => {
    const feed = new FakeFeed();
    feed.broken = true;
    expect((await setUp(feed).follower.start()).ok).toBe(false);
  });

  it('keeps what it knows while the feed is broken, and catches up later', async () => {
    const feed = new FakeFeed();
    feed.write('a', service('a'));
    const { follower, timers, next } = setUp(feed);
    await follower.start();
    feed.broken = true;
    feed.write('b', service('b'));
    while (timers.length === 0) await Promise.resolve();
    expect(follower.table.lookup('a.localhost')).toBeDefined();
    feed.broken = false;
    const swap = next();
    timers.pop()?.();
    await swap;
    expect(follower.table.lookup('b.localhost')).toBeDefined();
    follower.stop();
  });

  it('takes what a complete list leaves out for gone', async () => {
    const feed = new FakeFeed();
    feed.write('a', service('a'));
    feed.write('b', service('b'));
    const { follower, next, diffs } = setUp(feed);
    await follower.start();
    feed.reset = true;
    const swap = next();
    feed.write('a', undefined);
    await swap;
    expect(diffs.at(-1)?.ended).toEqual(['a']);
    expect(follower.table.lookup('b.localhost')).toBeDefined();
    follower.stop();
  });

  it('swaps nothing when nothing is new, and nothing at all once stopped', async () => {
    const feed = new FakeFeed();
    const { follower, diffs } = setUp(feed);
    await follower.start();
    expect(diffs).toEqual([]);
    follower.stop();
    feed.write('a', service('a'));
    expect(feed.asked).toEqual([0, 0]);
  });
});
