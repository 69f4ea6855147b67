import { describe, expect, it } from 'vitest';
import { TrustedProxies } from '../../../edge/trusted-proxies.ts';
import { type Cidr, parseCidr } from '../../../shared/domain/cidr.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};
const proxies = new TrustedProxies(['10.0.0.0/8', 'fd00::/16'].map(cidr));
const client = (forwardedFor: string, peer = '10.0.0.1') => proxies.clientOf(peer, forwardedFor);

describe('the client behind trusted proxies', () => {
  it.each([
    ['one proxy', '203.0.113.7', '203.0.113.7', ['10.0.0.1']],
    ['what a visitor wrote itself', '1.1.1.1, 10.0.0.9, 203.0.113.7', '203.0.113.7', ['10.0.0.1']],
    ['several proxies', '6.6.6.6, 203.0.113.7, 10.0.0.3, fd00::2', '203.0.113.7', ['10.0.0.3', 'fd00::2', '10.0.0.1']],
    ['a port', '203.0.113.7:4711', '203.0.113.7', ['10.0.0.1']],
    ['IPv6 in brackets', '"x", [2001:DB8::1]:443', '2001:db8::1', ['10.0.0.1']],
    ['IPv6 as it is', '2001:db8::1', '2001:db8::1', ['10.0.0.1']],
    ['mapped IPv4', '::ffff:203.0.113.7', '203.0.113.7', ['10.0.0.1']],
    ['no visitor at all', '10.0.0.4', '10.0.0.4', ['10.0.0.1']],
    ['an entry that says nothing', '203.0.113.7, unknown', '10.0.0.1', []],
    ['an entry that says nothing behind a proxy', '203.0.113.7, _x, 10.0.0.2', '10.0.0.2', ['10.0.0.1']],
    ['an empty entry', '203.0.113.7,', '10.0.0.1', []],
    ['nothing', '', '10.0.0.1', []],
  ])('is told apart from %s', (_, forwardedFor, address, via) => {
    expect(client(forwardedFor)).toEqual({ address, via });
  });

  it('is the peer where that is none of them, whatever it says', () => {
    expect(client('203.0.113.7', '198.51.100.1')).toEqual({ address: '198.51.100.1', via: [] });
    expect(client('203.0.113.7', '::ffff:10.0.0.1').address).toBe('203.0.113.7');
  });

  it('is looked for no further than is reasonable', () => {
    const { via } = client(`1.1.1.1, ${'10.0.0.2, '.repeat(5_000)}10.0.0.3`);
    expect(via.length).toBe(32);
  });
});
