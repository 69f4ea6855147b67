import { beforeEach, expect, it } from 'vitest';
import { ExposureReaper } from '../../../edge/control/exposure-reaper.ts';
import { createStore } from '../../../edge/store/create-store.ts';
import type { Store } from '../../../edge/store/store.ts';
import { EXPOSURE_LIFETIME } from '../../../shared/domain/service.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { joinAgent, LIMITS, must, newService } from '../../compliance/data.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let store: Store;
let owner: string;
let reaper: ExposureReaper;
const HOUR = 3_600_000;

beforeEach(async () => {
  clock = new ManualClock();
  store = must(createStore({ dataDir: ':memory:', serve: true, now: () => clock.now() }));
  owner = (await joinAgent(store)).id;
  reaper = new ExposureReaper({ store, clock, log: silentLogger });
});

/** A service that expires, or one that stays. */
async function expose(name: string, source: 'ephemeral' | 'permanent' = 'ephemeral'): Promise<string> {
  const expiry = source === 'ephemeral' ? { expiresAt: clock.now() + EXPOSURE_LIFETIME } : {};
  const service = newService(owner, name, { source, ...expiry });
  must(await store.createService(service, LIMITS));
  return service.id;
}
const renew = (id: string) => store.renewService(id, owner, clock.now() + EXPOSURE_LIFETIME);

/** Lets `ms` pass with a look every 2 s, awake. */
async function live(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2_000) {
    clock.advance(2_000);
    await reaper.look();
  }
}
const left = async (): Promise<string[]> => must(await store.servicesOf(owner)).services.map((s) => s.service.name);

it('ends an exposure that nobody renews within 5 s of its 90, and nothing else', async () => {
  await expose('stays', 'permanent');
  await live(4_000);
  await expose('brief');
  await live(90_000);
  expect(await left()).toContain('brief');
  await live(4_000);
  expect(await left()).toEqual(['stays']);
});

it('keeps one that is renewed, for 90 s each time', async () => {
  const id = await expose('brief');
  for (let n = 0; n < 4; n++) {
    await live(80_000);
    must(await renew(id));
  }
  await live(88_000);
  expect(await left()).toEqual(['brief']);
  await live(6_000);
  expect(await left()).toEqual([]);
});

it.each([
  ['slept and its monotonic clock stood still', () => clock.step(HOUR)],
  ['slept and its monotonic clock ran on', () => clock.stall(HOUR)],
  [
    'slept and set its clock back on waking',
    () => {
      clock.stall(HOUR);
      clock.step(-HOUR);
    },
  ],
])('gives the holder 90 s of its own when the machine %s', async (_, sleep) => {
  const [held] = [await expose('held'), await expose('orphan')];
  await live(60_000);
  sleep();
  await live(60_000);
  expect(must(await renew(held)).service.expiresAt).toBe(clock.now() + EXPOSURE_LIFETIME);
  expect((await left()).sort()).toEqual(['held', 'orphan']);
  await live(34_000);
  expect(await left()).toEqual(['held']);
});

it.each([
  ['back', -HOUR],
  ['back a little', -3_000],
  ['forward a little', 3_000],
])('is not misled by a clock that is set %s', async (_, ms) => {
  await expose('brief');
  await live(30_000);
  clock.step(ms);
  await live(58_000);
  expect(await left()).toEqual(['brief']);
  await live(6_000);
  expect(await left()).toEqual([]);
});

it('counts the time that no edge ran', async () => {
  await expose('old');
  clock.advance(60_000);
  await expose('young');
  clock.advance(40_000);
  reaper = new ExposureReaper({ store, clock, log: silentLogger });
  await live(2_000);
  expect(await left()).toEqual(['young']);
  await live(52_000);
  expect(await left()).toEqual([]);
});

it('gives no exposure more than 90 s for a clock that was wrong when it was made', async () => {
  clock.step(HOUR);
  await expose('ahead');
  clock.step(-HOUR);
  reaper = new ExposureReaper({ store, clock, log: silentLogger });
  await live(94_000);
  expect(await left()).toEqual([]);
});
