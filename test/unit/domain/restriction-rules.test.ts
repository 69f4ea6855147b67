import { describe, expect, it } from 'vitest';
import { checkCidr, checkCountry, checkRestrictions } from '../../../shared/domain/restriction-rules.ts';

const text = (outcome: ReturnType<typeof checkCidr>): string => (outcome.ok ? outcome.value : outcome.error.message);

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    [' 192.0.2.7 ', '192.0.2.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0::/48', '2001:db8::/48'],
    ['::/0', '::/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.7', '192.0.2.7/32'],
  ])('%s is spelled %s', (written, spelled) => {
    expect(checkCidr(written)).toEqual({ ok: true, value: spelled });
  });

  it.each([
    ['10.1.2.3/8', 'The network is 10.0.0.0/8.'],
    ['2001:db8::1/32', 'The network is 2001:db8::/32.'],
    ['::ffff:192.0.2.7/120', 'The network is 192.0.2.0/24.'],
    ['::ffff:0:0/90', 'bits beyond the mask are set'],
    ['10.0.0.0/33', 'a number from 0 to 32'],
    ['::/129', 'a number from 0 to 128'],
    ['10.0.0.0/08', 'a number from 0 to 32'],
    ['10.0.0.0/8/8', 'more than one "/"'],
    ['example.com', 'does not begin with an IP address'],
    ['10.0.0/8', 'does not begin with an IP address'],
    ['', 'does not begin with an IP address'],
    ['fe80::1%eth0', 'does not begin with an IP address'],
  ])('%s is refused: %s', (written, reason) => {
    expect(text(checkCidr(written))).toContain(reason);
  });
});

describe('a country', () => {
  it('is two letters in either case', () => {
    expect(checkCountry(' de ')).toEqual({ ok: true, value: 'DE' });
  });

  it.each(['ZZ', 'DEU', 'UK', '', 'D\u001b[2J'])('is refused as %j', (code) => {
    const checked = checkCountry(code);
    expect(checked).toMatchObject({ ok: false, error: { code: 'country_invalid' } });
    expect(JSON.stringify(checked)).not.toContain('\\u001b');
  });
});

describe('restrictions', () => {
  it('come out in one spelling, without what says nothing', () => {
    const checked = checkRestrictions({
      allowCidrs: ['10.0.0.0/8', '10.0.0.0/8', '::ffff:10.0.0.0/104'],
      blockCidrs: [],
      allowCountries: ['de', 'DE', 'at'],
      allowMatch: 'all',
      crowdsec: 'off',
    });
    expect(checked).toEqual({ ok: true, value: { allowCidrs: ['10.0.0.0/8'], allowCountries: ['DE', 'AT'] } });
  });

  it('are none when nothing is left', () => {
    expect(checkRestrictions({ allowCidrs: [], crowdsec: 'off', allowMatch: 'any' })).toEqual({
      ok: true,
      value: undefined,
    });
  });

  it('name the entry that is wrong', () => {
    expect(checkRestrictions({ blockCidrs: ['10.0.0.0/8', '10.0.0.1/8'] })).toMatchObject({
      ok: false,
      error: { code: 'cidr_invalid', field: 'restrictions.blockCidrs.1' },
    });
    expect(checkRestrictions({ allowCountries: ['DE', 'XX'] })).toMatchObject({
      ok: false,
      error: { code: 'country_invalid', field: 'restrictions.allowCountries.1' },
    });
  });

  it('hold 200 networks and 50 countries a list, and no more', () => {
    const cidrs = Array.from({ length: 201 }, (_, i) => `10.0.${i}.0/24`);
    expect(checkRestrictions({ allowCidrs: cidrs.slice(1) }).ok).toBe(true);
    expect(checkRestrictions({ allowCidrs: cidrs })).toMatchObject({ ok: false, error: { code: 'list_too_long' } });
    expect(checkRestrictions({ blockCountries: Array.from({ length: 51 }, () => 'DE') })).toMatchObject({
      ok: false,
      error: { code: 'list_too_long', field: 'restrictions.blockCountries' },
    });
  });
});
