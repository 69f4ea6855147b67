import { expect, it, vi } from 'vitest';
import { createDispatch } from '../../../main/app/dispatch.ts';
import type { Handlers } from '../../../main/app/handlers/context.ts';
import { CHANNELS, type Channel } from '../../../shared/contract/ipc.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import { silentLogger } from '../../../shared/node/logger.ts';

/** Dispatch over handlers of which only those given do anything. */
function dispatchOf(given: Partial<Record<Channel, (input: never) => Promise<unknown>>>) {
  const error = vi.fn();
  const idle = Object.fromEntries(CHANNELS.map((channel) => [channel, async () => ok(null)]));
  const dispatch = createDispatch({ ...idle, ...given } as unknown as Handlers<Channel>, { ...silentLogger, error });
  return { dispatch, error };
}

it('hands parsed input to the handler and its outcome back', async () => {
  const remove = vi.fn(async () => ok(null));
  const { dispatch } = dispatchOf({
    'services:remove': remove,
    'services:rename': async () => err(failure('service_not_found', { service: 'x' })),
  });
  expect(await dispatch('services:remove', { id: 'a' })).toEqual({ ok: true, value: null });
  expect(remove).toHaveBeenCalledWith({ id: 'a' });
  expect(await dispatch('services:rename', { id: 'a', name: 'b' })).toMatchObject({
    ok: false,
    error: { code: 'service_not_found' },
  });
});

it.each(['', 'nope', '__proto__', 'constructor', 'toString', 'x'.repeat(10_000)])(
  'refuses the channel %.20s',
  async (channel) => {
    const reply = await dispatchOf({}).dispatch(channel, undefined);
    expect(reply).toMatchObject({ ok: false, error: { code: 'channel_unknown' } });
    expect(JSON.stringify(reply).length).toBeLessThan(300);
  },
);

it.each([
  ['services:remove', undefined, undefined],
  ['services:remove', null, undefined],
  ['services:remove', { id: 5 }, 'id'],
  ['services:remove', { id: 'a', extra: 1 }, undefined],
  ['services:remove', { id: 'a'.repeat(65) }, 'id'],
  ['services:publish', { port: 3.5 }, 'port'],
  ['services:publish', { port: '3000' }, 'port'],
  ['log:query', { limit: 0 }, 'limit'],
  ['state:get', {}, undefined],
])('refuses %s with %j', async (channel, input, field) => {
  const reply = await dispatchOf({}).dispatch(channel, input);
  expect(reply).toMatchObject({ ok: false, error: { code: 'input_invalid' } });
  if (!reply.ok) expect(reply.error.field).toBe(field);
});

it('answers a bug with "internal", keeps the details for the log, and never rejects', async () => {
  const bug = new Error('secret path /nowhere/x');
  const { dispatch, error } = dispatchOf({
    'state:get': async () => {
      throw bug;
    },
    'app:quit': () => {
      throw bug;
    },
  });
  for (const channel of ['state:get', 'app:quit']) {
    const reply = await dispatch(channel, undefined);
    expect(reply).toEqual({ ok: false, error: failure('internal') });
    expect(JSON.stringify(reply)).not.toContain('secret');
  }
  expect(error).toHaveBeenCalledWith('A call failed.', { channel: 'state:get', error: bug });
});
