import { describe, expect, it } from 'vitest';
import { INITIAL_WINDOW } from '../../../shared/wire/frame.ts';
import { MAX_WINDOW, ReceiveWindow, WindowBudget } from '../../../shared/wire/window.ts';

const MIB = 1024 * 1024;

/** A path of `bytesPerMs` and `roundTrip` ms with a window on it; returns the window's size after `ms`. */
function run(window: ReceiveWindow, start: number, ms: number, bytesPerMs: number, roundTrip: number): number {
  const arriving: { readonly at: number; readonly credit: number }[] = [];
  let sendable = window.credit;
  for (let now = start; now < start + ms; now++) {
    while (arriving[0] !== undefined && arriving[0].at <= now) sendable += arriving.shift()?.credit ?? 0;
    const n = Math.min(sendable, bytesPerMs);
    sendable -= n;
    expect(window.receive(n)).toBe(true);
    if (!window.consume(n)) continue;
    const credit = window.grant(now);
    if (credit > 0) arriving.push({ at: now + roundTrip, credit });
  }
  return window.size;
}

function windowOn(roundTrip: number, limit = 64 * MIB): { window: ReceiveWindow; budget: WindowBudget } {
  const budget = new WindowBudget(limit);
  budget.roundTrip = roundTrip;
  return { window: new ReceiveWindow(budget, 0), budget };
}

describe('receive window', () => {
  it('grows on a fast long path to about twice what the path delivers in a round trip', () => {
    const { window } = windowOn(50);
    const size = run(window, 1, 5_000, 100_000, 50);
    expect(size).toBeGreaterThan(5_000_000);
    expect(size).toBeLessThan(12_000_000);
  });

  it('stays small on a slow path, however long the queue makes its round trips', () => {
    const { window } = windowOn(40);
    const size = run(window, 1, 10_000, 2_500, 40);
    expect(size).toBeGreaterThanOrEqual(100_000);
    expect(size).toBeLessThan(400_000);
  });

  it('is as many times as large as the path is known to stand, and soon back when it stands less', () => {
    const { window, budget } = windowOn(40);
    budget.slack = 8;
    const wide = run(window, 1, 5_000, 10_000, 40);
    expect(wide).toBeGreaterThan(2_000_000);
    budget.slack = 2;
    const narrow = run(window, 5_001, 2_000, 10_000, 40);
    expect(narrow).toBeLessThan(1_000_000);
    expect(narrow).toBeGreaterThan(600_000);
  });

  it('never exceeds 16 MiB', () => {
    const { window } = windowOn(200);
    expect(run(window, 1, 20_000, 1_000_000, 200)).toBe(MAX_WINDOW);
  });

  it('shrinks again when the path has become slow, and gives its share back', () => {
    const { window, budget } = windowOn(50);
    const wide = run(window, 1, 3_000, 100_000, 50);
    const narrow = run(window, 3_001, 60_000, 1_000, 50);
    expect(narrow).toBeLessThan(wide / 8);
    expect(budget.used).toBe(narrow - INITIAL_WINDOW);
    window.close();
    expect(budget.used).toBe(0);
  });

  it('is not made wider by a reader that takes its bytes in gulps', () => {
    const { window } = windowOn(1);
    // 4 MB/s on average, as 64 KiB at once every 16 ms.
    for (let now = 16; now < 2_000; now += 16) {
      const gulp = Math.min(window.credit, 64 * 1024);
      window.receive(gulp);
      for (let left = gulp; left > 0; left -= 4096) {
        if (window.consume(Math.min(left, 4096))) window.grant(now + (gulp - left) / 1e6);
      }
    }
    expect(window.size).toBe(INITIAL_WINDOW);
  });

  it('stays at its first size while the round trip is unknown', () => {
    const { window } = windowOn(0);
    expect(run(window, 1, 1_000, 100_000, 50)).toBe(INITIAL_WINDOW);
  });

  it('ends at a quarter of what other windows leave of the budget', () => {
    const { window, budget } = windowOn(50, 16 * MIB);
    expect(run(window, 1, 5_000, 200_000, 50)).toBe(INITIAL_WINDOW + 4 * MIB);
    const second = new ReceiveWindow(budget, 0);
    expect(second.widen(16 * MIB)).toBe(3 * MIB);
    window.close();
    expect(second.widen(16 * MIB)).toBe(MIB);
    const crowd = Array.from({ length: 40 }, () => new ReceiveWindow(budget, 0));
    const got = crowd.map((one) => one.widen(MIB));
    expect(budget.used).toBeLessThan(16 * MIB);
    expect(got.every((bytes) => bytes > 0)).toBe(true);
  });

  it('stays small on a short path until more has got through than the buffers of sockets swallow', () => {
    const { window, budget } = windowOn(0.1);
    expect(run(window, 1, 3, MIB, 0)).toBe(128 * 1024);
    expect(budget.typical).toBe(256 * 1024);
    run(window, 4, 300, MIB, 0);
    expect(window.size).toBeGreaterThan(MIB);
  });

  it('holds what comes in 4 ms on a shorter path, up to 512 KiB', () => {
    const sizeAt = (bytesPerMs: number): number => {
      const { window } = windowOn(0.1);
      return run(window, 1, 2_000, bytesPerMs, 0);
    };
    expect(sizeAt(40_000)).toBeGreaterThan(256 * 1024);
    expect(sizeAt(40_000)).toBeLessThan(512 * 1024);
    expect(sizeAt(120_000)).toBe(512 * 1024);
    // Slow, however short the path: no queue of more than eight milliseconds.
    expect(sizeAt(10_000)).toBeLessThan(120_000);
  });

  it('refuses bytes without credit and counts none that were not handed out', () => {
    const { window } = windowOn(0);
    expect(window.receive(INITIAL_WINDOW)).toBe(true);
    expect(window.receive(1)).toBe(false);
    window.consume(10 * INITIAL_WINDOW);
    expect(window.grant(1)).toBe(INITIAL_WINDOW);
    expect(window.credit).toBe(INITIAL_WINDOW);
  });

  it('grants nothing before a quarter of the window is consumed', () => {
    const { window } = windowOn(0);
    window.receive(INITIAL_WINDOW);
    expect(window.consume(INITIAL_WINDOW / 4 - 1)).toBe(false);
    expect(window.consume(1)).toBe(true);
  });
});
