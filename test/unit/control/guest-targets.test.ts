import { describe, expect, it } from 'vitest';
import { GuestTargets } from '../../../edge/control/guest-targets.ts';
import type { ChangeSet, ServiceChange } from '../../../edge/store/store.ts';
import type { Service, Target } from '../../../shared/domain/service.ts';

const target = (id: string, agentId: string, enabled = true): Target => ({
  id,
  agentId,
  type: 'agent',
  host: 'localhost',
  port: 3000,
  protocol: 'http',
  path: `/${id}`,
  enabled,
  skipTlsVerify: false,
  connectTimeout: 10_000,
});
const service = (id: string, targets: readonly Target[], enabled = true): Service => ({
  id,
  name: id,
  mode: 'http',
  domain: `${id}.localhost`,
  targets,
  enabled,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'owner',
  createdAt: 0,
});
const changes = (services: readonly (Service | string)[], reset = false): ChangeSet => ({
  revision: 1,
  reset,
  removedAgents: [],
  services: services.map(
    (s): ServiceChange =>
      typeof s === 'string'
        ? { id: s, ownerId: 'owner', service: undefined }
        : { id: s.id, ownerId: s.ownerId, service: s },
  ),
});
const ids = (guests: GuestTargets, agentId: string): string[] =>
  guests.of(agentId).flatMap((guest) => guest.targets.map((t) => t.id));

describe('GuestTargets', () => {
  it('knows the enabled targets on laptops that do not own the service', () => {
    const guests = new GuestTargets();
    const touched = guests.apply(
      changes([
        service('a', [target('t1', 'owner'), target('t2', 'host'), target('t3', 'host', false), target('t4', 'third')]),
        service('b', [target('t5', 'owner')]),
        service('c', [target('t6', 'host')], false),
      ]),
    );
    expect([...touched].sort()).toEqual(['host', 'third']);
    expect([ids(guests, 'host'), ids(guests, 'third'), ids(guests, 'owner')]).toEqual([['t2'], ['t4'], []]);
    expect([...guests.owners('host')]).toEqual(['owner']);
    expect([...guests.owners('owner')]).toEqual([]);
  });

  it('tells a laptop of targets that move away and of services that go', () => {
    const guests = new GuestTargets();
    guests.apply(changes([service('a', [target('t1', 'host')]), service('b', [target('t2', 'host')])]));
    expect([...guests.apply(changes([service('a', [target('t1', 'third')])]))].sort()).toEqual(['host', 'third']);
    expect([ids(guests, 'host'), ids(guests, 'third')]).toEqual([['t2'], ['t1']]);
    expect([...guests.apply(changes(['b']))]).toEqual(['host']);
    expect(ids(guests, 'host')).toEqual([]);
    expect([...guests.owners('host')]).toEqual([]);
  });

  it('takes what a complete list leaves out for gone', () => {
    const guests = new GuestTargets();
    guests.apply(changes([service('a', [target('t1', 'host')])]));
    expect([...guests.apply(changes([], true))]).toEqual(['host']);
    expect(ids(guests, 'host')).toEqual([]);
  });

  it('bounds what one laptop is told, the oldest first', () => {
    const guests = new GuestTargets();
    const many = Array.from({ length: 10 }, (_, s) =>
      service(
        `s${s}`,
        Array.from({ length: 60 }, (_, t) => target(`s${s}t${t}`, 'host')),
      ),
    );
    guests.apply(changes(many));
    expect(ids(guests, 'host')).toHaveLength(200);
    expect(ids(guests, 'host')[0]).toBe('s0t0');
  });
});
