import { describe, expect, it } from 'vitest';
import { retryDelay } from '../../../renderer/transport/backoff.ts';
import type { Connection } from '../../../renderer/transport/transport.ts';
import { createWebClient, type SocketEvents, type WebEnvironment } from '../../../renderer/transport/web-client.ts';
import { CLOSE } from '../../../shared/contract/frames.ts';

/** A page whose sockets and timers the test moves by hand. */
function page(overrides: Partial<WebEnvironment> = {}) {
  const dialled: { readonly events: SocketEvents; readonly sent: unknown[] }[] = [];
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  let key: string | undefined = 'k1';
  const env: WebEnvironment = {
    readKey: () => key,
    forgetKey: () => {
      key = undefined;
    },
    probe: async () => 'unreachable',
    dial(events) {
      const sent: unknown[] = [];
      dialled.push({ events, sent });
      return { send: (text) => void sent.push(JSON.parse(text)) };
    },
    after: (ms, run) => void timers.push({ ms, run }),
    random: () => 1,
    writeClipboard: async () => undefined,
    openWindow: () => undefined,
    ...overrides,
  };
  const client = createWebClient(env);
  const seen: Connection[] = [];
  client.onConnection((connection) => seen.push(connection));
  const socket = (index: number) => {
    const found = dialled[index];
    if (found === undefined) throw new Error(`socket ${index} was not dialled`);
    return found;
  };
  const greet = (index: number, revision = 1): void => {
    socket(index).events.opened();
    socket(index).events.received(JSON.stringify({ event: 'state', value: { revision } }));
  };
  return { client, seen, dialled, timers, socket, greet, hasKey: () => key !== undefined };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the web client', () => {
  it('sends the key and its subscriptions first, and is open once main has answered', () => {
    const { seen, socket, greet } = page();
    expect(seen).toEqual(['connecting']);
    greet(0);
    expect(socket(0).sent).toEqual([{ key: 'k1', subscribe: ['state', 'log', 'notice', 'inspector'] }]);
    expect(seen).toEqual(['connecting', 'open']);
  });

  it('pairs replies with calls by id, whatever their order', async () => {
    const { client, socket, greet } = page();
    greet(0);
    const first = client.call('services:remove', { id: 'a' });
    const second = client.call('services:remove', { id: 'b' });
    expect(socket(0).sent.slice(1)).toEqual([
      { id: 1, channel: 'services:remove', input: { id: 'a' } },
      { id: 2, channel: 'services:remove', input: { id: 'b' } },
    ]);
    const refusal = { ok: false, error: { code: 'internal', message: 'no' } };
    socket(0).events.received(JSON.stringify({ id: 2, reply: refusal }));
    socket(0).events.received(JSON.stringify({ id: 1, reply: { ok: true, value: null } }));
    expect(await first).toEqual({ ok: true, value: null });
    expect(await second).toEqual(refusal);
  });

  it('hands events to those who listen, until they stop', () => {
    const { client, greet } = page();
    const revisions: number[] = [];
    const stop = client.on('state', (state) => revisions.push(state.revision));
    greet(0, 4);
    stop();
    greet(0, 5);
    expect(revisions).toEqual([4]);
  });

  it('fails calls with offline before the connection is open, and sends nothing later', async () => {
    const { client, socket, greet } = page();
    const reply = await client.call('services:remove', { id: 'a' });
    expect(reply).toMatchObject({ ok: false, error: { code: 'offline' } });
    greet(0);
    expect(socket(0).sent).toHaveLength(1);
  });

  it('fails calls under way with offline when the socket closes, and never repeats them', async () => {
    const { client, seen, socket, timers, greet } = page();
    greet(0);
    const call = client.call('services:remove', { id: 'a' });
    socket(0).events.closed(1006);
    expect(await call).toMatchObject({ ok: false, error: { code: 'offline' } });
    await settled();
    timers[0]?.run();
    greet(1);
    expect(socket(1).sent).toEqual([{ key: 'k1', subscribe: ['state', 'log', 'notice', 'inspector'] }]);
    expect(seen).toEqual(['connecting', 'open', 'lost', 'open']);
  });

  it('waits longer after each failed try, and starts over once main has answered', async () => {
    const { socket, timers, greet } = page();
    for (let i = 0; i < 3; i++) {
      socket(i).events.closed(1006);
      await settled();
      timers[i]?.run();
    }
    greet(3);
    socket(3).events.closed(1006);
    await settled();
    expect(timers.map(({ ms }) => Math.round(ms))).toEqual([300, 510, 867, 300]);
  });

  it('gives up and forgets the key when main does not know it', async () => {
    const { seen, socket, timers, hasKey } = page();
    socket(0).events.opened();
    socket(0).events.closed(CLOSE.keyUnknown);
    await settled();
    expect(seen).toEqual(['connecting', 'refused']);
    expect(timers).toEqual([]);
    expect(hasKey()).toBe(false);
  });

  it('gives up when the upgrade fails because the page itself is not served any more', async () => {
    const { seen, socket, timers } = page({ probe: async () => 'refused' });
    socket(0).events.closed(1006);
    await settled();
    expect(seen.at(-1)).toBe('refused');
    expect(timers).toEqual([]);
  });

  it('is refused at once without a key', () => {
    const { seen, dialled } = page({ readKey: () => undefined });
    expect(seen).toEqual(['refused']);
    expect(dialled).toEqual([]);
  });

  it('refuses calls beyond its bound instead of piling them up', async () => {
    const { client, socket, greet } = page();
    greet(0);
    for (let i = 0; i < 256; i++) void client.call('services:remove', { id: String(i) });
    expect(await client.call('services:remove', { id: 'one more' })).toMatchObject({ ok: false });
    expect(socket(0).sent).toHaveLength(257);
  });

  it('asks main for the clipboard when the page may not use its own', async () => {
    const { client, socket, greet } = page({ writeClipboard: () => Promise.reject(new Error('not allowed')) });
    greet(0);
    const copied = client.copy('https://app.localhost/');
    await settled();
    expect(socket(0).sent.at(-1)).toEqual({
      id: 1,
      channel: 'clipboard:write',
      input: { text: 'https://app.localhost/' },
    });
    socket(0).events.received(JSON.stringify({ id: 1, reply: { ok: true, value: null } }));
    expect(await copied).toBe(true);
  });
});

describe('the delay before a retry', () => {
  it('grows to five seconds, half of it jitter', () => {
    expect(retryDelay(0, () => 0)).toBe(150);
    expect(retryDelay(0, () => 1)).toBe(300);
    expect(retryDelay(1000, () => 1)).toBe(5000);
    expect(retryDelay(1000, () => 0)).toBe(2500);
  });
});
