/** A link of several carriers: when it grows and shrinks, and how it reaches every process of a node. */
import { describe, expect, it } from 'vitest';
import type { LinkPlace } from '../../../main/agent/edge-link.ts';
import { QUIET } from '../../../main/agent/link-crew.ts';
import type { DrivenStream } from '../../../shared/node/tunnel-stream.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { Bench, type FakeTunnel, refused, single } from './link-bench.ts';

const large: LinkPlace = { ...single, carriers: 8 };
const at = (worker: number, workers = 3): LinkPlace => ({ ...large, worker, workers });

/** A stream of `tunnel` is seen to move much, and `bulk` are in all. */
function busy(bench: Bench, tunnel: FakeTunnel, bulk: number): void {
  tunnel.bulk = bulk;
  bench.clock.advance(100);
  const seen: Pick<DrivenStream, 'bulkAt'> = { bulkAt: bench.clock.monotonic() };
  bench.dials[0]?.ask.group(tunnel.place.worker).noteBulk(seen);
}

async function up(place: LinkPlace = large): Promise<{ bench: Bench; tunnel: FakeTunnel }> {
  const bench = new Bench();
  return { bench, tunnel: await bench.succeed(place) };
}

describe('a link that grows', () => {
  it('names itself in every dial, and says which ones come in addition', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 1);
    expect(bench.dials.map((dial) => dial.ask.grows)).toEqual([false, true]);
    expect(new Set(bench.dials.map((dial) => dial.ask.link)).size).toBe(1);
    expect(bench.dials[0]?.ask.link).toMatch(/^[0-9a-f]{32}$/);
    expect(new Bench().dials[0]?.ask.link).not.toBe(bench.dials[0]?.ask.link);
  });

  it('has one carrier more than streams that move much, up to what the edge takes', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 1);
    expect(bench.dials).toHaveLength(2);
    busy(bench, tunnel, 1);
    expect(bench.dials).toHaveLength(2);
    await bench.succeed(large);
    busy(bench, tunnel, 40);
    expect(bench.dials).toHaveLength(8);
    for (let i = 2; i < 8; i++) await bench.succeed(large, i);
    busy(bench, tunnel, 40);
    expect(bench.dials).toHaveLength(8);
    expect(bench.link.view.carriers).toBe(8);
  });

  it('stays at sixteen carriers whatever the edge would take', async () => {
    const { bench, tunnel } = await up({ ...single, carriers: 64 });
    busy(bench, tunnel, 64);
    expect(bench.dials).toHaveLength(16);
  });

  it.each([
    [0.9, 2],
    [1, 8],
  ])('has, at a round trip of %d ms, %d carriers for eight streams that move much', async (roundTrip, carriers) => {
    const { bench, tunnel } = await up();
    bench.dials[0]?.ask.group(0).path.learn(roundTrip, false);
    busy(bench, tunnel, 8);
    expect(bench.dials).toHaveLength(carriers);
  });

  it('has one at an edge that knows no links', async () => {
    const { bench, tunnel } = await up(single);
    busy(bench, tunnel, 8);
    expect(bench.dials).toHaveLength(1);
  });

  it('is no worse off when a carrier more can’t be had, and asks again after a while', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 1);
    await bench.fail();
    expect(bench.link.state).toMatchObject({ state: 'up' });
    expect(bench.link.view.lastError).toMatchObject({ failure: refused });
    busy(bench, tunnel, 1);
    expect(bench.dials).toHaveLength(2);
    bench.clock.advance(1_000);
    busy(bench, tunnel, 1);
    expect(bench.dials).toHaveLength(3);
  });

  it('gives all but the fullest one back after a quiet minute', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 2);
    const more = [await bench.succeed(large, 1), await bench.succeed(large, 2)];
    const [fullest] = more;
    if (fullest === undefined) throw new Error('no tunnel');
    fullest.streams = 5;
    bench.clock.advance(QUIET - 10_000);
    expect(bench.link.view.carriers).toBe(3);
    busy(bench, tunnel, 1);
    bench.clock.advance(QUIET - 10_000);
    expect(bench.link.view.carriers).toBe(3);
    bench.clock.advance(20_000);
    expect([tunnel, ...more].map((t) => t.calls)).toEqual([['drain'], [], ['drain']]);
    expect(bench.link.view).toMatchObject({ state: 'up', carriers: 1 });
    tunnel.events.onClosed({ reason: 'drained' });
    expect(bench.link.state.state).toBe('up');
  });

  it('is up as long as one carrier is, and dials nothing for those that went', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 1);
    const second = await bench.succeed(large);
    tunnel.events.onClosed({ reason: 'the connection broke' });
    expect(bench.link.state.state).toBe('up');
    expect(bench.link.view).toMatchObject({ carriers: 1, bytesUp: 20, bytesDown: 40 });
    second.events.onGoAway(GO_AWAY.REPLACED);
    expect(bench.link.state).toMatchObject({ state: 'down' });
    expect(bench.dials).toHaveLength(2);
  });

  it('lets every carrier drain when the edge restarts, and dials once', async () => {
    const { bench, tunnel } = await up();
    busy(bench, tunnel, 7);
    const all = [tunnel];
    for (let i = 1; i < 8; i++) all.push(await bench.succeed(large, i));
    for (const each of all) each.events.onGoAway(GO_AWAY.SHUTDOWN);
    expect(all.map((t) => t.calls)).toEqual(all.map(() => ['drain']));
    bench.clock.advance(300);
    expect(bench.dials).toHaveLength(9);
  });

  it('gets a fresh carrier at once after sleep, beside the ones in doubt', async () => {
    const { bench, tunnel } = await up();
    bench.link.resumed();
    bench.link.resumed();
    expect(tunnel.calls).toEqual(['probe 2000', 'probe 2000']);
    expect(bench.dials.map((dial) => dial.ask.grows)).toEqual([false, false]);
    await bench.succeed(large);
    tunnel.events.onClosed({ reason: 'the peer fell silent' });
    expect(bench.link.state.state).toBe('up');
  });

  it('takes no carrier that arrives after it was closed or paused', async () => {
    for (const end of ['close', 'pause', 'leave'] as const) {
      const { bench, tunnel } = await up();
      busy(bench, tunnel, 1);
      bench.link[end]();
      const late = await bench.succeed(large);
      expect(late.calls).toEqual(['destroy']);
      expect(tunnel.calls).toEqual([end === 'leave' ? 'drain' : 'destroy']);
    }
  });
});

describe('a link to a node of several processes', () => {
  it('has a carrier to each of them, one after the other, as fast as they come', async () => {
    const { bench } = await up(at(1));
    expect(bench.dials[1]?.ask).toMatchObject({ worker: 0, grows: true });
    await bench.succeed(at(0));
    expect(bench.dials[2]?.ask).toMatchObject({ worker: 2 });
    await bench.succeed(at(2));
    expect(bench.dials).toHaveLength(3);
    expect(bench.link.view).toMatchObject({ state: 'up', carriers: 3 });
  });

  it('counts one that landed elsewhere for where it did, gives back what is too much, and asks again after a while', async () => {
    const { bench } = await up(at(1));
    await bench.succeed(at(2));
    expect(bench.link.view.carriers).toBe(2);
    expect(bench.dials).toHaveLength(2);
    bench.clock.advance(600);
    expect(bench.dials[2]?.ask.worker).toBe(0);
    const astray = await bench.succeed(at(1));
    expect(astray.calls).toEqual(['drain']);
    expect(bench.link.view).toMatchObject({ state: 'up', carriers: 2 });
    bench.clock.advance(900);
    expect(bench.dials[3]?.ask.worker).toBe(0);
  });

  it('finds its way back to a process that was started anew', async () => {
    const { bench, tunnel } = await up(at(0, 2));
    await bench.succeed(at(1, 2));
    tunnel.events.onClosed({ reason: 'the connection broke' });
    expect(bench.link.state.state).toBe('up');
    bench.clock.advance(600);
    expect(bench.dials[2]?.ask).toMatchObject({ worker: 0, grows: true });
    await bench.fail();
    expect(bench.link.state.state).toBe('up');
    bench.clock.advance(1_000);
    expect(bench.dials).toHaveLength(4);
  });

  it('grows for the process that is busy', async () => {
    const { bench, tunnel } = await up(at(0, 2));
    await bench.succeed(at(1, 2));
    busy(bench, tunnel, 2);
    expect(bench.dials.slice(2).map((dial) => dial.ask.worker)).toEqual([0, 0]);
  });
});
