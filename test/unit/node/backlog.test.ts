import { expect, it } from 'vitest';
import { Backlog } from '../../../shared/node/backlog.ts';
import { seededRandom } from '../../support/random.ts';

it('keeps copies, and gives them back in order, in whatever pieces they are asked for', () => {
  const random = seededRandom(7);
  const backlog = new Backlog();
  const [written, sent]: [number[], number[]] = [[], []];
  for (let n = 0; n < 500; n++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 300) + 4 }, () => Math.floor(random() * 256));
    backlog.add(bytes, 2, bytes.length - 1);
    written.push(...bytes.subarray(2, bytes.length - 1));
    bytes.fill(0);
    const [most, credit] = [Math.floor(random() * 400), Math.floor(random() * 400)];
    let left = credit;
    const before = sent.length;
    const told = backlog.drain(most, (from, start, end) => {
      const stop = Math.min(end, start + left);
      left -= stop - start;
      sent.push(...from.subarray(start, stop));
      return stop;
    });
    expect(told).toBe(sent.length - before);
    expect(told).toBeLessThanOrEqual(Math.min(most, credit));
    expect(backlog.length).toBe(written.length - sent.length);
  }
  backlog.drain(Number.POSITIVE_INFINITY, (from, start, end) => {
    sent.push(...from.subarray(start, end));
    return end;
  });
  expect(sent).toEqual(written);
  expect(backlog.length).toBe(0);
});

it('puts together what is written byte by byte', () => {
  const backlog = new Backlog();
  const [written, sent]: [number[], number[]] = [[], []];
  for (let n = 0; n < 100_000; n++) {
    written.push(n % 251);
    backlog.add(Uint8Array.of(0, n % 251), 1, 2);
  }
  let pieces = 0;
  backlog.drain(Number.POSITIVE_INFINITY, (from, start, end) => {
    pieces++;
    sent.push(...from.subarray(start, Math.min(end, start + 50_000)));
    return Math.min(end, start + 50_000);
  });
  while (backlog.length > 0)
    backlog.drain(40_000, (from, start, end) => {
      pieces++;
      sent.push(...from.subarray(start, end));
      return end;
    });
  expect(Buffer.from(sent).equals(Buffer.from(written))).toBe(true);
  expect(pieces).toBeLessThan(30);
});

it('drops everything at once', () => {
  const backlog = new Backlog();
  backlog.add(new Uint8Array(20_000), 0, 20_000);
  backlog.clear();
  expect(backlog.length).toBe(0);
  expect(backlog.drain(100, (_, start) => start)).toBe(0);
});
