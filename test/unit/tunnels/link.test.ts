import { describe, expect, it } from 'vitest';
import { Link } from '../../../edge/tunnels/link.ts';
import { TunnelRegistry } from '../../../edge/tunnels/registry.ts';
import type { StreamHandler } from '../../../shared/node/stream.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeTunnel, fakeStream } from './fake-tunnel.ts';

const handler: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
const open = new Uint8Array(1);
const limits = { carriers: 4, streams: 100, memory: 1024 };

function setUp(carriers: number) {
  const clock = new ManualClock();
  const link = new Link('link', { limits, clock });
  const tunnels = Array.from({ length: carriers }, (_, i) => new FakeTunnel(i));
  const add = (tunnel: FakeTunnel): void => {
    link.promise(false);
    link.add(tunnel);
  };
  for (const tunnel of tunnels) add(tunnel);
  const opened = (): number | string => {
    const answer = link.open(open, handler);
    return typeof answer === 'string' ? answer : answer.id;
  };
  return { clock, link, tunnels, add, opened };
}

const bulk = (count: number) => Array.from({ length: count }, (_, i) => fakeStream(i));
const spread = (tunnels: readonly FakeTunnel[]) => tunnels.map((t) => t.bulk.length).sort();

describe('a link at the edge', () => {
  it('opens streams where no bulk is, and there where least is open', () => {
    const { tunnels, opened } = setUp(3);
    const [a, b, c] = tunnels;
    if (a === undefined || b === undefined || c === undefined) throw new Error('no tunnels');
    a.stats.streams = 1;
    a.bulk = bulk(1);
    b.stats.streams = 9;
    c.stats.streams = 5;
    expect(opened()).toBe(2);
    c.full = 'memory';
    expect(opened()).toBe(1);
    b.draining = true;
    expect(opened()).toBe(0);
  });

  it('opens streams on a carrier in doubt only where there is no other', () => {
    const { tunnels, opened } = setUp(2);
    const [a, b] = tunnels;
    if (a === undefined || b === undefined) throw new Error('no tunnels');
    b.stats.streams = 0;
    b.doubtful = true;
    expect(opened()).toBe(0);
    a.draining = true;
    expect(opened()).toBe(1);
  });

  it('has no stream beyond the bound of the whole link', () => {
    const { tunnels, opened } = setUp(2);
    for (const tunnel of tunnels) tunnel.stats.streams = 50;
    expect(opened()).toBe('streams');
  });

  it('spreads bulk over the carriers as they come, and keeps one clear of it', () => {
    const { tunnels, add } = setUp(1);
    const [first] = tunnels;
    if (first === undefined) throw new Error('no tunnel');
    first.bulk = bulk(8);
    const more = [new FakeTunnel(1), new FakeTunnel(2), new FakeTunnel(3)];
    const all = [first, ...more];
    for (const [i, wanted] of [
      [0, 8],
      [0, 0, 4, 4],
      [0, 2, 3, 3],
    ].entries()) {
      const tunnel = more[i];
      if (tunnel === undefined) throw new Error('no tunnel');
      add(tunnel);
      expect(spread(all).filter((n, at) => n > 0 || at === 0)).toEqual(wanted.filter((n, at) => n > 0 || at === 0));
    }
  });

  it('moves all that is on a carrier which its agent gives up, as soon as there is another', () => {
    const { link, tunnels, add, clock } = setUp(1);
    const [old] = tunnels;
    if (old === undefined) throw new Error('no tunnel');
    old.small = 3;
    old.bulk = bulk(2);
    old.draining = true;
    link.leave(old);
    expect(old.small).toBe(3);
    const next = new FakeTunnel(1);
    add(next);
    expect([old.small, next.small, next.bulk.length]).toEqual([0, 3, 2]);
    // One that could not move yet (its dial was not over) follows later.
    old.small = 1;
    clock.advance(250);
    expect([old.small, next.small]).toEqual([0, 4]);
    link.remove(old);
    expect(link.carriers).toEqual([next]);
  });

  it('refuses to grow beyond its bound, promised carriers counted, but lets newer ones take the place of old ones', () => {
    const { link, tunnels, add } = setUp(3);
    expect(link.promise(true)).toBe(3);
    expect(link.promise(true)).toBeUndefined();
    link.giveUp();
    add(new FakeTunnel(3));
    add(new FakeTunnel(4));
    expect(tunnels.map((t) => t.told)).toEqual([[GO_AWAY.REPLACED], [], []]);
    for (let i = 5; i < 9; i++) add(new FakeTunnel(i));
    expect(tunnels.map((t) => t.closed)).toEqual([true, false, false]);
  });

  it('never uses a carrier number twice', () => {
    const { link } = setUp(0);
    const numbers = [link.promise(true), link.promise(false)];
    link.giveUp();
    link.giveUp();
    expect([...numbers, link.promise(true)]).toEqual([0, 1, 2]);
  });
});

describe('links in the registry', () => {
  function registry() {
    const presence: string[] = [];
    const tunnels = new TunnelRegistry((agent, up) => presence.push(`${agent} ${up ? 'up' : 'down'}`), { limits });
    const join = (agentId: string, link: string | undefined, tunnel: FakeTunnel, grows = false) => {
      const seat = tunnels.reserve(agentId, link, grows);
      if (seat !== undefined) tunnels.add(seat, tunnel);
      return seat;
    };
    return { presence, tunnels, join };
  }

  it('gathers the carriers of one link, and is up as long as one of them is', () => {
    const { presence, tunnels, join } = registry();
    const [a, b] = [new FakeTunnel(1), new FakeTunnel(2)];
    const first = join('a', 'link', a);
    const second = join('a', 'link', b, true);
    expect([first?.carrier, second?.carrier, first?.link === second?.link]).toEqual([0, 1, true]);
    expect(tunnels.count()).toEqual({ links: 1, tunnels: 2, streams: 4 });
    expect(a.probed).toBe(0);
    if (first === undefined || second === undefined) throw new Error('no seats');
    tunnels.remove(first, a);
    expect(tunnels.isUp('a')).toBe(true);
    tunnels.remove(second, b);
    expect(presence).toEqual(['a up', 'a down']);
  });

  it('finds the link of two first handshakes that cross', () => {
    const { tunnels } = registry();
    const [one, two] = [tunnels.reserve('a', 'link'), tunnels.reserve('a', 'link')];
    expect(one?.link).toBe(two?.link);
    if (one === undefined || two === undefined) throw new Error('no seats');
    tunnels.giveUp(one);
    tunnels.giveUp(two);
    expect(tunnels.reserve('a', 'link')?.link).not.toBe(one.link);
  });

  it('keeps the links of two agents apart, whatever they call them', () => {
    const { tunnels, join } = registry();
    const mine = join('a', 'same name', new FakeTunnel(1));
    const theirs = join('b', 'same name', new FakeTunnel(2), true);
    expect(mine?.link).not.toBe(theirs?.link);
    expect(tunnels.open('a', open, handler)).toMatchObject({ id: 1 });
  });

  it('keeps no more than its bound of links, however many names an agent makes up', () => {
    const { tunnels, join } = registry();
    const all = Array.from({ length: 10_000 }, (_, i) => new FakeTunnel(i));
    const open = new Map<FakeTunnel, Parameters<typeof tunnels.remove>[0]>();
    for (const [i, tunnel] of all.entries()) {
      const seat = join('a', `link ${i}`, tunnel);
      if (seat !== undefined) open.set(tunnel, seat);
      for (const [other, place] of open) {
        if (!other.closed) continue;
        tunnels.remove(place, other);
        open.delete(other);
      }
    }
    expect(tunnels.count().links).toBeLessThanOrEqual(8);
    expect(all.filter((t) => !t.closed && !t.draining)).toHaveLength(4);
  });

  it('asks after the others when a carrier comes in their place', () => {
    const { join } = registry();
    const [a, b] = [new FakeTunnel(1), new FakeTunnel(2)];
    join('a', 'link', a);
    join('a', 'link', b);
    expect([a.probed > 0, b.probed]).toEqual([true, 0]);
  });
});
