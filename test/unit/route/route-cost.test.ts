/** What the route table costs, counted in work rather than in time: the same with one service and with 100,000. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PersistentMap } from '../../../edge/route/persistent-map.ts';
import { RouteTable } from '../../../edge/route/table.ts';
import { routedService as service } from '../../support/routed-service.ts';

const table = (size: number): RouteTable =>
  RouteTable.from(
    Array.from({ length: size }, (_, n) => service(n)),
    1,
  );

/** Counts what `work` reads from maps, and what it copies into maps and arrays. */
function count(work: () => void): { readonly reads: number; readonly copied: number } {
  let copied = 0;
  const { slice } = Array.prototype;
  const get = vi.spyOn(Map.prototype, 'get');
  // A map made from another is filled by `set`, one call an entry (ECMA-262 section 24.1.1.1).
  const set = vi.spyOn(Map.prototype, 'set');
  const sliced = vi.spyOn(Array.prototype, 'slice').mockImplementation(function (this: unknown[], ...range) {
    copied += this.length;
    return slice.apply(this, range);
  });
  work();
  const result = { reads: get.mock.calls.length, copied: copied + set.mock.calls.length };
  for (const spy of [get, set, sliced]) spy.mockRestore();
  return result;
}

afterEach(() => void vi.restoreAllMocks());

describe.each([1, 1_000, 100_000])('a table of %i services', (size) => {
  const before = table(size);

  it('finds a service, and that there is none, with one read', () => {
    for (const domain of ['app-0.example.com', `app-${size - 1}.example.com`, 'nobody.example.com'])
      expect(count(() => before.lookup(domain))).toEqual({ reads: 1, copied: 0 });
  });

  it.each([
    ['a change', [{ id: 'service-0', service: service(0, 'renamed') }], 1],
    ['a removal', [{ id: 'service-0', service: undefined }], 1],
    ['a new service', [{ id: 'service-x', service: { ...service(1_000_000), id: 'service-x' } }], 1],
    ['ten changes', Array.from({ length: 10 }, (_, n) => ({ id: `service-${n}`, service: service(n, 'b') })), 10],
  ])('takes %s for what it is, whatever its own size', (_, changes, changed) => {
    const work = count(() => before.update(changes, 2));
    // Two maps, each with one array of groups, and a group and a bucket (six entries or so) a change.
    const bound = 2 * (128 + changed * (128 + 30));
    expect(work.copied).toBeLessThan(bound);
    expect(work.reads).toBeLessThan(changed * 20);
  });
});

describe('PersistentMap', () => {
  it('stays as it was when a copy changes, with any number of keys in a bucket', () => {
    const all = PersistentMap.from(Array.from({ length: 40_000 }, (_, n): [string, number] => [`k${n}`, n]));
    const next = all.with([
      ['k1', undefined],
      ['k2', -2],
      ['new', 1],
      ['nothing', undefined],
    ]);
    expect([all.size, all.get('k1'), all.get('k2'), all.get('new')]).toEqual([40_000, 1, 2, undefined]);
    expect([next.size, next.get('k1'), next.get('k2'), next.get('new')]).toEqual([40_000, undefined, -2, 1]);
    expect(new Set(next.values()).size).toBe(40_000);
    expect(PersistentMap.from<number>([]).get('k1')).toBeUndefined();
  });
});
