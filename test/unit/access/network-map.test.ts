import { describe, expect, test } from 'vitest';
import { NetworkMap, readAddress, type VisitorAddress } from '../../../edge/access/network-map.ts';
import { type Cidr, cidrContains, parseCidr } from '../../../shared/domain/cidr.ts';
import { seededRandom } from '../../support/random.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};
const address = (text: string): VisitorAddress => {
  const read = readAddress(text);
  if (read === undefined) throw new Error(`${text} is no address`);
  return read;
};

describe('an address', () => {
  test.each([
    ['192.0.2.7', 4, 0xc0000207],
    ['255.255.255.255', 4, 0xffffffff],
    ['0.0.0.0', 4, 0],
    ['::ffff:192.0.2.7', 4, 0xc0000207],
    ['::FFFF:c000:0207', 4, 0xc0000207],
  ])('%s is read as IPv%i', (text, family, value) => {
    expect(readAddress(text)).toEqual({ family, value });
  });

  test('of IPv6 is read without its zone', () => {
    expect(readAddress('fe80::1%eth0')).toEqual({ family: 6, value: (0xfe80n << 112n) | 1n });
  });

  test.each(['', 'localhost', '1.2.3', '1.2.3.256', '01.2.3.4', ':::', '[::1]', '1.2.3.4/32'])('is not %j', (text) => {
    expect(readAddress(text)).toBeUndefined();
  });
});

describe('a map of networks', () => {
  test('finds the narrowest network that an address lies in', () => {
    const map = new NetworkMap<string>();
    for (const text of ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.3/32', '::/0', '2001:db8::/32'])
      map.set(cidr(text), text);
    expect(map.narrowest(address('10.1.2.3'))).toBe('10.1.2.3/32');
    expect(map.narrowest(address('10.1.2.4'))).toBe('10.1.0.0/16');
    expect(map.narrowest(address('10.2.0.1'))).toBe('10.0.0.0/8');
    expect(map.narrowest(address('203.0.113.9'))).toBe('0.0.0.0/0');
    expect(map.narrowest(address('2001:db8::9'))).toBe('2001:db8::/32');
    expect(map.narrowest(address('2001:db9::9'))).toBe('::/0');
    expect(map.size).toBe(6);
  });

  test('knows nothing of what was taken out', () => {
    const map = new NetworkMap<string>();
    map.set(cidr('10.0.0.0/8'), 'wide');
    map.set(cidr('10.1.0.0/16'), 'narrow');
    map.set(cidr('10.1.0.0/16'), 'narrow again');
    map.delete(cidr('10.1.0.0/16'));
    map.delete(cidr('10.1.0.0/16'));
    expect(map.narrowest(address('10.1.0.1'))).toBe('wide');
    expect(map.get(cidr('10.1.0.0/16'))).toBeUndefined();
    expect([...map.values()]).toEqual(['wide']);
    expect(map.size).toBe(1);
  });

  test('agrees with a look at every single network', () => {
    const random = seededRandom(7);
    const draw = (most: number): number => Math.floor(random() * most);
    const four = (): string => [draw(4), draw(256), draw(4), draw(256)].join('.');
    const six = (): string =>
      `2001:db8:${draw(4).toString(16)}:${draw(65536).toString(16)}::${draw(65536).toString(16)}`;
    const map = new NetworkMap<string>();
    const all: Cidr[] = [];
    for (let i = 0; i < 200; i++) {
      const network = cidr(i % 2 === 0 ? `${four()}/${draw(33)}` : `${six()}/${draw(129)}`);
      map.set(network, network.text);
      all.push(network);
    }
    for (let i = 0; i < 500; i++) {
      const text = i % 2 === 0 ? four() : six();
      const narrowest = all.filter((c) => cidrContains(c, text)).sort((a, b) => b.bits - a.bits)[0];
      expect(map.narrowest(address(text)), text).toBe(narrowest?.text);
    }
  });
});
