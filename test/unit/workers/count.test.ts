import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../edge/limits.ts';
import { MOST_AUTO_WORKERS, parseWorkers } from '../../../edge/workers/count.ts';
import { passTarget } from '../../../edge/workers/pass-target.ts';
import { shareOf } from '../../../edge/workers/share.ts';

const linux = (cores: number) => ({ cores, spreads: true });

describe('the number of workers', () => {
  it.each([
    [undefined, 1, 1],
    [undefined, 4, 4],
    ['auto', 2, 2],
    ['auto', 64, MOST_AUTO_WORKERS],
    ['1', 64, 1],
    ['3', 2, 3],
    ['32', 2, 32],
  ])('%s on %i cores is %i', (text, cores, count) => {
    expect(parseWorkers(text, false, linux(cores))).toEqual({ ok: true, value: count });
  });

  it('is 1 for an embedded edge, and where the system does not spread connections', () => {
    expect(parseWorkers(undefined, true, linux(4))).toEqual({ ok: true, value: 1 });
    expect(parseWorkers('1', true, linux(4))).toEqual({ ok: true, value: 1 });
    expect(parseWorkers('auto', false, { cores: 4, spreads: false })).toEqual({ ok: true, value: 1 });
  });

  it.each(['0', '-1', '33', '1.5', 'two', '', '4x', '100'])('is not %j', (text) => {
    expect(parseWorkers(text, false, linux(4))).toMatchObject({ ok: false });
  });

  it('is refused in words where more than one cannot be', () => {
    expect(parseWorkers('2', true, linux(4))).toMatchObject({ error: expect.stringContaining('--embedded') });
    expect(parseWorkers('2', false, { cores: 4, spreads: false })).toMatchObject({
      error: expect.stringContaining('Linux'),
    });
  });
});

describe('the share of a worker', () => {
  it('comes to the whole together, and leaves alone what holds for one thing', () => {
    const share = shareOf(DEFAULT_LIMITS, 3);
    expect(share.connections).toBe(Math.ceil(DEFAULT_LIMITS.connections / 3));
    expect(share.udpNewSessionsPerSecond * 3).toBeGreaterThanOrEqual(DEFAULT_LIMITS.udpNewSessionsPerSecond);
    expect(share.headerSize).toBe(DEFAULT_LIMITS.headerSize);
    expect(share.streamsPerTunnel).toBe(DEFAULT_LIMITS.streamsPerTunnel);
    expect(shareOf({ ...DEFAULT_LIMITS, connectionsPerAddress: 1 }, 8).connectionsPerAddress).toBe(1);
  });
});

describe('who serves a connection', () => {
  const here = { index: 1, count: 3, domain: 'edge.test' };
  const tunnel = (worker?: number) => ({
    serverName: 'edge.test',
    alpn: ['porthole/1'],
    ...(worker === undefined ? {} : { worker }),
  });

  it.each([
    ['a tunnel that leaves it to the edge', tunnel(), undefined],
    ['a tunnel for this worker', tunnel(1), undefined],
    ['a tunnel for another', tunnel(2), 2],
    ['a tunnel for one that there is not', tunnel(3), undefined],
    ['the cluster by its name', { serverName: 'edge.test', alpn: ['http/1.1'] }, 'api'],
    ['no name at all', { serverName: undefined, alpn: [] }, 'api'],
    ['an address for a name', { serverName: '192.0.2.1', alpn: [] }, 'api'],
    ['a visitor', { serverName: 'app.edge.test', alpn: ['h2'] }, undefined],
    ['a visitor who names a worker', { serverName: 'app.edge.test', alpn: ['h2'], worker: 2 }, undefined],
  ])('%s', (_, hello, target) => {
    expect(passTarget(hello, here)).toBe(target);
  });
});
