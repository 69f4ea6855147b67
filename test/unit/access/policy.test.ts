import { describe, expect, test } from 'vitest';
import { createJudge } from '../../../edge/access/access.ts';
import { type AddressKnowledge, compilePolicy, type Remedy } from '../../../edge/access/policy.ts';
import type { Restrictions } from '../../../shared/domain/restrictions.ts';

interface World {
  readonly country?: string | undefined | 'unavailable';
  readonly remedy?: Remedy | undefined | 'unavailable';
}
const knowing = ({ country, remedy }: World): AddressKnowledge => ({ country: () => country, remedy: () => remedy });
const nobodyAsks: AddressKnowledge = {
  country: () => {
    throw new Error('the country was asked');
  },
  remedy: () => {
    throw new Error('CrowdSec was asked');
  },
};
const judge = (restrictions: Restrictions, address: string, world?: World) =>
  compilePolicy(restrictions).judge(address, world === undefined ? nobodyAsks : knowing(world));

describe('networks', () => {
  const office = { allowCidrs: ['10.0.0.0/8', '2001:db8::/32'] };
  test.each<[string, Restrictions, string, string | undefined]>([
    ['an address of the allow list', office, '10.1.2.3', undefined],
    ['one that is not on it', office, '192.0.2.1', 'ip_restricted'],
    ['an IPv6 address of it', office, '2001:db8::7', undefined],
    ['an IPv6 address that is not on it', office, '2001:db9::7', 'ip_restricted'],
    ['an IPv4-mapped address of it', office, '::ffff:10.1.2.3', undefined],
    ['an IPv4-mapped address that is not on it', office, '::ffff:192.0.2.1', 'ip_restricted'],
    ['an address of the block list', { blockCidrs: ['192.0.2.0/24'] }, '192.0.2.9', 'ip_restricted'],
    ['an IPv4-mapped address of the block list', { blockCidrs: ['192.0.2.0/24'] }, '::ffff:c000:0209', 'ip_restricted'],
    ['one that is not on the block list', { blockCidrs: ['192.0.2.0/24'] }, '192.0.3.9', undefined],
    ['one on both lists', { ...office, blockCidrs: ['10.1.0.0/16'] }, '10.1.2.3', 'ip_restricted'],
    ['one on the allow list beside a block list', { ...office, blockCidrs: ['10.1.0.0/16'] }, '10.2.2.3', undefined],
    ['anybody where the lists are empty', { allowCidrs: [], blockCidrs: [] }, '192.0.2.1', undefined],
    ['IPv6 where only IPv4 is let in', { allowCidrs: ['0.0.0.0/0'] }, '2001:db8::1', 'ip_restricted'],
    ['what is no address', { blockCidrs: ['192.0.2.0/24'] }, 'unix', 'ip_restricted'],
    ['anybody where a network cannot be read', { blockCidrs: ['192.0.2.0/99'] }, '198.51.100.1', 'ip_restricted'],
  ])('%s', (_, restrictions, address, denied) => {
    expect(judge(restrictions, address).denied).toBe(denied);
  });
});

describe('countries', () => {
  const only = { allowCountries: ['DE', 'FR'] };
  const not = { blockCountries: ['RU'] };
  test.each<[string, Restrictions, World, string | undefined]>([
    ['one that is let in', only, { country: 'DE' }, undefined],
    ['one that is not', only, { country: 'US' }, 'country_restricted'],
    ['one that is blocked', not, { country: 'RU' }, 'country_restricted'],
    ['one that is not blocked', not, { country: 'US' }, undefined],
    ['one on both lists', { ...only, blockCountries: ['DE'] }, { country: 'DE' }, 'country_restricted'],
    ['an unknown one beside an allow list', only, { country: undefined }, 'country_restricted'],
    ['an unknown one beside a block list', not, { country: undefined }, undefined],
    ['any without a database, allow list', only, { country: 'unavailable' }, 'geo_unavailable'],
    ['any without a database, block list', not, { country: 'unavailable' }, 'geo_unavailable'],
    ['a list in lower case', { allowCountries: ['de'] }, { country: 'DE' }, undefined],
  ])('%s', (_, restrictions, world, denied) => {
    expect(judge(restrictions, '192.0.2.1', world).denied).toBe(denied);
  });

  test('are told to the access log, also of those who are turned away', () => {
    expect(judge(only, '192.0.2.1', { country: 'DE' })).toEqual({ country: 'DE' });
    expect(judge(only, '192.0.2.1', { country: 'US' })).toEqual({ denied: 'country_restricted', country: 'US' });
  });

  test('are not asked where the network has decided', () => {
    expect(judge({ ...only, blockCidrs: ['192.0.2.0/24'] }, '192.0.2.1').denied).toBe('ip_restricted');
    expect(judge({ ...only, allowCidrs: ['10.0.0.0/8'] }, '192.0.2.1').denied).toBe('ip_restricted');
  });
});

describe('networks and countries together', () => {
  const lists: Restrictions = { allowCidrs: ['10.0.0.0/8'], allowCountries: ['DE'] };
  const all: Restrictions = { ...lists, allowMatch: 'all' };
  const any: Restrictions = { ...lists, allowMatch: 'any' };
  test.each<[string, Restrictions, string, World, string | undefined]>([
    ['all: both match', all, '10.0.0.1', { country: 'DE' }, undefined],
    ['all: the network alone', all, '10.0.0.1', { country: 'US' }, 'country_restricted'],
    ['all: the country alone', all, '192.0.2.1', { country: 'DE' }, 'ip_restricted'],
    ['nothing said is all', lists, '192.0.2.1', { country: 'DE' }, 'ip_restricted'],
    ['any: both match', any, '10.0.0.1', { country: 'DE' }, undefined],
    ['any: the network alone', any, '10.0.0.1', { country: 'US' }, undefined],
    ['any: the country alone', any, '192.0.2.1', { country: 'DE' }, undefined],
    ['any: neither', any, '192.0.2.1', { country: 'US' }, 'country_restricted'],
    ['any: the network alone, country unknown', any, '10.0.0.1', { country: undefined }, undefined],
    ['any: not the network, country unknown', any, '192.0.2.1', { country: undefined }, 'country_restricted'],
    ['any: the network alone, no database', any, '10.0.0.1', { country: 'unavailable' }, undefined],
    ['any: not the network, no database', any, '192.0.2.1', { country: 'unavailable' }, 'geo_unavailable'],
    [
      'any: a blocked network wins',
      { ...any, blockCidrs: ['10.0.0.0/24'] },
      '10.0.0.1',
      { country: 'DE' },
      'ip_restricted',
    ],
    [
      'any: a blocked country wins',
      { ...any, blockCountries: ['US'] },
      '10.0.0.1',
      { country: 'US' },
      'country_restricted',
    ],
    [
      'any: a blocked country, no database',
      { ...any, blockCountries: ['US'] },
      '10.0.0.1',
      { country: 'unavailable' },
      'geo_unavailable',
    ],
    ['any with one list is all', { allowCidrs: ['10.0.0.0/8'], allowMatch: 'any' }, '192.0.2.1', {}, 'ip_restricted'],
  ])('%s', (_, restrictions, address, world, denied) => {
    expect(judge(restrictions, address, world).denied).toBe(denied);
  });
});

describe('CrowdSec', () => {
  test.each<[Restrictions['crowdsec'], World['remedy'], string | undefined, string | undefined]>([
    ['enforce', undefined, undefined, undefined],
    ['enforce', 'ban', 'crowdsec_ban', undefined],
    ['enforce', 'captcha', 'crowdsec_captcha', undefined],
    ['enforce', 'throttle', 'crowdsec_throttle', undefined],
    ['enforce', 'unavailable', 'crowdsec_unavailable', undefined],
    ['observe', undefined, undefined, undefined],
    ['observe', 'ban', undefined, 'crowdsec_ban'],
    ['observe', 'unavailable', undefined, 'crowdsec_unavailable'],
  ])('%s, %s', (crowdsec, remedy, denied, observed) => {
    expect(judge({ ...(crowdsec === undefined ? {} : { crowdsec }) }, '192.0.2.1', { remedy })).toEqual({
      ...(denied === undefined ? {} : { denied }),
      ...(observed === undefined ? {} : { observed }),
    });
  });

  test('is not asked about whom the lists have turned away, or when it is off', () => {
    expect(judge({ blockCidrs: ['192.0.2.0/24'], crowdsec: 'enforce' }, '192.0.2.1').denied).toBe('ip_restricted');
    expect(judge({ blockCidrs: ['192.0.2.0/24'], crowdsec: 'off' }, '198.51.100.1')).toEqual({});
  });

  test('has the last word over the allow lists', () => {
    expect(judge({ allowCidrs: ['192.0.2.0/24'], crowdsec: 'enforce' }, '192.0.2.1', { remedy: 'ban' }).denied).toBe(
      'crowdsec_ban',
    );
  });
});

test('a judge follows the restrictions that it is given', () => {
  const judge = createJudge(nobodyAsks);
  const before: Restrictions = { blockCidrs: ['192.0.2.0/24'] };
  expect(judge(before, '192.0.2.1').denied).toBe('ip_restricted');
  expect(judge(before, '192.0.2.1').denied).toBe('ip_restricted');
  expect(judge({ blockCidrs: ['198.51.100.0/24'] }, '192.0.2.1').denied).toBeUndefined();
});
