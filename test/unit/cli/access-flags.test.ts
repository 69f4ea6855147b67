import { describe, expect, it } from 'vitest';
import { audience, readAuth, readRestrictions } from '../../../main/cli/access-flags.ts';
import { UsageError } from '../../../main/cli/exit.ts';

describe('flags about who may come in', () => {
  it('ask for nothing when there are none', () => {
    expect(readAuth({})).toEqual({ auth: undefined, made: {} });
  });

  it('take what is given', () => {
    const basic = `Authorization: Basic ${Buffer.from('ann:a:b').toString('base64')}`;
    const asked = readAuth({
      pin: '042917',
      password: 'open sesame',
      userGroups: 'sales, support',
      authHeader: [basic, 'authorization: bearer t0ken', 'X-Api-Key: k'],
      link: true,
    });
    expect(asked).toEqual({
      auth: {
        pin: '042917',
        password: 'open sesame',
        sso: { groups: ['sales', 'support'] },
        headers: [
          { kind: 'basic', user: 'ann', password: 'a:b' },
          { kind: 'bearer', token: 't0ken' },
          { kind: 'custom', name: 'X-Api-Key', value: 'k' },
        ],
        link: true,
      },
      made: {},
    });
  });

  it('make the secrets that were left out, and tell them', () => {
    const { auth, made } = readAuth({ pin: true, password: true });
    expect(made.pin).toMatch(/^\d{6}$/);
    expect(made.password).toMatch(/^[a-z2-9]{16}$/);
    expect(auth).toEqual(made);
    expect(readAuth({ password: true }).made.password).not.toBe(made.password);
  });

  it('take back', () => {
    expect(readAuth({ pin: false, password: false, userGroups: false, authHeader: false, link: false }).auth).toEqual({
      pin: null,
      password: null,
      sso: null,
      headers: [],
      link: false,
    });
  });

  it.each([
    [{ pin: '12345' }],
    [{ pin: '1234567' }],
    [{ pin: '12345a' }],
    [{ pin: '１２３４５６' }],
    [{ password: '' }],
    [{ userGroups: 'a,,b' }],
    [{ authHeader: ['no colon'] }],
    [{ authHeader: ['Authorization: Digest x'] }],
  ])('are refused in a sentence: %j', (flags) => {
    expect(() => readAuth(flags)).toThrow(UsageError);
  });
});

describe('flags about from where', () => {
  it('leave what they do not name', () => {
    const before = { allowCidrs: ['10.0.0.0/8'], crowdsec: 'observe' } as const;
    expect(readRestrictions({}, before)).toBeUndefined();
    expect(readRestrictions({ blockCountry: ['RU'] }, before)).toEqual({ ...before, blockCountries: ['RU'] });
    expect(readRestrictions({ allowCidr: ['192.0.2.0/24'] }, before)).toEqual({
      allowCidrs: ['192.0.2.0/24'],
      crowdsec: 'observe',
    });
    expect(readRestrictions({ restrictions: false }, before)).toBeNull();
    expect(readRestrictions({ restrictions: false, crowdsec: 'enforce' }, before)).toEqual({ crowdsec: 'enforce' });
  });

  it.each([[{ allowMatch: 'some' }], [{ crowdsec: 'maybe' }]])('are refused in a sentence: %j', (flags) => {
    expect(() => readRestrictions(flags)).toThrow(UsageError);
  });
});

describe('who may come in', () => {
  it.each([
    ['public', undefined, undefined],
    ['public', {}, {}],
    ['public, restricted', undefined, { allowCidrs: ['10.0.0.0/8'] }],
    ['PIN', { pin: true }, undefined],
    ['password or sign-in', { password: true, sso: { provider: 'p', groups: [] } }, undefined],
    ['sales, support or share link', { sso: { provider: 'p', groups: ['sales', 'support'] }, link: true }, undefined],
  ] as const)('is said as: %s', (words, auth, restrictions) => {
    expect(audience(auth, restrictions)).toBe(words);
  });
});
