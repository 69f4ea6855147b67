import { describe, expect, it } from 'vitest';
import { PersistentMap } from '../../../edge/route/persistent-map.ts';
import { createRouteStage, targetStage } from '../../../edge/route/stage.ts';
import { RouteTable } from '../../../edge/route/table.ts';
import type { Stage, Visit } from '../../../edge/visit.ts';
import type { Service, Target } from '../../../shared/domain/service.ts';
import { decodeOpen } from '../../../shared/wire/open.ts';

const target = (changes: Partial<Target> = {}): Target => ({
  id: 't1',
  agentId: 'agent1',
  type: 'agent',
  host: 'localhost',
  port: 3000,
  protocol: 'http',
  path: '/',
  enabled: true,
  skipTlsVerify: false,
  connectTimeout: 10_000,
  ...changes,
});
const service = (id: string, changes: Partial<Service> = {}): Service => ({
  id,
  name: id,
  mode: 'http',
  domain: `${id}.localhost`,
  targets: [target()],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'agent1',
  createdAt: 0,
  ...changes,
});

describe('RouteTable', () => {
  it('knows which origins are spoken to in HTTP/2, and how that is found out', () => {
    const of = (more: Partial<Target>) => {
      const [first] =
        RouteTable.from([service('a', { targets: [target(more)] })], 1).lookup('a.localhost')?.targets ?? [];
      return [first?.http2, decodeOpen(first?.openHttp2 ?? new Uint8Array(0))?.http2];
    };
    expect(of({})).toEqual([undefined, undefined]);
    expect(of({ http2: true })).toEqual(['prior', undefined]);
    expect(of({ protocol: 'https' })).toEqual(['alpn', true]);
    expect(of({ protocol: 'https', http2: false })).toEqual([undefined, undefined]);
  });

  it('works out everything a request needs', () => {
    const remote = target({ id: 't2', type: 'host', host: 'fd00::1', port: 443, protocol: 'https', path: '/api/' });
    const off = target({ id: 't3', path: '/off', enabled: false });
    const route = RouteTable.from([service('a', { targets: [target(), remote, off] })], 7).lookup('a.localhost');
    expect(route?.targets.map(({ open: _, openHttp2: __, ...rest }) => rest)).toEqual([
      { id: 't2', agentId: 'agent1', label: '[fd00::1]:443', prefix: '/api', authority: '[fd00::1]', http2: 'alpn' },
      { id: 't1', agentId: 'agent1', label: 'port 3000', prefix: '/', authority: 'localhost:3000' },
    ]);
    expect(decodeOpen(route?.targets[0]?.open ?? new Uint8Array(0))).toMatchObject({ host: 'fd00::1', tls: true });
  });

  it('works out what is particular about a target, and nothing where nothing is', () => {
    const kept = target({
      id: 't2',
      path: '/api',
      pathRewrite: 'preserve',
      responseTimeout: 5_000,
      customHeaders: [{ name: 'X_Key', value: 'k' }],
    });
    const [api, root] =
      RouteTable.from([service('a', { targets: [target(), kept] })], 1).lookup('a.localhost')?.targets ?? [];
    expect(root).not.toHaveProperty('options');
    expect(api?.options).toEqual({
      preservePath: true,
      headers: 'X_Key: k\r\n',
      replaced: new Set(['x-key']),
      responseTimeout: 5_000,
      names: undefined,
    });
    const nas = target({ type: 'host', host: 'FD00:0::1', port: 8443, protocol: 'https' });
    const rewriting = service('b', { targets: [nas], rewriteRedirects: true });
    expect(RouteTable.from([rewriting], 1).lookup('b.localhost')?.targets[0]?.options?.names).toEqual({
      scheme: 'https',
      hosts: new Set(['[fd00::1]']),
      port: 8443,
    });
  });

  it('leaves the table it came from as it was', () => {
    const before = RouteTable.from([service('a'), service('b')], 1);
    const { table } = before.update([{ id: 'a', service: undefined }], 2);
    expect(before.lookup('a.localhost')?.serviceId).toBe('a');
    expect(table.lookup('a.localhost')).toBeUndefined();
    expect(table.lookup('b.localhost')).toBe(before.lookup('b.localhost'));
    expect([before.revision, table.revision, before.size, table.size]).toEqual([1, 2, 2, 1]);
  });

  it.each<[string, Service | undefined, boolean]>([
    ['removed', undefined, true],
    ['switched off', service('a', { enabled: false }), true],
    ['moved', service('a', { domain: 'other.localhost' }), true],
    ['renamed only', service('a', { name: 'new' }), false],
  ])('reports a service that was %s', (_, after, ended) => {
    const { diff } = RouteTable.from([service('a')], 1).update([{ id: 'a', service: after }], 2);
    expect(diff.ended).toEqual(ended ? ['a'] : []);
    expect(diff.endedTargets.size).toBe(0);
  });

  it('reports targets that are gone or now mean another place', () => {
    const three = [target(), target({ id: 't2', path: '/b' }), target({ id: 't3', path: '/c' })];
    const table = RouteTable.from([service('a', { targets: three })], 1);
    const after = [target(), target({ id: 't2', path: '/b', port: 4000 })];
    const { diff } = table.update([{ id: 'a', service: service('a', { targets: after }) }], 2);
    expect(diff.ended).toEqual([]);
    expect([...(diff.endedTargets.get('a') ?? [])].sort()).toEqual(['t2', 't3']);
  });

  it('lets two services swap their domains in one batch', () => {
    const table = RouteTable.from([service('a'), service('b')], 1);
    const changes = [
      { id: 'a', service: service('a', { domain: 'b.localhost' }) },
      { id: 'b', service: service('b', { domain: 'a.localhost' }) },
    ];
    for (const order of [changes, [...changes].reverse()]) {
      const after = table.update(order, 2).table;
      expect(after.lookup('a.localhost')?.serviceId).toBe('b');
      expect(after.lookup('b.localhost')?.serviceId).toBe('a');
    }
  });

  it('keeps the new owner of a domain when the old owner goes later', () => {
    const moved = RouteTable.from([service('a')], 1).update(
      [{ id: 'b', service: service('b', { domain: 'a.localhost' }) }],
      2,
    );
    expect(moved.table.update([{ id: 'a', service: undefined }], 3).table.lookup('a.localhost')?.serviceId).toBe('b');
  });

  it('equals a table built anew after any series of changes', () => {
    let table = RouteTable.from([], 0);
    const truth = new Map<string, Service>();
    let seed = 42;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let round = 1; round <= 2000; round++) {
      const id = `s${next(400)}`;
      const after = next(3) === 0 ? undefined : service(id, { enabled: next(2) === 0 });
      if (after === undefined) truth.delete(id);
      else truth.set(id, after);
      table = table.update([{ id, service: after }], round).table;
    }
    expect(table.size).toBe(truth.size);
    for (let i = 0; i < 400; i++) expect(table.lookup(`s${i}.localhost`)?.enabled).toBe(truth.get(`s${i}`)?.enabled);
  });
});

describe('PersistentMap', () => {
  it('spreads over more buckets as it grows and still finds every key', () => {
    let map = PersistentMap.from<number>([]);
    for (let i = 0; i < 5000; i++) map = map.with([[`k${i}`, i]]);
    expect(map.size).toBe(5000);
    for (let i = 0; i < 5000; i++) expect(map.get(`k${i}`)).toBe(i);
    expect([...map.values()]).toHaveLength(5000);
  });
});

describe('the route stage', () => {
  const table = RouteTable.from(
    [
      service('a', { targets: [target({ path: '/api' })] }),
      service('off', { enabled: false }),
      service('public', { domain: 'app.example.com' }),
    ],
    1,
  );
  const routing = createRouteStage(() => table);
  const stage: Stage = (visit) => routing(visit) ?? targetStage(visit);
  const visit = (host: string, path: string, serverName: string | undefined, secure = true): Visit => ({
    id: 'v',
    connection: { secure, localPort: 443, peerAddress: '127.0.0.1', serverName },
    method: 'GET',
    host,
    authority: host,
    path,
    query: '',
    fields: '',
    accept: '',
    route: undefined,
    target: undefined,
    identity: undefined,
    forwarded: undefined,
    note: undefined,
  });

  it.each<[string, string, string, string | undefined, boolean, string | undefined]>([
    ['lets a known name pass', 'a.localhost', '/api/x', 'a.localhost', true, undefined],
    ['does not know a stranger', 'nobody.localhost', '/', 'nobody.localhost', true, 'no_service'],
    ['sends who shares a connection elsewhere', 'nobody.localhost', '/', 'a.localhost', true, 'misdirected'],
    ['has no target outside the prefixes', 'a.localhost', '/x', 'a.localhost', true, 'no_target'],
    ['refuses an ambiguous path', 'a.localhost', '/api/../x', 'a.localhost', true, 'request_malformed'],
    ['refuses a disabled service', 'off.localhost', '/', 'off.localhost', true, 'service_disabled'],
    [
      'refuses another name than the connection was opened for',
      'a.localhost',
      '/api',
      'off.localhost',
      true,
      'misdirected',
    ],
    ['uses the name of the connection when a request has none', '', '/api', 'a.localhost', true, undefined],
    ['has nothing for a request without any name', '', '/', undefined, false, 'no_service'],
    ['serves localhost names over plain HTTP', 'a.localhost', '/api', undefined, false, undefined],
    ['serves no other name over plain HTTP', 'app.example.com', '/', undefined, false, 'no_service'],
  ])('%s', (_, host, path, serverName, secure, answer) => {
    expect(stage(visit(host, path, serverName, secure))).toBe(answer);
  });

  it('fills in what it finds, the route of a refused visit too', () => {
    const passed = visit('a.localhost', '/api', 'a.localhost');
    stage(passed);
    expect([passed.route?.serviceId, passed.target?.id]).toEqual(['a', 't1']);
    const refused = visit('off.localhost', '/', 'off.localhost');
    stage(refused);
    expect([refused.route?.serviceId, refused.target]).toEqual(['off', undefined]);
  });
});
