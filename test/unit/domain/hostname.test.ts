import { describe, expect, it } from 'vitest';
import {
  isDialHost,
  isIPv6,
  isUnder,
  parseDomain,
  parseListenAddress,
  splitHost,
} from '../../../shared/domain/hostname.ts';

describe('parseDomain', () => {
  it.each([
    ['example.com', 'example.com'],
    ['APP.Example.COM', 'app.example.com'],
    ['app.example.com.', 'app.example.com'],
    ['localhost', 'localhost'],
    [`${'a'.repeat(63)}.com`, `${'a'.repeat(63)}.com`],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('takes %s', (text, domain) => {
    expect(parseDomain(text)).toEqual({ ok: true, value: domain });
  });

  it.each([
    '',
    '.',
    'a..b',
    '-a.com',
    'a-.com',
    'a_b.com',
    'a b.com',
    `${'a'.repeat(64)}.com`,
    '*.example.com',
    'bücher.example',
    '10.0.0.1',
    'a/b.com',
    'a.com:80',
    `${'a.'.repeat(127)}com`,
  ])('refuses %j', (text) => {
    expect(parseDomain(text)).toMatchObject({ ok: false, error: { code: 'domain_invalid', field: 'domain' } });
  });
});

describe('isUnder', () => {
  it('accepts the domain itself and whole labels under it, nothing else', () => {
    expect(isUnder('example.com', 'example.com')).toBe(true);
    expect(isUnder('a.example.com', 'example.com')).toBe(true);
    expect(isUnder('notexample.com', 'example.com')).toBe(false);
    expect(isUnder('example.com.evil.net', 'example.com')).toBe(false);
  });
});

describe('splitHost', () => {
  it.each([
    ['App.Localhost', { name: 'app.localhost', port: '' }],
    ['app.localhost:8443', { name: 'app.localhost', port: '8443' }],
    ['app.localhost.:8443', { name: 'app.localhost', port: '8443' }],
    ['[::1]:80', { name: '[::1]', port: '80' }],
    ['127.0.0.1', { name: '127.0.0.1', port: '' }],
    ['a:', { name: 'a', port: '' }],
  ])('splits %s', (value, parts) => {
    expect(splitHost(value)).toEqual(parts);
  });

  it.each(['', ':80', 'a b', 'a:80:80', 'a:port', 'a:123456', 'user@a', 'a/b', 'a,b', '[::1', '[::1]x', 'a\u0000'])(
    'refuses %j',
    (value) => {
      expect(splitHost(value)).toBeUndefined();
    },
  );
});

describe('parseListenAddress', () => {
  it.each([
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
    [':443', { host: '0.0.0.0', port: 443 }],
    ['localhost:65535', { host: 'localhost', port: 65535 }],
  ])('takes %s', (text, value) => {
    expect(parseListenAddress(text)).toEqual({ ok: true, value });
  });

  it.each(['', '443', '::1:443', '127.0.0.1', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1:x', '[::1]'])(
    'refuses %j',
    (text) => {
      expect(parseListenAddress(text)).toMatchObject({ ok: false, error: { code: 'address_invalid' } });
    },
  );
});

describe('isDialHost', () => {
  it.each(['localhost', '192.168.1.5', '::1', '[::1]', 'my_host.lan', 'app.internal.'])('takes %s', (text) => {
    expect(isDialHost(text)).toBe(true);
  });

  it.each([
    '',
    'a b',
    'a/b',
    '[::1',
    '-a',
    'http://a',
    'a:80',
    'a\n',
    '127.1',
    '010.0.0.1',
    '0x7f.1',
    '2130706433',
    '1.2.3.4.',
  ])('refuses %j', (text) => {
    expect(isDialHost(text)).toBe(false);
  });
});

describe('isIPv6', () => {
  it.each(['::', '::1', 'fe80::1', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1', '1::', '64:ff9b::192.0.2.33'])(
    'takes %s',
    (text) => {
      expect(isIPv6(text)).toBe(true);
    },
  );

  it.each([
    '',
    ':',
    '1',
    '1:2',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    '::g',
    '1:2:3:4:5:6:7::8',
    '::1%eth0',
    ':::',
  ])('refuses %j', (text) => {
    expect(isIPv6(text)).toBe(false);
  });
});
