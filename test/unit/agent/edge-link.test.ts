import { describe, expect, it } from 'vitest';
import { failure } from '../../../shared/domain/failure.ts';
import { ok } from '../../../shared/domain/result.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { Bench, FakeTunnel, refused, settled } from './link-bench.ts';

describe('the link to an edge', () => {
  it('is connecting, then up, and shows the round trip once it is measured', async () => {
    const bench = new Bench();
    expect(bench.link.state.state).toBe('connecting');
    const tunnel = await bench.succeed();
    expect(bench.link.state).toEqual({ state: 'up', since: bench.clock.now() });
    tunnel.roundTrip = 12.345;
    tunnel.events.onRoundTrip();
    expect(bench.link.state.roundTrip).toBe(12.3);
  });

  it('tells nobody of what its pings move, nor of a round trip that hardly differs', async () => {
    const bench = new Bench();
    const tunnel = await bench.succeed();
    let told = 0;
    bench.link.onChange(() => told++);
    const toldAfter = (roundTrip: number, bytes: number): number => {
      const before = told;
      tunnel.roundTrip = roundTrip;
      tunnel.sent += bytes;
      tunnel.events.onRoundTrip();
      return told - before;
    };
    expect(toldAfter(12, 0)).toBe(1);
    expect([toldAfter(12.9, 40), toldAfter(11.1, 40), toldAfter(12, 40)]).toEqual([0, 0, 0]);
    expect([toldAfter(13.5, 0), bench.link.state.roundTrip]).toEqual([1, 13.5]);
    // Small steps add up, and so do bytes.
    expect([toldAfter(14.3, 500), toldAfter(14.9, 500), bench.link.state.roundTrip]).toEqual([0, 1, 14.9]);
    expect([toldAfter(14.9, 500), toldAfter(14.9, 523), toldAfter(14.9, 1)]).toEqual([0, 0, 1]);
    expect(toldAfter(14.9, 100_000)).toBe(1);
    tunnel.received += 100_000;
    expect(toldAfter(14.9, 0)).toBe(1);
  });

  it('tries for ever with delays that grow to 10 s', async () => {
    const bench = new Bench();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      await bench.fail();
      expect(bench.link.state).toMatchObject({ state: 'down', failure: refused });
      waits.push(Math.ceil(bench.wait / 10) * 10);
      bench.pass();
    }
    expect(waits.slice(0, 4)).toEqual([500, 850, 1450, 2460]);
    expect(waits.slice(-4)).toEqual([9990, 9990, 9990, 9990]);
    expect(bench.dials).toHaveLength(13);
  });

  it('draws every delay anew from zero up', async () => {
    const bench = new Bench(() => 0);
    await bench.fail();
    expect(bench.wait).toBe(0);
  });

  it('stays down since the outage began, however many tries there are', async () => {
    const bench = new Bench();
    await bench.fail();
    const { since } = bench.link.state;
    bench.pass();
    expect(bench.link.state).toEqual({ state: 'down', since, failure: refused });
    bench.clock.advance(5);
    await bench.fail();
    expect(bench.link.state.since).toBe(since);
  });

  it.each(['credential_unknown', 'proxy_invalid'] as const)(
    'tries slowly when only a person can help, and says why: %s',
    async (code) => {
      const bench = new Bench(() => 0);
      await bench.fail(failure(code));
      expect(bench.link.state.failure?.code).toBe(code);
      expect(bench.wait).toBe(30_000);
    },
  );

  it('tries a proxy that fails as often as an edge that does', async () => {
    const bench = new Bench(() => 0.999);
    await bench.fail(failure('proxy_failed'));
    expect(bench.link.state.failure?.code).toBe('proxy_failed');
    expect(bench.wait).toBeLessThanOrEqual(500);
  });

  it('dials anew when its tunnel breaks', async () => {
    const bench = new Bench();
    const tunnel = await bench.succeed();
    bench.clock.advance(20_000);
    tunnel.events.onClosed({ reason: 'the peer fell silent' });
    expect(bench.link.state).toMatchObject({ state: 'down', failure: { code: 'offline' } });
    expect(bench.wait).toBeLessThanOrEqual(500);
    bench.clock.advance(500);
    expect(bench.dials).toHaveLength(2);
  });

  it('goes on backing off from tunnels that break right after the handshake', async () => {
    const bench = new Bench();
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      const tunnel = await bench.succeed();
      bench.clock.advance(1000);
      tunnel.events.onClosed({ reason: 'gone' });
      waits.push(bench.wait);
      bench.pass();
    }
    expect(waits[2]).toBeGreaterThan(waits[0] ?? 0);
  });

  it('takes a tunnel that broke before the dial was over as broken', async () => {
    const bench = new Bench();
    bench.dials[0]?.events.onClosed({ code: GO_AWAY.CREDENTIAL, reason: 'revoked' });
    await bench.succeed();
    expect(bench.link.state).toMatchObject({ state: 'down', failure: { code: 'credential_unknown' } });
  });

  it('dials a new tunnel at once when the edge shuts down, while the old one drains', async () => {
    const bench = new Bench();
    const old = await bench.succeed();
    old.events.onGoAway(GO_AWAY.SHUTDOWN);
    expect(bench.link.state.state).toBe('connecting');
    bench.clock.advance(300);
    const next = await bench.succeed();
    expect(bench.link.state.state).toBe('up');
    expect(old.calls).toEqual(['drain']);
    old.events.onClosed({ code: GO_AWAY.SHUTDOWN, reason: 'drained' });
    expect(bench.link.state.state).toBe('up');
    bench.link.close();
    expect(next.calls).toEqual(['destroy']);
  });

  it('does not fight another holder of its credential', async () => {
    const bench = new Bench();
    const tunnel = await bench.succeed();
    tunnel.events.onGoAway(GO_AWAY.REPLACED);
    expect(bench.link.state).toMatchObject({ state: 'down', failure: { code: 'offline' } });
    expect(bench.wait).toBeGreaterThan(20_000);
  });

  it('pings a tunnel that is up after sleep', async () => {
    const bench = new Bench();
    const tunnel = await bench.succeed();
    bench.link.resumed();
    expect(tunnel.calls).toEqual(['probe 2000']);
    expect(bench.dials).toHaveLength(1);
  });

  it('dials at once after sleep when it is down, and starts a dial that hangs over', async () => {
    const bench = new Bench();
    for (let i = 0; i < 8; i++) {
      await bench.fail();
      bench.pass();
    }
    await bench.fail();
    bench.link.resumed();
    expect(bench.dials).toHaveLength(10);
    bench.link.resumed();
    expect(bench.dials.map((d) => d.signal.aborted).slice(-2)).toEqual([true, false]);
    await bench.fail();
    expect(bench.wait).toBeLessThanOrEqual(500);
  });

  it('destroys a tunnel that arrives after its dial was given up', async () => {
    const bench = new Bench();
    const [first] = bench.dials;
    bench.link.resumed();
    const late = new FakeTunnel(first?.events ?? { onGoAway() {}, onClosed() {}, onRoundTrip() {} });
    first?.answer(ok(late));
    await settled();
    expect(late.calls).toEqual(['destroy']);
    expect(bench.link.state.state).toBe('connecting');
  });

  it('is paused and unpaused by the user, and deaf to everything else meanwhile', async () => {
    const bench = new Bench();
    const tunnel = await bench.succeed();
    bench.link.pause();
    expect(tunnel.calls).toEqual(['destroy']);
    bench.link.resumed();
    tunnel.events.onClosed({ reason: 'late' });
    bench.clock.advance(100_000);
    expect(bench.link.state.state).toBe('paused');
    expect(bench.dials).toHaveLength(1);
    bench.link.unpause();
    await bench.succeed();
    expect(bench.link.state.state).toBe('up');
  });

  it('leaves no timer and tells nobody anything once closed', async () => {
    const bench = new Bench();
    let told = 0;
    bench.link.onChange(() => told++);
    await bench.fail();
    const before = told;
    bench.link.close();
    bench.link.close();
    expect(bench.clock.timers).toBe(0);
    bench.link.resumed();
    bench.link.unpause();
    expect([told, bench.dials.length]).toEqual([before, 1]);
  });
});
