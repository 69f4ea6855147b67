import { expect, it } from 'vitest';
import { createRequestId } from '../../edge/request-id.ts';

const NOW = 1_763_750_000_123;

it('makes ids that are all different and spelled in 26 letters', () => {
  const ids = Array.from({ length: 3_000 }, () => createRequestId(NOW));
  expect(new Set(ids).size).toBe(3_000);
  expect(ids.every((id) => /^[0-9a-hjkmnp-tv-z]{26}$/.test(id))).toBe(true);
});

it('sorts them by time, and begins with the time alone', () => {
  const times = [NOW, NOW + 1, NOW + 33, NOW + 86_400_000];
  const ids = times.map((time) => createRequestId(time));
  expect([...ids].sort()).toEqual(ids);
  expect(createRequestId(NOW).slice(0, 10)).toBe(ids[0]?.slice(0, 10));
  expect(new Set(ids.map((id) => id.slice(0, 10))).size).toBe(4);
});
