import { afterEach, expect, test } from 'vitest';
import { BATCH, Crowdsec, CrowdsecCopy, POLL_INTERVAL } from '../../../edge/access/crowdsec.ts';
import { readAddress } from '../../../edge/access/network-map.ts';
import type { Logger } from '../../../shared/node/logger.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { CrowdsecStandIn } from '../../support/crowdsec.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function standIn(port?: number): Promise<CrowdsecStandIn> {
  const api = await CrowdsecStandIn.start(port);
  ends.push(() => api.stop());
  return api;
}

function follow(url: string, key: string, logger: Logger = silentLogger) {
  const clock = new ManualClock();
  const crowdsec = new Crowdsec({ url, key, clock, logger });
  ends.push(() => crowdsec.close());
  crowdsec.start();
  const about = (text: string) => {
    const address = readAddress(text);
    return address === undefined ? 'no address' : crowdsec.remedy(address);
  };
  return { crowdsec, clock, about };
}

test('follows what comes and what goes', async () => {
  const api = await standIn();
  api.add({ id: 1, value: '192.0.2.7', type: 'ban' });
  api.add({ id: 2, value: '198.51.100.0/24', type: 'captcha' });
  api.add({ id: 3, value: 'DE', type: 'ban', scope: 'Country' });
  const { crowdsec, clock, about } = follow(api.url, api.key);
  expect(about('192.0.2.7')).toBe('unavailable');
  await expect.poll(() => crowdsec.state).toEqual({ synchronised: true, decisions: 2, fault: undefined });
  expect(about('192.0.2.7')).toBe('ban');
  expect(about('198.51.100.9')).toBe('captcha');
  expect(about('203.0.113.1')).toBeUndefined();

  api.remove(1);
  api.add({ id: 4, value: '2001:db8::/32', type: 'throttle' });
  await expect.poll(() => clock.timers).toBe(1);
  clock.advance(POLL_INTERVAL);
  await expect.poll(() => about('2001:db8::1')).toBe('throttle');
  expect(about('192.0.2.7')).toBeUndefined();
  expect(about('198.51.100.9')).toBe('captcha');
  expect(api.asked).toEqual(['startup=true&scopes=ip%2Crange', 'startup=false&scopes=ip%2Crange']);
});

function copyOf(clock: ManualClock) {
  const copy = new CrowdsecCopy(() => clock.monotonic());
  const about = (text: string) => {
    const address = readAddress(text);
    return address === undefined ? 'no address' : copy.remedy(address);
  };
  return { copy, about };
}

test('lets a copy elsewhere know the same, from all that is known on, without asking anew', async () => {
  const api = await standIn();
  api.add({ id: 1, value: '192.0.2.7', type: 'ban' });
  api.add({ id: 2, value: '2001:db8::/32', type: 'odd', duration: 'for ever' });
  const { crowdsec, clock } = follow(api.url, api.key);
  expect([...crowdsec.snapshot()]).toEqual([]);
  await expect.poll(() => crowdsec.state.synchronised).toBe(true);
  const { copy, about } = copyOf(clock);
  crowdsec.watch((batch) => copy.take(batch));
  await expect.poll(() => clock.timers).toBe(1);
  clock.advance(POLL_INTERVAL);
  await expect.poll(() => api.asked).toHaveLength(2);
  expect(about('192.0.2.7')).toBe('unavailable');

  for (const batch of crowdsec.snapshot()) copy.take(batch);
  expect(about('192.0.2.7')).toBe('ban');
  expect(about('2001:db8::1')).toBe('ban');
  expect(about('192.0.2.8')).toBeUndefined();
  api.remove(1);
  await expect.poll(() => clock.timers).toBe(1);
  clock.advance(POLL_INTERVAL);
  await expect.poll(() => about('192.0.2.7')).toBeUndefined();
  expect(api.asked.map((query) => query.split('&')[0])).toEqual(['startup=true', 'startup=false', 'startup=false']);

  // Nobody says anything more: what is known goes on, and runs out in its own time.
  await api.stop();
  clock.advance(100 * 3600_000);
  expect(about('2001:db8::1')).toBe('ban');
});

test('tells a copy in batches, which count together and in their order', async () => {
  const api = await standIn();
  for (let i = 0; i < BATCH + 1; i++) api.add({ id: i, value: `10.0.${i >> 8}.${i & 255}`, type: 'ban' });
  const { crowdsec, clock } = follow(api.url, api.key);
  await expect.poll(() => crowdsec.state.synchronised).toBe(true);
  const batches = [...crowdsec.snapshot()];
  expect(batches.map(({ made }) => made.length)).toEqual([BATCH, 1]);
  const { copy, about } = copyOf(clock);
  const [first, last] = batches;
  if (first === undefined || last === undefined) throw new Error('two batches were asked for');
  copy.take(first);
  expect(about('10.0.0.0')).toBe('unavailable');
  // It begins again: half a picture is none.
  copy.take(first);
  copy.take(last);
  expect(about('10.0.0.0')).toBe('ban');
  expect(about('10.0.7.208')).toBe('ban');

  const change = { everything: false, first: true, last: true, made: [] } as const;
  const deleted = [{ value: '10.0.0.0', type: 'ban' }];
  copy.take({ ...change, version: first.version + 2, deleted });
  expect(about('10.0.0.0')).toBe('ban');
  copy.take({ ...change, version: first.version + 1, deleted });
  expect(about('10.0.0.0')).toBeUndefined();
  expect(about('10.0.0.1')).toBe('ban');
});

test('is tried again when it cannot be reached at the start', async () => {
  const gone = await CrowdsecStandIn.start();
  const { port, url } = gone;
  await gone.stop();
  const { crowdsec, clock, about } = follow(url, gone.key);
  await expect.poll(() => crowdsec.state.fault).toBeDefined();
  expect(about('192.0.2.7')).toBe('unavailable');
  const api = await standIn(port);
  api.add({ id: 1, value: '192.0.2.7', type: 'ban' });
  await expect
    .poll(() => {
      clock.advance(POLL_INTERVAL);
      return about('192.0.2.7');
    })
    .toBe('ban');
  expect(crowdsec.state.fault).toBeUndefined();
});

test('goes on with what is known when it is away later, and asks for everything when it is back', async () => {
  const api = await standIn();
  api.add({ id: 1, value: '192.0.2.7', type: 'ban' });
  const { crowdsec, clock, about } = follow(api.url, api.key);
  await expect.poll(() => about('192.0.2.7')).toBe('ban');
  api.odd = { status: 500, body: '{"message":"no"}' };
  await expect.poll(() => clock.timers).toBe(1);
  clock.advance(POLL_INTERVAL);
  await expect.poll(() => crowdsec.state.fault).toBe('it answered with status 500');
  expect(about('192.0.2.7')).toBe('ban');

  api.odd = undefined;
  api.remove(1);
  api.add({ id: 2, value: '192.0.2.8', type: 'ban' });
  await expect
    .poll(() => {
      clock.advance(POLL_INTERVAL);
      return about('192.0.2.8');
    })
    .toBe('ban');
  expect(about('192.0.2.7')).toBeUndefined();
  expect(api.asked.slice(0, 3).map((query) => query.split('&')[0])).toEqual([
    'startup=true',
    'startup=false',
    'startup=true',
  ]);
});

test.each([
  ['not JSON', { status: 200, body: '<html>' }, 'its answer is not JSON'],
  ['not a stream', { status: 200, body: '{"new":[{"value":1}]}' }, 'its answer is not a decision stream'],
  ['a refusal', { status: 403, body: '{}' }, 'it does not accept the key'],
])('what is %s changes nothing', async (_, odd, fault) => {
  const api = await standIn();
  api.odd = odd;
  const said: unknown[] = [];
  const logger = { ...silentLogger, error: (...line: unknown[]) => void said.push(line) };
  const { crowdsec, about } = follow(api.url, api.key, logger);
  await expect.poll(() => crowdsec.state.fault).toBe(fault);
  expect(about('192.0.2.7')).toBe('unavailable');
  expect(JSON.stringify(said)).not.toContain(api.key);
});
