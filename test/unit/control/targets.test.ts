import { describe, expect, it } from 'vitest';
import { changeTargets, makeTargets } from '../../../edge/control/targets.ts';
import { newTargetSchema, type ServicePatch, servicePatchSchema } from '../../../shared/contract/control-api.ts';
import type { Service } from '../../../shared/domain/service.ts';
import { must } from '../../compliance/data.ts';

let drawn = 0;
const around = { now: () => 1_000, random: (length: number) => new Uint8Array(length).fill(++drawn % 256) };

const web = { port: 3000 };
const api = { port: 4000, path: '/api', customHeaders: [{ name: 'X-Key', value: 'k' }], responseTimeout: '5s' };
const inputs = [web, api].map((input) => newTargetSchema.parse(input));
const service: Service = {
  id: 's1',
  name: 'shop',
  mode: 'http',
  domain: 'shop.localhost',
  targets: must(makeTargets(around, 'http', 'me', inputs)),
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'me',
  createdAt: 0,
};
const [webId = '', apiId = ''] = service.targets.map((t) => t.id);
const change = (patch: ServicePatch) => changeTargets(around, service, servicePatchSchema.parse(patch));

describe('changing single targets', () => {
  it('keeps what is not named', () => {
    const changed = must(change({ changeTargets: [{ id: apiId, port: 4001 }] }));
    expect(changed).toEqual([service.targets[0], { ...service.targets[1], port: 4001 }]);
  });

  it('takes back what is null or empty', () => {
    const [, changed] = must(change({ changeTargets: [{ id: apiId, responseTimeout: null, customHeaders: [] }] }));
    expect(changed).not.toHaveProperty('responseTimeout');
    expect(changed).not.toHaveProperty('customHeaders');
  });

  it('decides anew about the certificate when the protocol changes', () => {
    const changed = must(change({ changeTargets: [{ id: apiId, protocol: 'https' }] }));
    expect(changed[1]).toMatchObject({ protocol: 'https', skipTlsVerify: true });
    const verified = must(change({ changeTargets: [{ id: apiId, protocol: 'https', skipTlsVerify: false }] }));
    expect(verified[1]).toMatchObject({ skipTlsVerify: false });
  });

  it('adds, changes and removes in one go, so that paths may pass from one to another', () => {
    const changed = must(
      change({
        removeTargets: [webId],
        changeTargets: [{ id: apiId, path: '/' }],
        addTargets: [{ port: 5000, path: '/api' }],
      }),
    );
    expect(changed.map(({ id, path, port }) => [id === apiId, path, port])).toEqual([
      [true, '/', 4000],
      [false, '/api', 5000],
    ]);
  });

  it('gives back the very same targets when nothing is said of them', () => {
    expect(change({ name: 'x' })).toEqual({ ok: true, value: service.targets });
  });

  it.each<[ServicePatch, string, string]>([
    [{ changeTargets: [{ id: 'nobody', port: 1 }] }, 'input_invalid', 'changeTargets.0.id'],
    [{ changeTargets: [{ id: apiId }, { id: apiId }] }, 'input_invalid', 'changeTargets.1.id'],
    [{ changeTargets: [{ id: apiId, port: 1 }], removeTargets: [apiId] }, 'input_invalid', 'removeTargets.0'],
    [{ removeTargets: [webId, apiId] }, 'input_invalid', 'removeTargets'],
    [{ addTargets: [{ port: 1, path: '/api/' }] }, 'input_invalid', 'addTargets.0.path'],
    [{ changeTargets: [{ id: apiId, path: '/' }] }, 'input_invalid', 'changeTargets.0.path'],
    [{ changeTargets: [{ id: apiId, host: 'a b' }] }, 'host_invalid', 'changeTargets.0.host'],
    [
      { changeTargets: [{ id: apiId, customHeaders: [{ name: 'Host', value: '' }] }] },
      'header_invalid',
      'changeTargets.0.customHeaders.0.name',
    ],
    [{ changeTargets: [{ id: apiId, idleTimeout: '30s' }] }, 'input_invalid', 'changeTargets.0.idleTimeout'],
    [{ targets: [{ port: 1 }], removeTargets: [apiId] }, 'input_invalid', 'targets'],
    [{ addTargets: Array.from({ length: 63 }, (_, n) => ({ port: 1, path: `/${n}` })) }, 'input_invalid', 'addTargets'],
  ])('refuses %j with %s at %s', (patch, code, field) => {
    expect(change(patch)).toMatchObject({ ok: false, error: { code, field } });
  });
});
