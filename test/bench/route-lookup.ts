/** The route table alone: nanoseconds a look-up and microseconds a change, at 1, 1,000 and 100,000 services. */
import { RouteTable } from '../../edge/route/table.ts';
import { routedService as service } from '../support/routed-service.ts';

export const ROUTE_LOOKUP = 'route-lookup';

const SIZES = [1, 1_000, 100_000] as const;
const ROUNDS = 15;

/** What one size costs. */
export interface RouteCost {
  readonly services: number;
  /** Names asked for in random order, so that the processor's caches count: a visitor may ask for any. */
  readonly lookup: number;
  /** The same name again and again, as keep-alive visitors of one service do. */
  readonly sameLookup: number;
  readonly change: number;
}

/** The best of some rounds of `work`, which does `count` things; in nanoseconds each. Others only ever slow it down. */
function best(count: number, work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return ((performance.now() - start) * 1e6) / count;
  });
  return Math.min(...times);
}

/** Measures one size. */
export function measureRoutes(services: number): RouteCost {
  const table = RouteTable.from(
    Array.from({ length: services }, (_, n) => service(n, 'a')),
    1,
  );
  // Strings as a parser makes them: flat, and not the very ones that the table holds.
  const asked = Array.from({ length: 200_000 }, (_, n) =>
    Buffer.from(`app-${(Math.imul(n, 2_654_435_761) >>> 0) % services}.example.com`).toString('latin1'),
  );
  let found = 0;
  const look = (names: readonly string[]): void => {
    for (const name of names) if (table.lookup(name) !== undefined) found++;
  };
  const lookup = best(asked.length, () => look(asked));
  const same = Array.from({ length: 200_000 }, () => asked[0] ?? '');
  const sameLookup = best(same.length, () => look(same));
  let revision = 1;
  let current = table;
  const change = best(2_000, () => {
    for (let n = 0; n < 2_000; n++) {
      const at = Math.imul(n, 40_503) % services;
      current = current.update([{ id: `service-${at}`, service: service(at, `b${n}`) }], ++revision).table;
    }
  });
  if (found !== 2 * ROUNDS * asked.length || current.size !== services) throw new Error('the table lost something');
  return { services, lookup, sameLookup, change: change / 1000 };
}

/** Runs the case, prints its table, and hands each figure, beside what it is with one service, to `write`. */
export function benchRoutes(
  write: (name: string, against: string, ours: number, theirs: number, unit: string) => void,
): void {
  measureRoutes(1_000);
  const costs = SIZES.map(measureRoutes);
  const [one] = costs;
  if (one === undefined) return;
  console.log(`\n${ROUTE_LOOKUP}: the route table, ${ROUNDS} rounds, the best of each`);
  console.log('  services   ns/look-up   ns/same name   µs/change');
  for (const cost of costs) {
    const { services, lookup, sameLookup, change } = cost;
    console.log(
      `  ${String(services).padEnd(9)}${lookup.toFixed(0).padStart(12)}${sameLookup.toFixed(0).padStart(15)}${change.toFixed(1).padStart(12)}`,
    );
    for (const [unit, ours, theirs] of [
      ['ns a look-up', lookup, one.lookup],
      ['ns a look-up of one name', sameLookup, one.sameLookup],
      ['µs a change', change, one.change],
    ] as const)
      write(ROUTE_LOOKUP, '1-service', ours, theirs, `${unit}, ${services} services`);
  }
}
