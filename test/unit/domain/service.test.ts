import { describe, expect, it } from 'vitest';
import { explain, failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import {
  authority,
  isPort,
  parseName,
  parseNamePrefix,
  randomName,
  type Service,
  suggestName,
  type Target,
} from '../../../shared/domain/service.ts';
import { deriveStatus, type StatusFacts } from '../../../shared/domain/status.ts';

describe('names', () => {
  it('fold case and spaces around', () => {
    expect(parseName(' My-App ')).toEqual({ ok: true, value: 'my-app' });
  });

  it.each(['', 'my_app', '-a', 'a-', 'a.b', 'a'.repeat(64), 'ä'])('refuse %j with a reason', (text) => {
    expect(parseName(text)).toMatchObject({ ok: false, error: { code: 'name_invalid', field: 'name' } });
  });

  it.each(['', 'A', 'a-', 'a'.repeat(33), 'a_b'])('refuse the prefix %j', (text) => {
    expect(parseNamePrefix(text).ok).toBe(false);
  });

  it('draw random ones of the documented shape, whatever the random bytes', () => {
    let byte = 0;
    const random = (length: number) => Uint8Array.from({ length }, () => byte++ & 255);
    for (let i = 0; i < 100; i++) {
      expect(randomName(random)).toMatch(/^[a-z0-9]{12}$/);
      expect(randomName(random, 'demo')).toMatch(/^demo-[a-z0-9]{6}$/);
    }
  });

  it.each([
    [5173, 'vite', 'vite-5173'],
    [3000, undefined, 'port-3000'],
    [3000, '---', 'port-3000'],
    [80, 'My App.exe', 'my-app-exe-80'],
  ])('suggest a valid label for port %i of %s', (port, process, name) => {
    expect(suggestName(port, process)).toBe(name);
    expect(parseName(name).ok).toBe(true);
  });
});

it('knows a port from a number', () => {
  expect([1, 65535].every(isPort)).toBe(true);
  expect([0, 65536, 1.5, Number.NaN, -1].some(isPort)).toBe(false);
});

it('puts IPv6 in brackets', () => {
  expect(authority('::1', 80)).toBe('[::1]:80');
  expect(authority('localhost', 3000)).toBe('localhost:3000');
});

it('fills the wording of a failure and never leaves a hole unnamed', () => {
  expect(failure('port_invalid', { port: 0 }, 'port')).toEqual({
    code: 'port_invalid',
    message: 'Port 0 is not valid. Use a whole number from 1 to 65535.',
    field: 'port',
    params: { port: 0 },
  });
  expect(failure('port_invalid').message).toContain('(port)');
});

describe('deriveStatus', () => {
  const target: Target = {
    id: 't1',
    agentId: 'a1',
    type: 'agent',
    host: 'localhost',
    port: 3000,
    protocol: 'http',
    path: '/',
    enabled: true,
    skipTlsVerify: false,
    connectTimeout: 10_000,
  };
  const service: Service = {
    id: 's1',
    name: 'demo',
    mode: 'http',
    domain: 'demo.localhost',
    targets: [target],
    enabled: true,
    passHostHeader: false,
    source: 'permanent',
    ownerId: 'a1',
    createdAt: 0,
  };
  const fine: StatusFacts = {
    routed: true,
    certificate: { state: 'ready' },
    agentUp: () => true,
    targetProblem: () => undefined,
  };

  it.each<[string, Partial<Service>, Partial<StatusFacts>]>([
    ['active', {}, {}],
    ['disabled', { enabled: false }, { routed: false, agentUp: () => false }],
    ['pending', {}, { routed: false }],
    ['certificate_pending', {}, { certificate: { state: 'pending' } }],
    ['certificate_failed', {}, { certificate: { state: 'failed', reason: because('authority_late') } }],
    ['tunnel_not_created', {}, { agentUp: () => false }],
    ['error', {}, { targetProblem: () => 'origin_refused' }],
    ['error', { targets: [{ ...target, enabled: false }] }, {}],
  ])('is %s', (status, change, facts) => {
    expect(deriveStatus({ ...service, ...change }, { ...fine, ...facts }).status).toBe(status);
  });

  it('says which port nothing listens on', () => {
    const { reason } = deriveStatus(service, { ...fine, targetProblem: () => 'origin_refused' });
    expect(reason).toEqual(because('service_origin_refused', { target: because('at_port', { port: 3000 }) }));
    expect(reason === undefined ? '' : explain(reason)).toBe(
      'Nothing listens on port 3000. Start your server, or change the port.',
    );
  });
});
