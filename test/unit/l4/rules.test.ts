import { describe, expect, it } from 'vitest';
import { choosePorts } from '../../../edge/control/port-choice.ts';
import { checkPort, DEFAULT_PORT_RULES, drawPort, type PortRules } from '../../../edge/control/port-rules.ts';
import { makeTarget } from '../../../edge/control/target-rules.ts';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import { type NewTarget, newTargetSchema } from '../../../shared/contract/control-api.ts';
import type { ServiceMode } from '../../../shared/domain/service.ts';

const rules: PortRules = { ...DEFAULT_PORT_RULES, main: () => 8443, reserved: () => [9090, 8080] };
let seed = 1;
const random = (length: number): Uint8Array =>
  Uint8Array.from({ length }, () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed >> 16;
  });

describe('the port of a service', () => {
  it.each<[ServiceMode, number, number | string | undefined]>([
    ['tcp', 15432, 15432],
    ['tcp', 1024, 1024],
    ['udp', 53, 'port_privileged'],
    ['tcp', 8443, 'port_reserved'],
    ['tcp', 8080, 'port_reserved'],
    ['tls', 9090, 'port_reserved'],
    ['tls', 8443, undefined],
    ['udp', 8443, 8443],
    ['http', 15432, 'input_invalid'],
  ])('%s on %i: %j', (mode, port, outcome) => {
    const checked = checkPort(rules, mode, port);
    expect(checked.ok ? checked.value : checked.error.code).toBe(outcome);
    if (!checked.ok) expect(checked.error.field).toBe('listenPort');
  });

  it('is none of its own choice where the edge assigns them', () => {
    const checked = checkPort({ ...rules, custom: false }, 'tcp', 15432);
    expect(checked.ok ? '' : checked.error.code).toBe('port_fixed');
    expect(checkPort({ ...rules, custom: false }, 'tls', 8443).ok).toBe(true);
  });

  it('is drawn from the range, never one of the edge’s own', () => {
    const narrow = { ...rules, assigned: { first: 8079, last: 8081 } };
    const drawn = new Set(Array.from({ length: 200 }, () => drawPort(narrow, random)));
    expect([...drawn].sort()).toEqual([8079, 8081]);
  });
});

describe('choosing a port', () => {
  const context = (isPortFree: (port: number) => boolean = () => true, ports = rules) => ({
    rules: { domain: 'edge.test', now: () => 0, random, ports },
    isPortFree: async (_: string, port: number) => isPortFree(port),
  });

  it('gives none to HTTP, and the main one to TLS', async () => {
    expect(await choosePorts(context(), {}).next()).toEqual({ ok: true, value: undefined });
    expect(await choosePorts(context(), { mode: 'tls' }).next()).toEqual({ ok: true, value: undefined });
  });

  it('insists on the one that was asked for', async () => {
    const choice = choosePorts(
      context(() => false),
      { mode: 'tcp', listenPort: 15432 },
    );
    expect(await choice.next()).toEqual({ ok: true, value: 15432 });
    expect(choice.moveOn()).toBe(false);
  });

  it('takes another where that is wished: when it is taken, in use, or not to be had', async () => {
    const taken = choosePorts(context(), { mode: 'tcp', listenPort: 15432, portFallback: true });
    expect(await taken.next()).toEqual({ ok: true, value: 15432 });
    expect(taken.moveOn()).toBe(true);
    expect(await taken.next()).not.toEqual({ ok: true, value: 15432 });
    const inUse = choosePorts(
      context((port) => port !== 15432),
      { mode: 'udp', listenPort: 15432, portFallback: true },
    );
    const other = await inUse.next();
    expect(other.ok && other.value !== 15432 && other.value !== undefined && other.value >= 10_000).toBe(true);
    const low = choosePorts(context(), { mode: 'tcp', listenPort: 80, portFallback: true });
    expect((await low.next()).ok).toBe(true);
  });

  it('says when none is left', async () => {
    const choice = choosePorts(
      context(() => false),
      { mode: 'tcp' },
    );
    const none = await choice.next();
    expect(none.ok ? '' : none.error.code).toBe('port_exhausted');
  });
});

describe('a target', () => {
  const make = (mode: ServiceMode, target: NewTarget) => makeTarget(mode, newTargetSchema.parse(target), 'targets.0');

  it.each<[ServiceMode, NewTarget, object]>([
    ['tcp', { port: 1 }, { protocol: 'tcp', type: 'agent', host: 'localhost' }],
    [
      'tls',
      { port: 1, idleTimeout: '2m', proxyProtocol: true },
      { protocol: 'tcp', idleTimeout: 120_000, proxyProtocol: true },
    ],
    ['udp', { port: 1, protocol: 'udp' }, { protocol: 'udp' }],
    ['tcp', { port: 1, connectTimeout: '500ms' }, { connectTimeout: 500 }],
    ['http', { port: 1, type: 'domain', host: 'Nas.LAN.' }, { type: 'domain', host: 'nas.lan', protocol: 'http' }],
    [
      'tcp',
      { port: 1, type: 'subnet', host: '10.0.0.7', subnet: '10.0.0.0/24' },
      { type: 'subnet', host: '10.0.0.7', subnet: '10.0.0.0/24' },
    ],
    [
      'tcp',
      { port: 1, type: 'subnet', host: '[fd00::7]', subnet: 'fd00::/8' },
      { host: 'fd00::7', subnet: 'fd00::/8' },
    ],
  ])('of a %s service: %j', (mode, input, outcome) => {
    expect(make(mode, input)).toMatchObject({ ok: true, value: outcome });
  });

  it.each<[ServiceMode, NewTarget, string]>([
    ['tcp', { port: 1, protocol: 'https' }, 'protocol'],
    ['udp', { port: 1, protocol: 'tcp' }, 'protocol'],
    ['http', { port: 1, protocol: 'tcp' }, 'protocol'],
    ['tcp', { port: 1, path: '/api' }, 'path'],
    ['tcp', { port: 1, enabled: false }, 'enabled'],
    ['tcp', { port: 1, skipTlsVerify: true }, 'skipTlsVerify'],
    ['udp', { port: 1, proxyProtocol: true }, 'proxyProtocol'],
    ['http', { port: 1, proxyProtocol: true }, 'proxyProtocol'],
    ['http', { port: 1, idleTimeout: '1m' }, 'idleTimeout'],
    ['http', { port: 1, type: 'domain', host: '10.0.0.1' }, 'host'],
    ['http', { port: 1, type: 'subnet', host: '10.0.0.1' }, 'subnet'],
    ['http', { port: 1, type: 'subnet', host: '10.0.1.1', subnet: '10.0.0.0/24' }, 'host'],
    ['http', { port: 1, type: 'subnet', host: 'nas.lan', subnet: '10.0.0.0/24' }, 'host'],
    ['http', { port: 1, type: 'subnet', host: '10.0.0.1', subnet: '10.0.0.1/24' }, 'subnet'],
    ['http', { port: 1, type: 'host', host: '10.0.0.1', subnet: '10.0.0.0/24' }, 'subnet'],
  ])('of a %s service is refused: %j', (mode, input, field) => {
    const made = make(mode, input);
    expect(made.ok ? '' : made.error.field).toBe(`targets.0.${field}`);
  });

  it('says how a network with host bits is written', () => {
    const made = make('http', { port: 1, type: 'subnet', host: '10.0.0.1', subnet: '10.0.0.1/24' });
    expect(made.ok ? '' : made.error.message).toContain('10.0.0.0/24');
  });

  it.each(['idle', '1', '500ms', '2d'])('refuses the idle timeout %j', (idleTimeout) => {
    expect(newTargetSchema.safeParse({ port: 1, idleTimeout }).success).toBe(false);
  });
});

describe('what the laptop allows', () => {
  it('tells UDP from TCP', () => {
    const list = createAllowList();
    list.allow({ service: 's1', type: 'agent', host: 'localhost', port: 53, udp: true });
    expect(list.isAllowed({ type: 'agent', host: 'localhost', port: 53 })).toBe(false);
    expect(list.isAllowed({ type: 'agent', host: 'localhost', port: 53, udp: true })).toBe(true);
  });

  it('is a port of every address in a subnet, and no other', () => {
    const list = createAllowList([
      { service: 's1', type: 'subnet', host: '10.0.0.7', subnet: '10.0.0.0/24', port: 22 },
    ]);
    const asked = (host: string, port = 22) => list.isAllowed({ type: 'subnet', host, port });
    expect([asked('10.0.0.7'), asked('10.0.0.200'), asked('10.0.1.7'), asked('10.0.0.7', 23)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(list.isAllowed({ type: 'subnet', host: '10.0.0.7', port: 22, udp: true })).toBe(false);
    expect(list.isAllowed({ type: 'host', host: '10.0.0.7', port: 22 })).toBe(false);
    list.allowForNow({ service: 'me', type: 'subnet', host: 'fd00::1', subnet: 'fd00::/16', port: 80 });
    expect(asked('fd00::9', 80)).toBe(true);
    list.forget('me');
    expect(asked('fd00::9', 80)).toBe(false);
  });

  it('is a name as it is written, whatever it resolves to', () => {
    const list = createAllowList([{ service: 's1', type: 'domain', host: 'nas.lan', port: 80 }]);
    expect(list.isAllowed({ type: 'domain', host: 'NAS.lan.', port: 80 })).toBe(true);
    expect(list.isAllowed({ type: 'host', host: 'nas.lan', port: 80 })).toBe(false);
  });

  it('holds no subnet without its network', () => {
    expect(createAllowList().allow({ service: 's1', type: 'subnet', host: '10.0.0.7', port: 22 })).toBe(false);
  });
});
