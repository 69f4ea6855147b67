import { describe, expect, it } from 'vitest';
import { type EdgeFeed, keepFeed } from '../../../main/agent/edge-feed.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const lost = failure('edge_unreachable', { address: 'edge.test:443', reason: 'gone' });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Bench {
  readonly clock = new ManualClock();
  readonly states: { live: boolean; failure?: Failure }[] = [];
  readonly ending = new AbortController();
  readonly turns: { opened(): void; readonly signal: AbortSignal; end(failure?: Failure): void }[] = [];
  readonly feed: EdgeFeed;

  constructor() {
    this.feed = keepFeed({
      clock: this.clock,
      signal: this.ending.signal,
      random: () => 0.999,
      onState: (state) => this.states.push(state),
      follow: (opened, signal) => {
        const { promise, resolve } = Promise.withResolvers<Failure | undefined>();
        signal.addEventListener('abort', () => resolve(undefined));
        this.turns.push({ opened, signal, end: resolve });
        return promise;
      },
    });
  }

  async end(reason?: Failure): Promise<void> {
    this.turns.at(-1)?.end(reason);
    await settled();
  }
}

describe('a feed', () => {
  it('opens again after every end, later and later while it will not open', async () => {
    const bench = new Bench();
    await bench.end(lost);
    expect(bench.states).toEqual([{ live: false, failure: lost }]);
    bench.clock.advance(500);
    await settled();
    expect(bench.turns).toHaveLength(2);
    await bench.end(lost);
    bench.clock.advance(800);
    await settled();
    expect(bench.turns).toHaveLength(2);
    bench.clock.advance(50);
    await settled();
    expect(bench.turns).toHaveLength(3);
    bench.turns[2]?.opened();
    await bench.end(lost);
    bench.clock.advance(500);
    await settled();
    expect(bench.turns).toHaveLength(4);
    expect(bench.states.map((s) => s.live)).toEqual([false, false, true, false]);
  });

  it.each(['credential_unknown', 'proxy_invalid'] as const)(
    'waits long when only a person can help, unless told to hurry: %s',
    async (code) => {
      const bench = new Bench();
      await bench.end(failure(code));
      bench.clock.advance(30_000);
      await settled();
      expect(bench.turns).toHaveLength(1);
      bench.feed.hurry();
      await settled();
      expect(bench.turns).toHaveLength(2);
    },
  );

  it('is opened anew on request, which is no failure', async () => {
    const bench = new Bench();
    bench.turns[0]?.opened();
    bench.feed.restart();
    await settled();
    expect(bench.turns.map((t) => t.signal.aborted)).toEqual([true, false]);
    expect(bench.states).toEqual([{ live: true }]);
  });

  it('ends with its signal or when closed, and leaves no timer', async () => {
    const waiting = new Bench();
    await waiting.end(lost);
    waiting.ending.abort();
    await settled();
    expect(waiting.clock.timers).toBe(0);
    const following = new Bench();
    following.feed.close();
    await settled();
    expect([following.turns.length, following.states]).toEqual([1, []]);
  });
});
