import { describe, expect, it } from 'vitest';
import { draftOf, emptyTarget, protects, type ServiceDraft } from '../../../renderer/editor/draft.ts';
import { desk, edit, latestOf, settle } from '../../../renderer/editor/drafts.ts';
import { planOf } from '../../../renderer/editor/patch.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { servicePatchSchema } from '../../../shared/contract/control-api.ts';

const SERVICE: ServiceView = {
  id: 's1',
  name: 'shop',
  mode: 'http',
  domain: 'shop.example.com',
  targets: [
    {
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
      customHeaders: [{ name: 'X-Env', value: 'demo' }],
    },
    {
      id: 't2',
      agentId: 'a1',
      type: 'subnet',
      host: '10.0.0.5',
      subnet: '10.0.0.0/24',
      port: 8443,
      protocol: 'https',
      path: '/api',
      enabled: true,
      skipTlsVerify: true,
      connectTimeout: 10_000,
      responseTimeout: 90_000,
    },
  ],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a1',
  createdAt: 0,
  auth: { pin: true, headers: [{ id: 'h1', kind: 'bearer', name: 'authorization' }] },
  restrictions: { allowCidrs: ['10.0.0.0/8'] },
  status: 'active',
  urls: { https: 'https://shop.example.com' },
};

const base = draftOf(SERVICE, 'example.com');
const plan = (change: Partial<ServiceDraft>) => planOf(base, { ...base, ...change }, SERVICE);
const target = (index: number) => {
  const found = base.targets[index];
  if (found === undefined) throw new Error(`no target ${index}`);
  return found;
};

describe('the form of a service', () => {
  it('asks for nothing when nothing was changed', () => {
    expect(plan({})).toMatchObject({ patch: {}, problems: {} });
  });

  it('asks for what was changed, in a form that the contract takes', () => {
    const { patch, problems } = plan({
      name: ' The shop ',
      subdomain: 'store',
      rewriteRedirects: true,
      targets: [
        { ...target(0), port: '4000', http2: true, headers: [] },
        { ...emptyTarget('http'), path: '/ws', type: 'unix', host: '/run/ws.sock' },
      ],
      auth: {
        ...base.auth,
        password: { on: true, value: 'open sesame' },
        pin: { on: false, value: '' },
        headers: [...base.auth.headers, { key: 'n', kind: 'custom', name: 'X-Key', user: '', secret: 'k' }],
        sso: { on: true, provider: 'acme', groups: 'sales\n support,,dev ' },
      },
      access: { ...base.access, allowCidrs: '', blockCountries: ['DE'], crowdsec: 'enforce' },
    });
    expect(problems).toEqual({});
    expect(patch).toEqual({
      name: 'The shop',
      subdomain: 'store',
      rewriteRedirects: true,
      changeTargets: [{ id: 't1', port: 4000, http2: true, customHeaders: [] }],
      addTargets: [expect.objectContaining({ type: 'unix', host: '/run/ws.sock', port: 0, path: '/ws' })],
      removeTargets: ['t2'],
      auth: {
        password: 'open sesame',
        pin: null,
        headers: [{ id: 'h1' }, { kind: 'custom', name: 'X-Key', value: 'k' }],
        sso: { provider: 'acme', groups: ['sales', 'support', 'dev'] },
      },
      restrictions: { blockCountries: ['DE'], crowdsec: 'enforce' },
    });
    expect(servicePatchSchema.safeParse(patch).error).toBeUndefined();
  });

  it('keeps a stored secret that nobody typed anew, and lifts restrictions that are empty', () => {
    expect(plan({ auth: { ...base.auth, pin: { on: true, value: '' } } }).patch).toEqual({});
    expect(plan({ access: { ...base.access, allowCidrs: ' ' } }).patch).toEqual({ restrictions: null });
  });

  it('takes back a timeout that was emptied, and a network with its kind of place', () => {
    const { patch } = plan({
      targets: [target(0), { ...target(1), responseTimeout: '', type: 'host', host: '10.0.0.6' }],
    });
    expect(patch.changeTargets).toEqual([
      { id: 't2', type: 'host', host: '10.0.0.6', subnet: null, port: 8443, responseTimeout: null },
    ]);
  });

  it.each<[string, Partial<ServiceDraft>, string]>([
    ['a name', { name: '  ' }, 'name'],
    ['a port', { targets: [{ ...target(0), port: '0' }] }, 'target t1 port'],
    ['a host', { targets: [{ ...target(0), type: 'host', host: ' ' }] }, 'target t1 host'],
    ['a path', { targets: [{ ...target(0), path: 'api' }] }, 'target t1 path'],
    ['a path taken twice', { targets: [target(0), { ...target(1), path: '/' }] }, 'target t2 path'],
    ['a time', { targets: [{ ...target(0), connectTimeout: 'soon' }] }, 'target t1 connectTimeout'],
    ['a PIN', { auth: { ...base.auth, pin: { on: true, value: '123' } } }, 'auth pin'],
    ['a password', { auth: { ...base.auth, password: { on: true, value: '' } } }, 'auth password'],
    ['a network', { access: { ...base.access, blockCidrs: '10.1.2.3/8' } }, 'access blockCidrs'],
    [
      'a header',
      { auth: { ...base.auth, headers: [{ key: 'n', kind: 'custom', name: 'Cookie', user: '', secret: 'x' }] } },
      'header n name',
    ],
  ])('says at the field what is wrong with %s', (_, change, field) => {
    expect(Object.keys(plan(change).problems)).toEqual([field]);
  });

  it('finds the field that a refusal means', () => {
    const { fieldOf } = plan({
      targets: [
        target(0),
        { ...target(1), port: '1', headers: [{ key: 'x', name: 'Host', value: 'a' }] },
        { ...emptyTarget('http'), key: 'n', port: '1', path: '/x' },
      ],
      auth: { ...base.auth, sso: { on: true, provider: '', groups: '' } },
    });
    const at = (field: string) => fieldOf({ code: 'input_invalid', message: '', field });
    expect(at('patch.subdomain')).toBe('subdomain');
    expect(at('patch.changeTargets.0.port')).toBe('target t2 port');
    expect(at('patch.changeTargets.0.customHeaders.0.name')).toBe('target t2 header x');
    expect(at('patch.addTargets.0.host')).toBe('target n host');
    expect(at('patch.auth.sso')).toBe('auth sso');
    expect(at('patch.auth.headers.0.value')).toBe('header h1 value');
    expect(at('patch.restrictions.allowCidrs.3')).toBe('access allowCidrs');
    expect(at('')).toBe('');
  });

  it('knows when nothing protects the service any more', () => {
    expect(protects(base)).toBe(true);
    expect(protects({ ...base, auth: { ...base.auth, pin: { on: false, value: '' } } })).toBe(true);
    expect(protects({ ...base, auth: { ...base.auth, pin: { on: false, value: '' }, headers: [] } })).toBe(false);
  });
});

describe('what the editor goes on with after a save', () => {
  const at = (revision: number): ServiceView => ({ ...SERVICE, revision });

  it('is the answer until the snapshot has reached it, also while snapshots of earlier saves arrive', () => {
    const answer = at(7);
    expect(latestOf(at(5), answer)).toBe(answer);
    expect(latestOf(at(6), answer)).toBe(answer);
  });

  it('is the snapshot from then on, and always where nothing was saved', () => {
    const [reached, further] = [at(7), at(9)];
    expect(latestOf(reached, at(7))).toBe(reached);
    expect(latestOf(further, at(7))).toBe(further);
    expect(latestOf(reached, undefined)).toBe(reached);
  });

  it('is there in the moment in which the form is forgotten', () => {
    edit('s1', base, { ...base, name: 'store' });
    const seen: unknown[] = [];
    const stop = desk.subscribe(({ editing, answers }) =>
      seen.push([editing[SERVICE.id]?.draft.name, answers[SERVICE.id]]),
    );
    settle(at(7));
    stop();
    expect(seen).toEqual([[undefined, at(7)]]);
  });

  it('is the snapshot of an edge that numbers no changes', () => {
    expect(latestOf(SERVICE, { ...SERVICE })).toBe(SERVICE);
  });
});
