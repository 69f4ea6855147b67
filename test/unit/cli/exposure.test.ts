import { expect, it, vi } from 'vitest';
import { holdExposure } from '../../../main/cli/exposure.ts';
import type { Session } from '../../../main/cli/session.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Reply = { readonly ok: true; readonly value: null } | { readonly ok: false; readonly error: Failure };
const OK: Reply = { ok: true, value: null };
const refused = (code: Parameters<typeof failure>[0]): Reply => ({ ok: false, error: failure(code) });

function hold(lifetime?: number) {
  const clock = new ManualClock();
  const user = new AbortController();
  const gone = Promise.withResolvers<void>();
  const listeners = new Set<(state: AgentState) => void>();
  let renewal: Reply = OK;
  let removal: Promise<Reply> = Promise.resolve(OK);
  const calls: string[] = [];
  const call = vi.fn(async (channel: string) => {
    calls.push(channel);
    return channel === 'services:renew' ? renewal : removal;
  });
  const session = {
    call,
    on(_: string, listener: (state: AgentState) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    closed: gone.promise,
    own: undefined,
  } as unknown as Session;
  const holder = holdExposure({ session, service: { id: 'e1' }, clock, signal: user.signal, lifetime });
  /** Lets time pass, second by second, with what follows from each. */
  const pass = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds; n++) {
      clock.advance(1_000);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  };
  return {
    clock,
    calls,
    holder,
    listeners,
    pass,
    stop: () => user.abort(),
    leave: () => gone.resolve(),
    show: (ids: string[], link = 'up') => {
      const state = { services: ids.map((id) => ({ id })), servicesKnown: true, edge: { link: { state: link } } };
      for (const listener of listeners) listener(state as unknown as AgentState);
    },
    setRenewal: (reply: Reply) => {
      renewal = reply;
    },
    setRemoval: (reply: Promise<Reply>) => {
      removal = reply;
    },
  };
}

it('renews every 30 seconds and removes when its user stops it', async () => {
  const { calls, holder, pass, stop, clock, listeners } = hold();
  await pass(95);
  expect(calls).toEqual(['services:renew', 'services:renew', 'services:renew']);
  stop();
  const end = await holder.ended;
  expect(end.failure).toBeUndefined();
  expect(end.words('x.localhost')).toBe('x.localhost is no longer public.');
  expect(calls.at(-1)).toBe('services:remove');
  expect(clock.timers).toBe(0);
  expect(listeners.size).toBe(0);
});

it('tries a failed renewal again and goes on when one works', async () => {
  const { calls, holder, pass, setRenewal } = hold();
  setRenewal(refused('offline'));
  await pass(60);
  const tries = calls.length;
  expect(tries).toBeGreaterThan(5);
  setRenewal(OK);
  await pass(40);
  setRenewal(refused('offline'));
  await pass(60);
  expect(holder.ending.aborted).toBe(false);
});

it('gives up when 90 seconds have passed without a renewal', async () => {
  const { calls, holder, pass, setRenewal } = hold();
  setRenewal(refused('offline'));
  await pass(89);
  expect(holder.ending.aborted).toBe(false);
  await pass(4);
  const end = await holder.ended;
  expect(end.failure?.code).toBe('offline');
  expect(calls).not.toContain('services:remove');
});

it('does not count the time that the machine slept', async () => {
  const { holder, pass, setRenewal, clock } = hold();
  setRenewal(refused('offline'));
  await pass(40);
  clock.stall(3_600_000);
  await pass(80);
  expect(holder.ending.aborted).toBe(false);
  await pass(14);
  expect((await holder.ended).failure?.code).toBe('offline');
});

it.each(['exposure_expired', 'service_not_found', 'credential_unknown'] as const)(
  'ends at once on %s',
  async (code) => {
    const { holder, pass, setRenewal } = hold();
    setRenewal(refused(code));
    await pass(30);
    expect((await holder.ended).failure?.code).toBe(code);
  },
);

it('ends when its time is up', async () => {
  const { holder, pass, calls } = hold(10_000);
  await pass(10);
  const end = await holder.ended;
  expect(end.failure).toBeUndefined();
  expect(end.words('x')).toContain('The time is up');
  expect(calls).toEqual(['services:remove']);
});

it('ends when the app that carries it goes away', async () => {
  const { holder, leave, calls } = hold();
  leave();
  expect((await holder.ended).failure?.code).toBe('app_not_running');
  expect(calls).toEqual([]);
});

it('ends when somebody removes it, but not when the edge is only away', async () => {
  const { holder, show } = hold();
  show([]);
  show(['e1', 'other']);
  show([], 'down');
  expect(holder.ending.aborted).toBe(false);
  show(['other']);
  expect((await holder.ended).failure?.code).toBe('exposure_expired');
});

it('says that it may stay for a while when the edge does not answer the goodbye', async () => {
  const { holder, pass, stop, setRemoval } = hold();
  setRemoval(new Promise(() => {}));
  stop();
  await pass(6);
  const end = await holder.ended;
  expect(end.failure?.code).toBe('offline');
  expect(end.words('x')).toContain('expires by itself');
});
