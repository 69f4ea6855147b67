import { hostname, networkInterfaces } from 'node:os';
import { expect, it, vi } from 'vitest';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import type { Context } from '../../../main/app/handlers/context.ts';
import { planPublication } from '../../../main/app/handlers/publish.ts';
import { serviceHandlers } from '../../../main/app/handlers/services.ts';
import { socketPath } from '../../../main/app/socket-path.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import type { NewService, ServiceView } from '../../../shared/contract/control-api.ts';
import { CALLS } from '../../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';

/** A laptop whose edge takes every name but the given ones. */
function laptop(taken: readonly string[] = []) {
  const services: ServiceView[] = [];
  const guests: object[] = [];
  const asked: NewService[] = [];
  let kept: Result<null, Failure> = ok(null);
  let ids = 0;
  let beforeAnswer = (): void => {};
  const control = {
    async createService(service: NewService): Promise<Result<ServiceView, Failure>> {
      asked.push(service);
      beforeAnswer();
      const label = service.subdomain ?? `${service.namePrefix ?? 'random'}-x`;
      if (taken.includes(label)) return err(failure('domain_taken', { domain: label, owner: 'other' }));
      const [target] = service.targets;
      const view = {
        id: `s${++ids}`,
        domain: `${label}.localhost`,
        source: service.source,
        ownerId: 'me',
        targets: [{ ...target, id: `t${ids}`, agentId: 'me' }],
      } as unknown as ServiceView;
      services.push(view);
      return ok(view);
    },
    async removeService(id: string): Promise<Result<null, Failure>> {
      const at = services.findIndex((s) => s.id === id);
      if (at === -1) return err(failure('service_not_found', { service: id }));
      services.splice(at, 1);
      return ok(null);
    },
    renewService: async (id: string): Promise<Result<ServiceView, Failure>> => {
      const service = services.find((s) => s.id === id);
      return service === undefined ? err(failure('exposure_expired')) : ok(service);
    },
  };
  const allowed = createAllowList();
  const keepAllowed = vi.fn(() => kept);
  const membership = { allowed, keepAllowed, ownPorts: () => [] };
  let settings: { refusedGuests?: readonly string[] } = {};
  const context = {
    settings: {
      get: () => settings,
      set: (patch: typeof settings) => {
        settings = { ...settings, ...patch };
        return ok(settings);
      },
    },
    touch: () => {},
    state: () =>
      ({
        services,
        guests,
        servicesKnown: true,
        host: { home: '/home/me' },
        ports: [{ port: 5173, process: 'vite' }],
      }) as unknown as AgentState,
    membership: () => membership,
    ownPorts: () => new Set([20_001]),
    agent: async () => ok({ control }),
    random: (length: number) => new Uint8Array(length).fill(++ids),
  } as unknown as Context;
  return {
    handlers: serviceHandlers(context),
    allowed,
    asked,
    keepAllowed,
    services,
    guests,
    refused: () => settings.refusedGuests ?? [],
    onAsked: (listener: () => void) => {
      beforeAnswer = listener;
    },
    failToKeep: () => {
      kept = err(failure('home_unwritable', { path: '/x', reason: 'ENOSPC' }));
    },
    /** Whether the service may reach the port; any service where none is named. */
    allows: (port: number, service?: string) => allowed.isAllowed({ service, type: 'agent', host: 'localhost', port }),
    idOf: (label: string) => services.find((s) => s.domain === `${label}.localhost`)?.id ?? '',
  };
}

it('allows the target to the service that it made, and keeps the allowance', async () => {
  const { handlers, allows, keepAllowed, asked, idOf } = laptop();
  const reply = await handlers['services:publish']({ port: 3000, name: 'Shop' });
  expect(reply).toMatchObject({ ok: true, value: { domain: 'shop.localhost' } });
  expect(asked[0]).toMatchObject({ subdomain: 'shop', source: 'permanent' });
  expect([allows(3000, idOf('shop')), allows(3000, 'theirs')]).toEqual([true, false]);
  expect(keepAllowed).toHaveBeenCalledTimes(1);
});

it('has visitors wait who come before the edge has answered', async () => {
  const { handlers, allowed, idOf, onAsked } = laptop();
  const place = { type: 'agent', host: 'localhost', port: 3000 } as const;
  const may = () => allowed.isAllowed({ ...place, service: idOf('shop') });
  const seen: (boolean | undefined)[] = [];
  onAsked(() => {
    seen.push(may());
    void allowed.awaited(place)?.then(() => seen.push(may()));
  });
  await handlers['services:publish']({ port: 3000, name: 'shop' });
  await Promise.resolve();
  expect(seen).toEqual([false, true]);
  expect(allowed.awaited(place)).toBeUndefined();
});

it('allows nothing when the edge refuses', async () => {
  const { handlers, allows, allowed } = laptop(['shop']);
  for (const source of ['permanent', 'ephemeral'] as const) {
    const reply = await handlers['services:publish']({ port: 3000, name: 'shop', source });
    expect(reply).toMatchObject({ ok: false, error: { code: 'domain_taken' } });
    expect(allows(3000)).toBe(false);
  }
  expect(allowed.entries()).toEqual([]);
});

it('leaves what another service is allowed', async () => {
  const { handlers, allows, idOf } = laptop(['taken']);
  await handlers['services:publish']({ port: 3000, name: 'shop' });
  await handlers['services:publish']({ port: 3000, name: 'taken' });
  expect(allows(3000, idOf('shop'))).toBe(true);
});

it('removes the service again when the allowance cannot be kept', async () => {
  const { handlers, allows, services, failToKeep } = laptop();
  failToKeep();
  const reply = await handlers['services:publish']({ port: 3000 });
  expect(reply).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
  expect(services).toEqual([]);
  expect(allows(3000)).toBe(false);
});

it('names a service after its program and counts on when the name is taken', async () => {
  const { handlers } = laptop(['vite-5173', 'vite-5173-2']);
  expect(await handlers['services:publish']({ port: 5173 })).toMatchObject({
    value: { domain: 'vite-5173-3.localhost' },
  });
  expect(await handlers['services:publish']({ port: 3000 })).toMatchObject({
    value: { domain: 'port-3000.localhost' },
  });
});

it('gives an exposure a random name', async () => {
  const { handlers, asked } = laptop();
  await handlers['services:publish']({ port: 5173, source: 'ephemeral' });
  expect(asked[0]).not.toHaveProperty('subdomain');
});

it('ends what a service was allowed with it, and nothing else', async () => {
  const { handlers, allows, services } = laptop();
  await handlers['services:publish']({ port: 3000, name: 'one' });
  await handlers['services:publish']({ port: 3000, name: 'two' });
  const [one, two] = services.map((s) => s.id);
  await handlers['services:remove']({ id: one ?? '' });
  expect([allows(3000, one), allows(3000, two)]).toEqual([false, true]);
  await handlers['services:remove']({ id: two ?? '' });
  expect(allows(3000)).toBe(false);
});

it('allows an exposure for as long as it lives', async () => {
  const { handlers, allows, services, allowed } = laptop();
  await handlers['services:publish']({ port: 3000, source: 'ephemeral' });
  expect(allows(3000)).toBe(true);
  expect(allowed.entries()).toEqual([]);
  const id = services[0]?.id ?? '';
  services.length = 0;
  expect(await handlers['services:renew']({ id })).toMatchObject({ error: { code: 'exposure_expired' } });
  expect(allows(3000)).toBe(false);
});

it('allows nothing that the edge names in its answer to a renewal', async () => {
  const { handlers, allowed, services } = laptop();
  await handlers['services:publish']({ port: 3000, source: 'ephemeral' });
  const [exposure] = services;
  const [target] = exposure?.targets ?? [];
  if (exposure === undefined || target === undefined) throw new Error('nothing was exposed');
  services.length = 0;
  // The holder's own, with another target, and one that nobody here ever exposed.
  services.push({ ...exposure, targets: [{ ...target, port: 22 }] });
  services.push({
    ...exposure,
    id: 'other',
    targets: [{ ...target, type: 'host', host: '169.254.169.254', port: 80 }],
  });
  for (const { id } of [...services]) expect(await handlers['services:renew']({ id })).toMatchObject({ ok: true });
  expect(allowed.isAllowed({ type: 'agent', host: 'localhost', port: 22 })).toBe(false);
  expect(allowed.isAllowed({ type: 'host', host: '169.254.169.254', port: 80 })).toBe(false);
});

it.each([
  [{ port: 0 }, 'port_invalid', 'port'],
  [{ port: 65_536 }, 'port_invalid', 'port'],
  [{ port: 20_001 }, 'input_invalid', 'port'],
  [{ port: 3000, name: 'a_b' }, 'name_invalid', 'name'],
  [{ port: 3000, namePrefix: 'A' }, 'name_invalid', 'namePrefix'],
  [{ port: 3000, name: 'a', namePrefix: 'b' }, 'input_invalid', 'namePrefix'],
  [{ port: 3000, host: 'a b' }, 'host_invalid', 'host'],
  [{ port: 3000, path: 'x' }, 'input_invalid', 'path'],
  [{ port: 3000, path: '/a?b' }, 'input_invalid', 'path'],
])('refuses %j with %s', async (input, code, field) => {
  const { handlers, asked } = laptop();
  expect(await handlers['services:publish'](input)).toMatchObject({ ok: false, error: { code, field } });
  expect(asked).toEqual([]);
});

it('publishes a Unix socket under the name of its file, and never the one of its own', async () => {
  const { handlers, asked, allowed, idOf } = laptop();
  const unix = { type: 'unix', host: '/run/My_app.sock', port: 0 } as const;
  expect(await handlers['services:publish'](unix)).toMatchObject({ value: { domain: 'my-app.localhost' } });
  expect(asked[0]?.targets).toMatchObject([{ ...unix, protocol: 'http' }]);
  expect(allowed.isAllowed({ ...unix, service: idOf('my-app') })).toBe(true);
  const own = { ...unix, host: socketPath('/home/me') };
  expect(await handlers['services:publish'](own)).toMatchObject({ error: { code: 'input_invalid', field: 'port' } });
});

it.each([
  [{ type: 'unix', port: 80, host: '/run/a.sock' }, 'port'],
  [{ type: 'unix', port: 0, host: 'a.sock' }, 'host'],
  [{ type: 'unix', port: 0 }, 'host'],
  [{ type: 'unix', port: 0, host: '/run/a.sock', protocol: 'udp' }, 'host'],
  [{ type: 'domain', port: 0, host: 'nas.lan' }, 'port'],
  [{ port: 3000, protocol: 'tcp', http2: true }, 'http2'],
] as const)('refuses %j at %s', (input, field) => {
  expect(planPublication(input)).toMatchObject({ ok: false, error: { field } });
});

it.each([
  [undefined, 'agent', 'localhost'],
  ['LOCALHOST', 'agent', 'localhost'],
  ['127.0.0.1', 'agent', 'localhost'],
  ['[::1]', 'agent', 'localhost'],
  ['192.168.1.20', 'host', '192.168.1.20'],
  ['[fe80::1]', 'host', 'fe80::1'],
  ['NAS.lan', 'host', 'nas.lan'],
])('takes the host %s for %s %s', (host, type, dialled) => {
  const plan = planPublication({ port: 1, ...(host === undefined ? {} : { host }) });
  expect(plan).toMatchObject({ ok: true, value: { target: { type, host: dialled } } });
});

const ADDRESSES = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((a) => a.address));
const ALIASES = ['127.0.0.2', '0.0.0.0', '::', '[::1]', '0:0:0:0:0:0:0:1'];
/** Addresses to those who dial them, and not in the one spelling that addresses have here. */
const SHORTENED = ['127.1', '0x7f.1', '2130706433', '0'];
const MAPPED = ['::ffff:127.0.0.1', '::FFFF:7f00:1', 'localhost.', 'web.localhost', hostname()];

it.each([...ALIASES, ...MAPPED, ...ADDRESSES])("publishes no port of Porthole's own as %s", async (host) => {
  const { handlers, asked, allowed } = laptop();
  const refused = { ok: false, error: { code: 'input_invalid', field: 'port' } };
  for (const protocol of ['http', 'tcp'] as const)
    expect(await handlers['services:publish']({ port: 20_001, host, protocol })).toMatchObject(refused);
  expect([asked, allowed.entries()]).toEqual([[], []]);
  expect(await handlers['services:publish']({ port: 20_002, host })).toMatchObject({ ok: true });
});

it.each(SHORTENED)('publishes nothing under the shortened address %s', async (host) => {
  const { handlers, asked } = laptop();
  for (const port of [20_001, 20_002])
    expect(await handlers['services:publish']({ port, host })).toMatchObject({ error: { code: 'host_invalid' } });
  expect(asked).toEqual([]);
});

it("publishes the same port of another machine, and of UDP, which Porthole's own are not", async () => {
  const { handlers } = laptop();
  for (const host of ['192.0.2.7', '2001:db8::7', 'nas.local', '127.0.0.1.example'])
    expect(await handlers['services:publish']({ port: 20_001, host })).toMatchObject({ ok: true });
  expect(await handlers['services:publish']({ port: 20_001, protocol: 'udp' })).toMatchObject({ ok: true });
});

it("moves no target to a port of Porthole's own, nor lets another laptop's service have it", async () => {
  const { handlers, services, allowed, guests } = laptop();
  await handlers['services:publish']({ port: 3000, name: 'shop' });
  const { id = '' } = services[0] ?? {};
  const before = allowed.entries();
  const target = { type: 'host', host: '127.0.0.2', port: 20_001 } as const;
  for (const patch of [{ addTargets: [target] }, { targets: [{ port: 20_001 }] }])
    expect(await handlers['services:update'](CALLS['services:update'].parse({ id, patch }))).toMatchObject({
      error: { code: 'input_invalid', field: expect.stringMatching(/0\.port$/) },
    });
  guests.push({ id: 'theirs', targets: [{ ...target, protocol: 'http' }] });
  expect(await handlers['services:allow']({ id: 'theirs', allowed: true })).toMatchObject({ ok: false });
  expect(allowed.entries()).toEqual(before);
});

it("gives another laptop's service nothing of what its own may reach", async () => {
  const { handlers, allows, guests, idOf } = laptop();
  await handlers['services:publish']({ port: 3000, name: 'shop' });
  guests.push({ id: 'theirs', targets: [{ type: 'agent', host: 'localhost', port: 4000, protocol: 'http' }] });
  await handlers['services:allow']({ id: 'theirs', allowed: true });
  expect([allows(3000, 'theirs'), allows(4000, 'theirs'), allows(4000, idOf('shop'))]).toEqual([false, true, false]);
  await handlers['services:allow']({ id: 'theirs', allowed: false });
  expect([allows(4000), allows(3000, idOf('shop'))]).toEqual([false, true]);
});

it("remembers that another laptop's service was refused, until it is allowed", async () => {
  const { handlers, guests, refused } = laptop();
  guests.push({ id: 'theirs', targets: [{ type: 'agent', host: 'localhost', port: 4000, protocol: 'http' }] });
  await handlers['services:allow']({ id: 'theirs', allowed: false });
  expect(refused()).toEqual(['theirs']);
  await handlers['services:allow']({ id: 'theirs', allowed: true });
  expect(refused()).toEqual([]);
});

it('allows a service of its own anew whose allowance was lost', async () => {
  const { handlers, allows, allowed, idOf } = laptop();
  await handlers['services:publish']({ port: 3000, name: 'shop' });
  allowed.forget(idOf('shop'));
  expect(await handlers['services:allow']({ id: idOf('shop'), allowed: true })).toMatchObject({ ok: true });
  expect(allows(3000, idOf('shop'))).toBe(true);
});
