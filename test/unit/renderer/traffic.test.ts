import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sparkPath } from '../../../renderer/services/live-traffic.tsx';
import { createTraffic, PRESENCE, SECONDS, type Traffic } from '../../../renderer/state/traffic.ts';
import type { Connection, Transport } from '../../../renderer/transport/transport.ts';
import type { LogBatch, LogPage } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';

const START = Date.UTC(2026, 5, 1);
let count = 0;
const line = (more: Partial<AccessRecord> = {}): AccessRecord => ({
  id: `r${++count}`,
  time: Date.now(),
  kind: 'request',
  nodeId: 'n',
  serviceId: 'shop',
  protocol: 'http/1.1',
  secure: true,
  method: 'GET',
  host: 'shop.localhost',
  path: '/',
  status: 200,
  duration: 0,
  bytesUp: 0,
  bytesDown: 0,
  address: '203.0.113.7',
  ...more,
});

beforeEach(() => void vi.useFakeTimers({ now: START }));
afterEach(() => void vi.useRealTimers());

/** A main that answers a look back with `past` when it is told to, and pushes lines. */
function main(past: readonly AccessRecord[] = []) {
  let push: (batch: LogBatch) => void = () => undefined;
  let become: (connection: Connection) => void = () => undefined;
  const answers: (() => void)[] = [];
  // What goes on needs three of the transport's members.
  const transport = {
    onConnection: (listener: (connection: Connection) => void) => {
      become = listener;
      listener('open');
      return () => undefined;
    },
    on: (_: string, listener: (batch: LogBatch) => void) => {
      push = listener;
      return () => undefined;
    },
    call: () =>
      new Promise((resolve) => {
        const value: LogPage = { records: [...past] };
        answers.push(() => resolve({ ok: true, value }));
      }),
  } as unknown as Transport;
  const { store, stop } = createTraffic(transport);
  return {
    stop,
    store,
    of: (id = 'shop'): Traffic | undefined => store.getState().get(id),
    push: (...records: AccessRecord[]) => push({ type: 'records', records, dropped: 0 }),
    become: (connection: Connection) => become(connection),
    async answer() {
      answers.shift()?.();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

describe('what goes on at a service', () => {
  it('is the requests of each second and who is there, and fades', async () => {
    const { push, of, answer, store } = main();
    await answer();
    push(line(), line(), line({ address: '203.0.113.8' }), line({ serviceId: 'blog' }));
    expect(of()?.rates.at(-1)).toBe(3);
    expect([of()?.visitors, of('blog')?.visitors]).toEqual([2, 1]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(of()?.rates.at(-11)).toBe(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(of()?.rates.every((rate) => rate === 0)).toBe(true);
    expect(of()?.visitors).toBe(2);
    await vi.advanceTimersByTimeAsync(PRESENCE);
    expect(store.getState().size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts who holds a connection open for as long as it is open', async () => {
    const { push, of, answer } = main();
    await answer();
    push(line({ id: 'ws', kind: 'open' }));
    await vi.advanceTimersByTimeAsync(PRESENCE * 2);
    expect(of()?.visitors).toBe(1);
    push(line({ id: 'ws', kind: 'close', time: START, duration: PRESENCE * 2 }));
    await vi.advanceTimersByTimeAsync(PRESENCE + 10_000);
    expect(of()).toBeUndefined();
  });

  it('begins with the last 5 minutes, and counts a line that comes both ways once', async () => {
    const both = line();
    const { push, of, answer } = main([both, line({ time: START - 2000, address: '203.0.113.8' })]);
    push(both);
    await answer();
    expect(of()?.rates.slice(-3)).toEqual([1, 0, 1]);
    expect(of()?.visitors).toBe(2);
  });

  it('starts over when the connection was away', async () => {
    const { push, of, answer, become } = main();
    await answer();
    push(line());
    become('lost');
    become('open');
    await answer();
    expect(of()).toBeUndefined();
  });

  it('remembers a bounded number of addresses', async () => {
    const { push, of, answer } = main();
    await answer();
    push(...Array.from({ length: 3000 }, (_, i) => line({ address: `10.0.${i >> 8}.${i & 255}` })));
    await vi.advanceTimersByTimeAsync(1000);
    expect(of()?.visitors).toBe(1000);
  });

  it('is drawn from left to right, the busiest second highest', () => {
    expect(sparkPath([0, 2, 1])).toBe('M0 15.0L1 1.0L2 8.0');
    expect(sparkPath(new Array<number>(SECONDS).fill(0)).split('L')).toHaveLength(SECONDS);
  });
});
