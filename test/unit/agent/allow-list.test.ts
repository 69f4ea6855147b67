import { describe, expect, it } from 'vitest';
import { ALLOWED_LIMIT, createAllowList } from '../../../main/agent/allow-list.ts';

const agent = (port: number, host = 'localhost') => ({ type: 'agent', host, port }) as const;
const host = (name: string, port: number) => ({ type: 'host', host: name, port }) as const;

describe('the allow list', () => {
  it('allows nothing that no entry names', () => {
    const list = createAllowList();
    expect(list.isAllowed(agent(3000))).toBe(false);
    expect(list.isAllowed(host('192.168.1.5', 80))).toBe(false);
  });

  it('allows exactly the host, port and type of an entry', () => {
    const list = createAllowList([agent(3000), host('nas.local', 8080)]);
    expect(list.isAllowed(agent(3000))).toBe(true);
    expect(list.isAllowed(agent(3001))).toBe(false);
    expect(list.isAllowed(host('localhost', 3000))).toBe(false);
    expect(list.isAllowed(host('nas.local', 8080))).toBe(true);
    expect(list.isAllowed(host('nas.local', 80))).toBe(false);
    expect(list.isAllowed(host('x.nas.local', 8080))).toBe(false);
    expect(list.isAllowed(agent(8080, 'nas.local'))).toBe(false);
  });

  it('knows a host by any spelling of the same name', () => {
    const list = createAllowList([host('NAS.local.', 8080), host('[fe80::1].', 80)]);
    expect(list.isAllowed(host('nas.LOCAL', 8080))).toBe(true);
    expect(list.isAllowed(host('fe80::1', 80))).toBe(true);
  });

  it('holds an IPv6 network for IPv6 only', () => {
    const subnet = (host: string) => ({ type: 'subnet', host, port: 80 }) as const;
    const list = createAllowList([{ ...subnet('::1'), subnet: '::/0' }]);
    expect(list.isAllowed(subnet('2001:db8::1'))).toBe(true);
    expect(list.isAllowed(subnet('169.254.169.254'))).toBe(false);
    expect(list.isAllowed(subnet('::ffff:169.254.169.254'))).toBe(false);
  });

  it('cannot be talked into another entry by a host that looks like one', () => {
    const list = createAllowList([host('a', 80)]);
    expect(list.isAllowed(host('a:80', 80))).toBe(false);
    expect(list.isAllowed(host('', 80))).toBe(false);
    expect(list.isAllowed({ type: 'host', host: 'a', port: 0 })).toBe(false);
    expect(list.isAllowed({ type: 'host', host: 'a', port: 80.5 })).toBe(false);
  });

  it('drops what was allowed for an owner when the owner goes, and only that', () => {
    const list = createAllowList([agent(1)]);
    list.allowFor('expose-1', agent(1));
    list.allowFor('expose-1', agent(2));
    list.allowFor('expose-2', agent(2));
    list.release('expose-1');
    expect([1, 2].map((port) => list.isAllowed(agent(port)))).toEqual([true, true]);
    list.release('expose-2');
    expect([1, 2].map((port) => list.isAllowed(agent(port)))).toEqual([true, false]);
  });

  it('keeps temporary entries out of what is to be stored', () => {
    const list = createAllowList();
    list.allow(agent(1));
    list.allowFor('expose', agent(2));
    expect(list.entries()).toEqual([agent(1)]);
  });

  it('tells of changes only', () => {
    const list = createAllowList();
    let told = 0;
    const stop = list.onChange(() => told++);
    list.allow(agent(1));
    list.allow(agent(1));
    list.revoke(agent(2));
    list.release('nobody');
    expect(told).toBe(1);
    list.revoke(agent(1));
    expect(told).toBe(2);
    stop();
    list.allow(agent(1));
    expect(told).toBe(2);
  });

  it('refuses entries past its bound', () => {
    const list = createAllowList(Array.from({ length: ALLOWED_LIMIT + 5 }, (_, i) => host(`h${i}`, 80)));
    expect(list.entries()).toHaveLength(ALLOWED_LIMIT);
    expect(list.allow(agent(1))).toBe(false);
    expect(list.allowFor('expose', agent(1))).toBe(true);
  });
});
