import { describe, expect, it } from 'vitest';
import { cidrContains, parseAddress, parseCidr, spell } from '../../../shared/domain/cidr.ts';

describe('a network', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['::1', '::1/128'],
    ['::/0', '::/0'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1/128'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
    ['::ffff:192.0.2.1/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
  ])('%s is written %s', (text, spelled) => expect(parseCidr(text)?.text).toBe(spelled));

  it.each(['', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0/8', '::/129', '10.0.0.0/8/8', 'x/8', '[::1]/8'])(
    '%j is none',
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );

  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::1', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '192.0.2.1', false],
    ['::/0', '169.254.169.254', false],
    ['::/0', '::ffff:169.254.169.254', false],
    ['::/0', '2001:db8::1', true],
    ['::/64', '10.0.0.1', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
    ['::ffff:0:0/96', '192.0.2.1', true],
    ['::1/128', '192.0.2.1', false],
    ['0.0.0.0/0', 'not an address', false],
  ])('%s and %s: %j', (network, address, inside) => {
    const cidr = parseCidr(network);
    expect(cidr !== undefined && cidrContains(cidr, address)).toBe(inside);
  });
});

it.each(['1.2.3.4', '::', '::1', '1::', 'fe80::1', '1:2:3:4:5:6:7:8', '1::3:0:0:8'])(
  '%s is spelled as RFC 5952',
  (text) => {
    const address = parseAddress(text);
    expect(address && spell(address)).toBe(text);
  },
);
