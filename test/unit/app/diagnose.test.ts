import { expect, it, vi } from 'vitest';
import { HttpProxy, SYSTEM } from '../../../main/agent/proxy.ts';
import {
  diagnose,
  MOST_ORIGINS,
  type Probe,
  type Probes,
  STEP_LIMIT,
  type Verdict,
} from '../../../main/app/diagnose.ts';
import { DiagnoseDesk } from '../../../main/app/diagnose-desk.ts';
import { judgeClock, judgeLink } from '../../../main/app/diagnose-probes.ts';
import { judgeWay } from '../../../main/app/diagnose-way.ts';
import type { Diagnosis } from '../../../shared/contract/diagnosis.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const says =
  (verdict: Verdict): Probe =>
  async () =>
    verdict;
const fine = (finding: Verdict['finding']): Probe => says({ state: 'ok', finding });

const LINE: Probes = {
  proxy: fine('proxy_none'),
  name: fine('name_ok'),
  port: fine('port_ok'),
  certificate: fine('certificate_public'),
  clock: fine('clock_ok'),
  credential: fine('credential_ok'),
  tunnel: fine('tunnel_up'),
  origins: [{ id: 't1', service: 'shop', target: 'localhost:3000', look: fine('origin_ok') }],
};

const run = (probes: Partial<Probes>, clock = systemClock, report: (d: Diagnosis) => void = () => {}) =>
  diagnose({ ...LINE, ...probes }, clock, report, new AbortController().signal);

const states = (diagnosis: Diagnosis) => Object.fromEntries(diagnosis.steps.map((s) => [s.id, s.state]));

it('finds nothing broken on a good line', async () => {
  const diagnosis = await run({});
  expect(new Set(Object.values(states(diagnosis)))).toEqual(new Set(['ok']));
  expect(diagnosis.broken).toBeUndefined();
});

it('names the first broken step, skips what needs it, and looks at the servers all the same', async () => {
  const diagnosis = await run({
    port: says({ state: 'fail', finding: 'port_refused' }),
    tunnel: says({ state: 'fail', finding: 'tunnel_down' }),
  });
  expect(diagnosis.broken).toBe('port');
  expect(states(diagnosis)).toEqual({
    proxy: 'ok',
    name: 'ok',
    port: 'fail',
    certificate: 'skipped',
    clock: 'skipped',
    credential: 'skipped',
    tunnel: 'fail',
    'origin:t1': 'ok',
  });
});

it('goes on past a wrong clock and an unknown credential', async () => {
  const diagnosis = await run({
    clock: says({ state: 'fail', finding: 'clock_wrong' }),
    credential: says({ state: 'fail', finding: 'credential_unknown' }),
  });
  expect(diagnosis.broken).toBe('clock');
  expect(states(diagnosis)).toMatchObject({ clock: 'fail', credential: 'fail', tunnel: 'ok' });
});

it('tells every step as it goes', async () => {
  const seen: string[] = [];
  await run({}, systemClock, (d) => {
    const running = d.steps.find((s) => s.state === 'running')?.id;
    if (running !== undefined && seen.at(-1) !== running) seen.push(running);
  });
  expect(seen).toEqual(['proxy', 'name', 'port', 'certificate', 'clock', 'credential', 'tunnel', 'origin:t1']);
});

it('gives a step that hangs its time, and no more', async () => {
  const clock = new ManualClock();
  const asked = Promise.withResolvers<AbortSignal>();
  const hangs: Probe = (signal) => {
    asked.resolve(signal);
    return new Promise(() => {});
  };
  const running = run({ port: hangs }, clock);
  const signal = await asked.promise;
  clock.advance(STEP_LIMIT);
  const diagnosis = await running;
  expect(signal.aborted).toBe(true);
  expect(diagnosis.steps.find((s) => s.id === 'port')).toMatchObject({ state: 'fail', finding: 'port_silent' });
});

it('looks at a bounded number of servers', async () => {
  const look = vi.fn(fine('origin_ok'));
  const origins = Array.from({ length: 200 }, (_, i) => ({ id: `t${i}`, service: 's', target: 'x', look }));
  const diagnosis = await run({ origins });
  expect([look.mock.calls.length, diagnosis.steps.length]).toEqual([MOST_ORIGINS, MOST_ORIGINS + 7]);
});

it('ends at once when Porthole does', async () => {
  const ending = new AbortController();
  ending.abort();
  const diagnosis = await diagnose(LINE, systemClock, () => {}, ending.signal);
  expect(diagnosis.steps.filter((s) => s.state !== 'skipped').map((s) => s.id)).toEqual([]);
});

it('runs one diagnosis at a time', async () => {
  const probes = vi.fn(() => LINE);
  const desk = new DiagnoseDesk(probes, systemClock, () => {});
  const [first, second] = await Promise.all([desk.run(), desk.run()]);
  expect(probes).toHaveBeenCalledTimes(1);
  expect(second).toBe(first);
  expect(desk.last).toEqual(first);
  desk.forget();
  expect(desk.last).toBeUndefined();
});

it.each([
  [undefined, 'warn', undefined],
  [0, 'ok', undefined],
  [59_000, 'ok', undefined],
  [-61_000, 'fail', -61],
  [3_600_000, 'fail', 3600],
])('judges a clock that is %s ms ahead', (offset, state, seconds) => {
  expect(judgeClock(offset)).toMatchObject({ state, ...(seconds === undefined ? {} : { values: { seconds } }) });
});

const PROXY = new HttpProxy('proxy', 3128, 'Basic secret');

it.each([
  [{ routes: ['direct'] }, 'ok', 'proxy_none', undefined],
  [{ routes: ['direct'], spared: 'HTTPS_PROXY' }, 'ok', 'proxy_spared', { variable: 'HTTPS_PROXY' }],
  [{ routes: ['direct'], untold: true }, 'warn', 'proxy_untold', undefined],
  [{ routes: [PROXY], from: 'ALL_PROXY' }, 'ok', 'proxy_variable', { variable: 'ALL_PROXY', proxy: 'proxy:3128' }],
  [{ routes: [PROXY, PROXY, 'direct'], from: SYSTEM }, 'ok', 'proxy_system', { proxy: 'proxy:3128, proxy:3128' }],
] as const)('judges the way %j', (way, state, finding, values) => {
  const verdict = judgeWay(way);
  expect(verdict).toEqual({ state, finding, ...(values === undefined ? {} : { values }) });
  expect(JSON.stringify(verdict)).not.toContain('secret');
});

it.each([
  [{ state: 'up', since: 0, roundTrip: 0.2 }, 'ok', 'tunnel_up'],
  [{ state: 'paused', since: 0 }, 'warn', 'tunnel_paused'],
  [{ state: 'connecting', since: 0 }, 'warn', 'tunnel_connecting'],
  [{ state: 'down', since: 0, failure: failure('credential_unknown') }, 'fail', 'tunnel_down'],
] as const)('judges the link %j', (link, state, finding) => {
  expect(judgeLink(link)).toMatchObject({ state, finding });
});
