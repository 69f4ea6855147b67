import { describe, expect, it } from 'vitest';
import type { BoundWatch } from '../../../edge/bounds.ts';
import type { Carrier } from '../../../edge/tunnels/link.ts';
import { LINKS_PER_AGENT, type Seat, TunnelRegistry } from '../../../edge/tunnels/registry.ts';
import { FailureThrottle } from '../../../edge/tunnels/throttle.ts';
import type { StreamHandler } from '../../../shared/node/stream.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { FakeTunnel } from './fake-tunnel.ts';

const handler: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
const open = new Uint8Array(1);

function setUp() {
  const presence: string[] = [];
  const hits: unknown[][] = [];
  const bounds: BoundWatch = { hit: (bound, fields) => hits.push([bound, fields]) };
  const registry = new TunnelRegistry((agent, up) => presence.push(`${agent} ${up ? 'up' : 'down'}`), { bounds });
  const opened = (): number | string => {
    const answer = registry.open('a', open, handler);
    return typeof answer === 'string' ? answer : answer.id;
  };
  const add = (agentId: string, tunnel: Carrier, link?: string, grows?: boolean): Seat => {
    const seat = registry.reserve(agentId, link, grows);
    if (seat === undefined) throw new Error('no place');
    registry.add(seat, tunnel);
    return seat;
  };
  return { presence, registry, opened, add, hits };
}

describe('TunnelRegistry', () => {
  it('has no stream for an agent without a tunnel', () => {
    expect(setUp().opened()).toBe('agent_offline');
  });

  it('prefers the newest tunnel and falls back to older ones', () => {
    const { registry, opened, add } = setUp();
    const [old, young] = [new FakeTunnel(1), new FakeTunnel(2)];
    add('a', old);
    add('a', young);
    expect(opened()).toBe(2);
    expect(registry.roundTrip('a')).toBe(2);
    expect(registry.shortestRoundTrip('a')).toBe(1);
    young.draining = true;
    expect(opened()).toBe(1);
    old.full = 'streams';
    expect(opened()).toBe('busy');
    old.draining = true;
    expect(opened()).toBe('agent_offline');
  });

  it('counts a refusal once, under the bound that was reached', () => {
    const { opened, add, hits } = setUp();
    const [old, young] = [new FakeTunnel(1), new FakeTunnel(2)];
    add('a', old);
    add('a', young);
    young.full = 'memory';
    expect(opened()).toBe(1);
    expect(hits).toEqual([]);
    for (const [full, bound] of [
      ['memory', 'memoryPerTunnel'],
      ['streams', 'streamsPerTunnel'],
      ['resets', 'tunnelResets'],
    ] as const) {
      young.full = full;
      old.full = full;
      expect(opened()).toBe('busy');
      expect(hits.splice(0)).toEqual([[bound, { agentId: 'a' }]]);
    }
  });

  it('reports presence once for the first tunnel and once for the last', () => {
    const { registry, presence, add } = setUp();
    const [one, two] = [new FakeTunnel(1), new FakeTunnel(2)];
    const [first, second] = [add('a', one), add('a', two)];
    registry.remove(first, one);
    registry.remove(first, one);
    expect(registry.isUp('a')).toBe(true);
    registry.remove(second, two);
    registry.remove(second, two);
    expect(presence).toEqual(['a up', 'a down']);
  });

  it('has older tunnels show that they live when a newer one comes', () => {
    const { registry, add } = setUp();
    const [old, young] = [new FakeTunnel(1), new FakeTunnel(2)];
    add('a', old);
    add('a', young);
    expect([old.probed > 0, young.probed]).toEqual([true, 0]);
    expect(registry.count()).toEqual({ links: 2, tunnels: 2, streams: 4 });
  });

  it('asks the oldest tunnel to go when an agent has too many', () => {
    const { add } = setUp();
    const tunnels = Array.from({ length: LINKS_PER_AGENT + 1 }, (_, i) => new FakeTunnel(i));
    for (const tunnel of tunnels) add('a', tunnel);
    expect(tunnels.map((t) => t.told)).toEqual([[GO_AWAY.REPLACED], [], [], [], []]);
  });

  it('cuts the oldest of an agent that piles up tunnels which never end', () => {
    const { add } = setUp();
    const tunnels = Array.from({ length: 2 * LINKS_PER_AGENT + 1 }, (_, i) => new FakeTunnel(i));
    for (const tunnel of tunnels) add('a', tunnel);
    expect(tunnels.filter((t) => t.closed).map((t) => t.name)).toEqual([0]);
  });

  it('tells every agent to move when it drains, late ones too', () => {
    const { registry, add } = setUp();
    const [one, late] = [new FakeTunnel(1), new FakeTunnel(2)];
    add('a', one);
    registry.drain();
    add('b', late);
    expect([one.told, late.told]).toEqual([[GO_AWAY.SHUTDOWN], [GO_AWAY.SHUTDOWN]]);
  });

  it('evicts the tunnels of one agent only', () => {
    const { registry, add } = setUp();
    const [gone, kept] = [new FakeTunnel(1), new FakeTunnel(2)];
    add('a', gone);
    add('b', kept);
    registry.evict('a', GO_AWAY.CREDENTIAL, 'left');
    expect([gone.told, kept.told]).toEqual([[GO_AWAY.CREDENTIAL], []]);
  });
});

describe('FailureThrottle', () => {
  const limits = { burst: 3, forgiveAfter: 1000, sources: 2 };

  it('holds a source off after its burst and forgives with time', () => {
    let now = 0;
    const throttle = new FailureThrottle(() => now, limits);
    for (let i = 0; i < 3; i++) {
      expect(throttle.allows('a')).toBe(true);
      throttle.failed('a');
    }
    expect(throttle.allows('a')).toBe(false);
    expect(throttle.allows('b')).toBe(true);
    now = 999;
    expect(throttle.allows('a')).toBe(false);
    now = 1000;
    expect(throttle.allows('a')).toBe(true);
  });

  it('forgets the source that failed longest ago when there are too many', () => {
    const throttle = new FailureThrottle(() => 0, limits);
    for (const source of ['a', 'a', 'a', 'b', 'c']) throttle.failed(source);
    expect(throttle.allows('a')).toBe(true);
  });
});
