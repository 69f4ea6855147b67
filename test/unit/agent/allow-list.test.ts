import { describe, expect, it } from 'vitest';
import { ALLOWED_LIMIT, createAllowList } from '../../../main/agent/allow-list.ts';

const agent = (port: number, host = 'localhost', service = 's1') => ({ service, type: 'agent', host, port }) as const;
const host = (name: string, port: number) => ({ service: 's1', type: 'host', host: name, port }) as const;
const unbound = (port: number) => ({ type: 'agent', host: 'localhost', port }) as const;

describe('the allow list', () => {
  it('allows nothing by itself', () => {
    const list = createAllowList();
    expect(list.isAllowed(agent(3000))).toBe(false);
    expect(list.isAllowed(host('192.168.1.5', 80))).toBe(false);
  });

  it('allows exactly what it names', () => {
    const list = createAllowList([agent(3000), host('nas.local', 8080)]);
    expect(list.isAllowed(agent(3000))).toBe(true);
    expect(list.isAllowed(agent(3001))).toBe(false);
    expect(list.isAllowed(host('localhost', 3000))).toBe(false);
    expect(list.isAllowed(host('nas.local', 8080))).toBe(true);
    expect(list.isAllowed(host('nas.local', 80))).toBe(false);
    expect(list.isAllowed(host('x.nas.local', 8080))).toBe(false);
    expect(list.isAllowed(agent(8080, 'nas.local'))).toBe(false);
  });

  it('keeps what one service may reach from every other one', () => {
    const subnet = { service: 's1', type: 'subnet', host: '10.0.0.1', subnet: '10.0.0.0/8', port: 22 } as const;
    const list = createAllowList([agent(3000), subnet]);
    list.allowForNow(agent(4000, 'localhost', 's2'));
    expect(list.isAllowed(agent(3000, 'localhost', 's2'))).toBe(false);
    expect(list.isAllowed({ ...subnet, service: 's2' })).toBe(false);
    expect(list.isAllowed(agent(4000))).toBe(false);
    expect(list.isAllowed(agent(4000, 'localhost', 's2'))).toBe(true);
    list.forget('s2');
    expect([list.isAllowed(agent(4000, 'localhost', 's2')), list.isAllowed(agent(3000))]).toEqual([false, true]);
  });

  it('takes an edge that names no service to mean any, and no more than that', () => {
    const list = createAllowList([agent(3000)]);
    expect([list.isAllowed(unbound(3000)), list.isAllowed(unbound(3001))]).toEqual([true, false]);
  });

  it('knows one host in every spelling that means the same', () => {
    const list = createAllowList([host('NAS.local.', 8080), host('[fe80::1].', 80)]);
    expect(list.isAllowed(host('nas.LOCAL', 8080))).toBe(true);
    expect(list.isAllowed(host('fe80::1', 80))).toBe(true);
  });

  it('takes no address of one family for a part of a network of the other', () => {
    const subnet = (name: string) => ({ service: 's1', type: 'subnet', host: name, port: 80 }) as const;
    const list = createAllowList([{ ...subnet('::1'), subnet: '::/0' }]);
    expect(list.isAllowed(subnet('2001:db8::1'))).toBe(true);
    expect(list.isAllowed(subnet('169.254.169.254'))).toBe(false);
    expect(list.isAllowed(subnet('::ffff:169.254.169.254'))).toBe(false);
  });

  it('is not tricked by hosts that look like another entry', () => {
    const list = createAllowList([host('a', 80)]);
    expect(list.isAllowed(host('a:80', 80))).toBe(false);
    expect(list.isAllowed(host('', 80))).toBe(false);
    expect(list.isAllowed(host('a', 0))).toBe(false);
    expect(list.isAllowed(host('a', 80.5))).toBe(false);
  });

  it('forgets what was allowed for now with its service', () => {
    const list = createAllowList([agent(1)]);
    list.allowForNow(agent(2, 'localhost', 'expose-1'));
    list.allowForNow(agent(2, 'localhost', 'expose-2'));
    list.forget('expose-1');
    const ask = (port: number, service: string) => list.isAllowed(agent(port, 'localhost', service));
    expect([ask(1, 's1'), ask(2, 'expose-1'), ask(2, 'expose-2')]).toEqual([true, false, true]);
  });

  it('keeps permanent entries only', () => {
    const list = createAllowList();
    list.allow(agent(1));
    list.allowForNow(agent(2));
    expect(list.entries()).toEqual([agent(1)]);
  });

  it('says when something changed, and not when nothing did', () => {
    const list = createAllowList();
    let changes = 0;
    const stop = list.onChange(() => changes++);
    list.allow(agent(1));
    list.allow(agent(1));
    list.revoke(agent(2));
    list.revoke(agent(1, 'localhost', 's2'));
    list.forget('nobody');
    expect(changes).toBe(1);
    list.revoke(agent(1));
    expect(changes).toBe(2);
    stop();
    list.allow(agent(1));
    expect(changes).toBe(2);
  });

  it('is bounded', () => {
    const list = createAllowList(Array.from({ length: ALLOWED_LIMIT + 5 }, (_, i) => host(`h${i}`, 80)));
    expect(list.entries()).toHaveLength(ALLOWED_LIMIT);
    expect(list.allow(agent(1))).toBe(false);
    expect(list.allowForNow(agent(1))).toBe(true);
    expect(list.allow(host('h1', 80))).toBe(true);
    const old = createAllowList(Array.from({ length: ALLOWED_LIMIT }, (_, i) => unbound(i + 1)));
    expect([old.allow(agent(1)), old.entries().length]).toEqual([false, ALLOWED_LIMIT]);
  });
});

describe('the entries of an earlier version', () => {
  it('allow nothing, and are kept, until they are bound', () => {
    const list = createAllowList([unbound(3000), unbound(4000)]);
    expect([list.isAllowed(agent(3000)), list.isAllowed(unbound(3000))]).toEqual([false, false]);
    expect(list.entries()).toEqual([unbound(3000), unbound(4000)]);
  });

  it('go to the services that have them, and are dropped where none has', () => {
    const list = createAllowList([unbound(3000), unbound(4000)]);
    const needed = [agent(3000), agent(3000, 'localhost', 's2'), agent(22)];
    expect(list.bind(() => needed)).toBe(true);
    expect(list.entries()).toEqual([agent(3000), agent(3000, 'localhost', 's2')]);
    expect([list.isAllowed(agent(3000)), list.isAllowed(agent(22))]).toEqual([true, false]);
    expect(list.bind(() => [agent(4000)])).toBe(false);
    expect(list.isAllowed(agent(4000))).toBe(false);
  });
});

describe('a place that is about to be allowed', () => {
  it('is awaited until nobody is about to any more', async () => {
    const list = createAllowList();
    expect(list.awaited(agent(1))).toBeUndefined();
    const ends = [list.expect(agent(1)), list.expect(unbound(1))];
    let over = false;
    const awaited = list.awaited(agent(1))?.then(() => {
      over = true;
    });
    expect(list.awaited(agent(2))).toBeUndefined();
    ends[0]?.();
    ends[0]?.();
    await Promise.resolve();
    expect(over).toBe(false);
    ends[1]?.();
    await awaited;
    expect([over, list.awaited(agent(1)), list.isAllowed(agent(1))]).toEqual([true, undefined, false]);
  });
});
