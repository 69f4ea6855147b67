/** Changing a service: what is allowed on this laptop follows what its services need. */
import { expect, it } from 'vitest';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import type { Context } from '../../../main/app/handlers/context.ts';
import { bindAllowances } from '../../../main/app/handlers/service-update.ts';
import { serviceHandlers } from '../../../main/app/handlers/services.ts';
import type { Membership } from '../../../main/app/membership.ts';
import type { AgentState, GuestState } from '../../../shared/contract/agent-state.ts';
import { newTargetSchema, type ServicePatch, type ServiceView } from '../../../shared/contract/control-api.ts';
import { CALLS } from '../../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';

const target = (port: number, path = '/') => ({
  ...newTargetSchema.parse({ port, path }),
  id: `t${port}`,
  agentId: 'me',
});
const service = (id: string, ...targets: ReturnType<typeof target>[]) =>
  ({ id, source: 'permanent', ownerId: 'me', targets }) as unknown as ServiceView;

/** A laptop that publishes port 3000 as `shop` and 5000 as `other`, at an edge that takes each path once. */
function laptop() {
  const services = [service('shop', target(3000)), service('other', target(5000))];
  const guests: GuestState[] = [];
  /** What the edge makes of an agent's name, or of a port. */
  const rename = new Map<string, string>();
  let kept: Result<null, Failure> = ok(null);
  const control = {
    async updateService(id: string, patch: ServicePatch): Promise<Result<ServiceView, Failure>> {
      const at = services.findIndex((s) => s.id === id);
      const before = services[at];
      if (before === undefined) return err(failure('service_not_found', { service: id }));
      const added = (patch.addTargets ?? []).map((t) => ({
        ...target(Number(rename.get(`port ${t.port}`) ?? t.port), t.path),
        agentId: rename.get(t.agentId ?? 'me') ?? t.agentId ?? 'me',
      }));
      if (added.some((t) => before.targets.some((old) => old.path === t.path)))
        return err(failure('input_invalid', { reason: 'twice' }, 'addTargets.0.path'));
      const changed = before.targets.map((t) => ({ ...t, ...patch.changeTargets?.find((c) => c.id === t.id) }));
      const targets = [...changed.filter((t) => patch.removeTargets?.includes(t.id) !== true), ...added];
      const next = { ...before, targets } as unknown as ServiceView;
      services[at] = next;
      return ok(next);
    },
  };
  const allowed = createAllowList([
    { service: 'shop', type: 'agent', host: 'localhost', port: 3000 },
    { service: 'other', type: 'agent', host: 'localhost', port: 5000 },
  ]);
  const context = {
    state: () =>
      ({ services, guests, servicesKnown: true, host: { home: '/home/me' }, ports: [] }) as unknown as AgentState,
    membership: () => ({ allowed, keepAllowed: () => kept, ownPorts: () => [] }),
    ownPorts: () => new Set([20_001]),
    agent: async () => ok({ control }),
    settings: { get: () => ({}), set: () => ok({}) },
    touch: () => {},
  } as unknown as Context;
  const handlers = serviceHandlers(context);
  return {
    services,
    guests,
    rename,
    update: (patch: ServicePatch, id = 'shop') =>
      handlers['services:update'](CALLS['services:update'].parse({ id, patch })),
    allow: (id: string, yes: boolean) => handlers['services:allow']({ id, allowed: yes }),
    /** Whether any service may reach each port. */
    allows: (...ports: number[]) => ports.map((port) => allowed.isAllowed({ type: 'agent', host: 'localhost', port })),
    allowsTo: (service: string, ...ports: number[]) =>
      ports.map((port) => allowed.isAllowed({ service, type: 'agent', host: 'localhost', port })),
    failToKeep: () => {
      kept = err(failure('home_unwritable', { path: '/x', reason: 'ENOSPC' }));
    },
  };
}

it('allows a further target, and forgets it with its removal', async () => {
  const { update, allows } = laptop();
  expect(await update({ addTargets: [{ port: 4000, path: '/api' }] })).toMatchObject({ ok: true });
  expect(allows(3000, 4000, 5000)).toEqual([true, true, true]);
  await update({ removeTargets: ['t4000'] });
  expect(allows(3000, 4000, 5000)).toEqual([true, false, true]);
});

it('allows where a target moves to, and no longer where it was', async () => {
  const { update, allows } = laptop();
  await update({ changeTargets: [{ id: 't3000', port: 3001 }] });
  expect(allows(3000, 3001)).toEqual([false, true]);
});

it('takes the allowance back when the edge refuses, and names the field of the call', async () => {
  const { update, allows } = laptop();
  const refused = await update({ addTargets: [{ port: 4000, path: '/' }] });
  expect(refused).toMatchObject({ ok: false, error: { code: 'input_invalid', field: 'patch.addTargets.0.path' } });
  expect(allows(3000, 4000)).toEqual([true, false]);
  expect(await update({ addTargets: [{ port: 4000 }] }, 'gone')).toMatchObject({
    error: { code: 'service_not_found' },
  });
  expect(allows(4000)).toEqual([false]);
});

it('keeps what another service needs', async () => {
  const { update, allows } = laptop();
  await update({ addTargets: [{ port: 5000, path: '/api' }] });
  await update({ removeTargets: ['t5000'] });
  expect(allows(5000)).toEqual([true]);
});

it("allows nothing here for another laptop's target", async () => {
  const { update, allows } = laptop();
  await update({ addTargets: [{ port: 4000, path: '/api', agentId: 'other' }] });
  expect(allows(4000)).toEqual([false]);
});

it('allows what it asked for under its own name, and nothing that the edge makes of it', async () => {
  const { update, allows, rename } = laptop();
  rename.set('first', 'me');
  await update({ addTargets: [{ port: 4000, path: '/api', agentId: 'first' }] });
  expect(allows(4000)).toEqual([true]);
  rename.set('port 6000', '22');
  await update({ addTargets: [{ port: 6000, path: '/x', agentId: 'first' }] });
  expect(allows(6000, 22)).toEqual([false, false]);
});

it('changes nothing when the allowance cannot be kept', async () => {
  const { update, allows, services, failToKeep } = laptop();
  failToKeep();
  const refused = await update({ addTargets: [{ port: 4000, path: '/api' }] });
  expect(refused).toMatchObject({ error: { code: 'home_unwritable' } });
  expect([allows(4000), services[0]?.targets.length]).toEqual([[false], 1]);
});

it("lets another laptop's service in and out, beside what its own services may reach", async () => {
  const { allow, allowsTo, guests, update } = laptop();
  guests.push({ id: 'g1', targets: [target(3000), target(7000)], allowed: false } as unknown as GuestState);
  expect(await allow('g1', true)).toEqual({ ok: true, value: null });
  expect(allowsTo('g1', 3000, 7000)).toEqual([true, true]);
  await allow('g1', false);
  expect([allowsTo('g1', 3000, 7000), allowsTo('shop', 3000)]).toEqual([[false, false], [true]]);
  expect(await allow('g2', true)).toMatchObject({ error: { code: 'service_not_found' } });
  // And the other way round: a guest that is let in keeps what the own service gives up.
  await allow('g1', true);
  guests[0] = { ...guests[0], allowed: true } as GuestState;
  await update({ changeTargets: [{ id: 't3000', port: 3001 }] });
  expect([allowsTo('g1', 3000, 3001), allowsTo('shop', 3000, 3001)]).toEqual([
    [true, false],
    [false, true],
  ]);
});

it('gives what an earlier version allowed to its own lasting services, once they are known', () => {
  const kept: unknown[] = [];
  const place = (port: number) => ({ type: 'agent', host: 'localhost', port }) as const;
  const allowed = createAllowList([place(3000), place(4000), place(6000)]);
  let servicesKnown = false;
  const theirs = { ...service('theirs', target(4000)), ownerId: 'other' };
  const passing = { ...service('passing', target(6000)), source: 'ephemeral' };
  const services = [service('shop', target(3000), target(22)), service('two', target(3000)), theirs, passing];
  const membership = {
    allowed,
    agent: { snapshot: () => ({ servicesKnown, services }) },
    keepAllowed: () => ok(void kept.push([...allowed.entries()])),
  } as unknown as Membership;
  bindAllowances(membership);
  expect([kept, allowed.entries().length]).toEqual([[], 3]);
  servicesKnown = true;
  bindAllowances(membership);
  bindAllowances(membership);
  const bound = ['shop', 'two'].map((id) => ({ service: id, ...place(3000) }));
  expect(kept).toEqual([bound]);
});

it.each([
  [{ addTargets: [{ port: 70_000 }] }, 'patch.addTargets.0.port'],
  [{ changeTargets: [{ id: 'a', path: 'x' }] }, 'patch.changeTargets.0.path'],
  [{ targets: [] }, 'patch.targets'],
])('parses %j like the edge, and names the field', (patch, field) => {
  const parsed = CALLS['services:update'].safeParse({ id: 'a', patch });
  expect(parsed.error?.issues[0]?.path.join('.')).toBe(field);
});
