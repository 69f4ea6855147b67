import { describe, expect, it } from 'vitest';
import { type RegisteredTunnel, TUNNELS_PER_AGENT, TunnelRegistry } from '../../../edge/tunnels/registry.ts';
import { FailureThrottle } from '../../../edge/tunnels/throttle.ts';
import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import { GO_AWAY, type GoAwayCode } from '../../../shared/wire/codes.ts';

const handler: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
const open = new Uint8Array(1);

class FakeTunnel implements RegisteredTunnel {
  readonly name: number;
  readonly told: GoAwayCode[] = [];
  draining = false;
  full = false;
  closed = false;
  probed = 0;
  readonly stats = { bytesIn: 0, bytesOut: 0, streams: 2, queued: 0 };
  roundTrip: number;
  readonly shortestRoundTrip = 1;

  constructor(name: number) {
    this.name = name;
    this.roundTrip = name;
  }

  open(): TunnelStream | undefined {
    if (this.full || this.draining) return undefined;
    return {
      id: this.name,
      writable: true,
      write() {},
      writeLatin1() {},
      end() {},
      reset() {},
      consumed() {},
    };
  }

  probe(timeout: number): void {
    this.probed = timeout;
  }

  goAway(code: GoAwayCode): void {
    this.draining = true;
    this.told.push(code);
  }

  close(code: GoAwayCode): void {
    this.closed = true;
    this.told.push(code);
  }
}

function setUp() {
  const presence: string[] = [];
  const registry = new TunnelRegistry((agent, up) => presence.push(`${agent} ${up ? 'up' : 'down'}`));
  const opened = (): number | string => {
    const answer = registry.open('a', open, handler);
    return typeof answer === 'string' ? answer : answer.id;
  };
  return { presence, registry, opened };
}

describe('TunnelRegistry', () => {
  it('has no stream for an agent without a tunnel', () => {
    expect(setUp().opened()).toBe('agent_offline');
  });

  it('prefers the newest tunnel and falls back to older ones', () => {
    const { registry, opened } = setUp();
    const [old, young] = [new FakeTunnel(1), new FakeTunnel(2)];
    registry.add('a', old);
    registry.add('a', young);
    expect(opened()).toBe(2);
    expect(registry.roundTrip('a')).toBe(2);
    expect(registry.shortestRoundTrip('a')).toBe(1);
    young.draining = true;
    expect(opened()).toBe(1);
    old.full = true;
    expect(opened()).toBe('busy');
    old.draining = true;
    expect(opened()).toBe('agent_offline');
  });

  it('reports presence once for the first tunnel and once for the last', () => {
    const { registry, presence } = setUp();
    const [one, two] = [new FakeTunnel(1), new FakeTunnel(2)];
    registry.add('a', one);
    registry.add('a', two);
    registry.remove('a', one);
    registry.remove('a', one);
    expect(registry.isUp('a')).toBe(true);
    registry.remove('a', two);
    registry.remove('a', two);
    expect(presence).toEqual(['a up', 'a down']);
  });

  it('has older tunnels show that they live when a newer one comes', () => {
    const { registry } = setUp();
    const [old, young] = [new FakeTunnel(1), new FakeTunnel(2)];
    registry.add('a', old);
    registry.add('a', young);
    expect([old.probed > 0, young.probed]).toEqual([true, 0]);
    expect(registry.count()).toEqual({ tunnels: 2, streams: 4 });
  });

  it('asks the oldest tunnel to go when an agent has too many', () => {
    const { registry } = setUp();
    const tunnels = Array.from({ length: TUNNELS_PER_AGENT + 1 }, (_, i) => new FakeTunnel(i));
    for (const tunnel of tunnels) registry.add('a', tunnel);
    expect(tunnels.map((t) => t.told)).toEqual([[GO_AWAY.REPLACED], [], [], [], []]);
  });

  it('cuts the oldest of an agent that piles up tunnels which never end', () => {
    const { registry } = setUp();
    const tunnels = Array.from({ length: 2 * TUNNELS_PER_AGENT + 1 }, (_, i) => new FakeTunnel(i));
    for (const tunnel of tunnels) registry.add('a', tunnel);
    expect(tunnels.filter((t) => t.closed).map((t) => t.name)).toEqual([0]);
  });

  it('tells every agent to move when it drains, late ones too', () => {
    const { registry } = setUp();
    const [one, late] = [new FakeTunnel(1), new FakeTunnel(2)];
    registry.add('a', one);
    registry.drain();
    registry.add('b', late);
    expect([one.told, late.told]).toEqual([[GO_AWAY.SHUTDOWN], [GO_AWAY.SHUTDOWN]]);
  });

  it('evicts the tunnels of one agent only', () => {
    const { registry } = setUp();
    const [gone, kept] = [new FakeTunnel(1), new FakeTunnel(2)];
    registry.add('a', gone);
    registry.add('b', kept);
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
