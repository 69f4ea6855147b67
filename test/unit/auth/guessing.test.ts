import { describe, expect, it } from 'vitest';
import * as rules from '../../../edge/auth/guessing.ts';
import type { GuessRow } from '../../../edge/store/store.ts';

const MINUTE = 60_000;
const failing = (times: number, from = 0, step = 1): GuessRow | undefined => {
  let row: GuessRow | undefined;
  for (let i = 0; i < times; i++) row = rules.pairFailed(row, from + i * step);
  return row;
};

describe('an address at one service', () => {
  it('may fail five times in a minute, and is locked by one more', () => {
    expect(rules.pairWait(failing(5), 5)).toBe(0);
    expect(rules.pairWait(failing(6), 5)).toBe(rules.FIRST_LOCK);
  });

  it('may fail on and on at that pace', () => {
    expect(rules.pairWait(failing(100, 0, 15_000), 1_500_000)).toBe(0);
  });

  it('waits twice as long each time, up to an hour', () => {
    let row = failing(6);
    let now = 5;
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      waits.push(rules.pairWait(row, now) / 1000);
      now += rules.pairWait(row, now);
      row = rules.pairFailed(row, now);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  });

  it('begins anew an hour after the last lock', () => {
    const row = failing(6);
    const later = rules.pairFailed(row, (row?.lockedUntil ?? 0) + rules.FORGET);
    expect([later.failures, later.level, rules.pairWait(later, later.since)]).toEqual([1, 0, 0]);
  });

  it('is forgiven by a success, and known from then on', () => {
    const row = rules.pairSucceeded(1000);
    expect(rules.pairFailed(row, 2000)).toMatchObject({ failures: 1, succeededAt: 1000 });
    expect(rules.isKnown(row, 1000 + rules.KNOWN - 1)).toBe(true);
    expect(rules.isKnown(row, 1000 + rules.KNOWN)).toBe(false);
  });

  it('loses nothing by an attempt that was never made', () => {
    const five = failing(5);
    const six = rules.pairFailed(five, 10);
    const undone = rules.pairUndone(six);
    expect(undone).toMatchObject({ failures: 5, level: 0, lockedUntil: 0 });
    expect(rules.pairWait(rules.pairFailed(undone, 11), 11)).toBe(rules.FIRST_LOCK);
  });
});

describe('all strangers at one service', () => {
  const rate = { burst: 3, every: MINUTE };

  it('share a number of failures, then get one at a time', () => {
    let row: GuessRow | undefined;
    for (let i = 0; i < 3; i++) {
      expect(rules.bucketWait(row, rate, 0)).toBe(0);
      row = rules.bucketFailed(row, rate, 0);
    }
    expect(rules.bucketWait(row, rate, 0)).toBe(MINUTE);
    expect(rules.bucketWait(row, rate, MINUTE)).toBe(0);
    row = rules.bucketFailed(row, rate, MINUTE);
    expect(rules.bucketWait(row, rate, MINUTE)).toBe(MINUTE);
    expect(rules.bucketWait(rules.bucketUndone(row, rate), rate, MINUTE)).toBe(0);
  });

  it('would look for a PIN for years', () => {
    const { burst, every } = rules.SERVICE_RATES.pin;
    let row: GuessRow | undefined;
    let tried = 0;
    const day = 24 * 60 * MINUTE;
    for (let now = 0; now < day; now += 1000) {
      while (rules.bucketWait(row, { burst, every }, now) === 0) {
        row = rules.bucketFailed(row, { burst, every }, now);
        tried++;
      }
    }
    expect(tried).toBeLessThan(600);
    expect(500_000 / tried / 365).toBeGreaterThan(2);
  });
});
