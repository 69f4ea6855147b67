import { describe, expect, it } from 'vitest';
import type { EdgeAddress } from '../../../main/agent/edge-address.ts';
import type { LinkPlace, LinkTunnel, LinkTunnelEvents } from '../../../main/agent/edge-link.ts';
import { createEdgeLinks } from '../../../main/agent/edge-links.ts';
import { isLocalAddress, nodeAddress } from '../../../main/agent/node-address.ts';
import type { Failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeTunnel, refused, settled } from './link-bench.ts';

const home: EdgeAddress = { host: 'a.test', port: 443, domain: 'cluster.test' };
const nodes = ['a', 'b', 'c'].map((id) => ({ id, address: `${id}.test:443` }));

interface Dial {
  readonly address: EdgeAddress;
  readonly events: LinkTunnelEvents;
  readonly signal: AbortSignal;
  answer(result: Result<LinkTunnel, Failure>): void;
}

/** A laptop in a cluster; the test plays all nodes. */
function cluster(known = nodes, remote: string | null = '203.0.113.7') {
  const clock = new ManualClock();
  const dials: Dial[] = [];
  const links = createEdgeLinks({
    home,
    clock,
    random: () => 0,
    dialTo: (address) => (events, signal) => {
      const { promise, resolve } = Promise.withResolvers<Result<LinkTunnel, Failure>>();
      dials.push({ address, events, signal, answer: resolve });
      return promise;
    },
  });
  const succeed = async (host: string, nodeId = host.slice(0, 1)): Promise<FakeTunnel> => {
    const at = dials.findLastIndex((d) => d.address.host === host);
    const [dial] = at === -1 ? [] : dials.splice(at, 1);
    if (dial === undefined) throw new Error(`nobody dials ${host}`);
    const place: LinkPlace = { nodeId, carriers: 8, workers: 1, worker: 0, nodes: known };
    const tunnel = Object.assign(new FakeTunnel(dial.events, place), {
      remoteAddress: remote ?? undefined,
    });
    dial.answer(ok(tunnel));
    await settled();
    return tunnel;
  };
  const fail = async (host: string): Promise<void> => {
    const at = dials.findLastIndex((d) => d.address.host === host);
    dials.splice(at, 1)[0]?.answer(err(refused));
    await settled();
  };
  const dialled = (): string[] => dials.filter((d) => !d.signal.aborted).map((d) => d.address.host);
  const up = (): string[] => links.views.filter((v) => v.state === 'up').map((v) => v.nodeId ?? '');
  return { clock, dials, links, succeed, fail, dialled, up };
}

describe('links to the nodes of a cluster', () => {
  it('are two where there are two nodes or more, under the cluster’s name', async () => {
    const { dials, dialled, succeed, up, links } = cluster();
    expect(dialled()).toEqual(['a.test']);
    await succeed('a.test');
    expect(dialled()).toEqual(['b.test']);
    expect(dials[0]?.address).toMatchObject({ port: 443, domain: 'cluster.test' });
    expect(links.state.state).toBe('up');
    await succeed('b.test');
    expect([up(), dialled()]).toEqual([['a', 'b'], []]);
  });

  it('are one where the edge names no other node', async () => {
    const { dialled, succeed } = cluster(nodes.slice(0, 1));
    await succeed('a.test');
    expect(dialled()).toEqual([]);
  });

  it('get a replacement before the node that goes away is gone, and drop it when that is back', async () => {
    const { clock, dialled, succeed, up } = cluster();
    const first = await succeed('a.test');
    await succeed('b.test');
    first.events.onGoAway(GO_AWAY.SHUTDOWN);
    expect(first.calls).toEqual(['drain']);
    expect([dialled(), up()]).toEqual([['c.test'], ['b']]);
    const third = await succeed('c.test');
    expect(up()).toEqual(['b', 'c']);
    clock.advance(300);
    await succeed('a.test');
    expect([up(), third.calls]).toEqual([['a', 'b'], ['drain']]);
  });

  it('stay up while one of them is, each trying again by itself', async () => {
    const { clock, links, dialled, succeed, fail } = cluster(nodes.slice(0, 2));
    const first = await succeed('a.test');
    const second = await succeed('b.test');
    first.events.onClosed({ reason: 'gone' });
    expect(links.state.state).toBe('up');
    second.events.onClosed({ reason: 'gone' });
    expect(links.state.state).toBe('down');
    clock.advance(1);
    expect(dialled().sort()).toEqual(['a.test', 'b.test']);
    await fail('a.test');
    await succeed('b.test');
    expect(links.state.state).toBe('up');
  });

  it('are no more than four, however many nodes are down', async () => {
    const many = Array.from({ length: 8 }, (_, i) => ({ id: `n${i}`, address: `n${i}.test:443` }));
    const { links, succeed, fail } = cluster(many);
    await succeed('a.test', 'n0');
    for (const i of [1, 2, 3, 4, 5, 6, 7]) await fail(`n${i}.test`);
    expect(links.views.length).toBeLessThanOrEqual(4);
    expect(links.state.state).toBe('up');
  });

  it('do not count a second address of the same node', async () => {
    const { dialled, succeed, up } = cluster();
    await succeed('a.test');
    const double = await succeed('b.test', 'a');
    expect(double.calls).toEqual(['drain']);
    expect([up(), dialled()]).toEqual([['a'], ['c.test']]);
  });

  it('are never to where only this machine or its network can be, unless the edge is there itself', async () => {
    const inside = ['127.0.0.1:443', '10.0.0.1:443', '[::1]:443', '[::ffff:127.0.0.1]:443', 'localhost:443'];
    const known = inside.map((address, i) => ({ id: `n${i}`, address }));
    const outside = cluster(known);
    await outside.succeed('a.test');
    expect(outside.dialled()).toEqual([]);
    const proxied = cluster(known, null);
    await proxied.succeed('a.test');
    expect(proxied.dialled()).toEqual([]);
    const local = cluster(known, '127.0.0.1');
    await local.succeed('a.test');
    expect(local.dialled()).toHaveLength(1);
  });

  it('end all when they are closed, and wait all when they are paused', async () => {
    const { links, succeed, dialled } = cluster();
    const tunnels = [await succeed('a.test'), await succeed('b.test')];
    links.pause();
    expect(tunnels.map((t) => t.calls)).toEqual([['destroy'], ['destroy']]);
    expect([links.state.state, dialled()]).toEqual(['paused', []]);
    links.unpause();
    expect(dialled().sort()).toEqual(['a.test', 'b.test']);
    links.close();
    expect(dialled()).toEqual([]);
  });
});

describe('the address of a node', () => {
  it.each(['https://b.test:443/path', 'user@b.test:443', 'b.test:443#x', 'http://b.test', '', ':443', 'b.test:99999'])(
    'is not %s',
    (text) => {
      expect(nodeAddress(text, home, false)).toBeUndefined();
    },
  );

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:10.1.2.3', true],
    ['fd00::1', true],
    ['fe80::1', true],
    ['100.64.0.1', true],
    ['169.254.169.254', true],
    ['203.0.113.1', false],
    ['2001:db8::1', false],
    ['b.test', false],
  ])('%s is local: %s', (address, local) => {
    expect(isLocalAddress(address)).toBe(local);
  });
});
