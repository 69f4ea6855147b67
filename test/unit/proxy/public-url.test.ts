import { describe, expect, it } from 'vitest';
import { type PublicView, publicCookie, publicRefresh, publicUrl } from '../../../edge/proxy/public-url.ts';
import { targetOptions } from '../../../edge/route/target-options.ts';
import type { Target } from '../../../shared/domain/service.ts';

const target = (changes: Partial<Target> = {}): Target => ({
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
  ...changes,
});

function view(changes: Partial<PublicView> = {}, of: Partial<Target> = {}): PublicView {
  const names = targetOptions(target(of), true)?.names;
  if (names === undefined) throw new Error('no names');
  return { scheme: 'https', authority: 'app.example.com', prefix: '', names, knowsPublicName: false, ...changes };
}

const NAS = { type: 'host', host: 'nas.lan', port: 80 } as const;
const SIX = { type: 'host', host: 'fd00::1', port: 8080 } as const;
const SAFE = { protocol: 'https', port: 443, type: 'host', host: 'git.lan' } as const;
const API = { prefix: '/api' } as const;
const PLAIN = { scheme: 'http', authority: 'app.localhost:8080' } as const;
const KNOWN = { knowsPublicName: true } as const;

describe('publicUrl', () => {
  it.each<[string, string, Partial<PublicView>?, Partial<Target>?]>([
    // Absolute, by each name that a server on the laptop has.
    ['http://localhost:3000/x?y=1#z', 'https://app.example.com/x?y=1#z'],
    ['http://127.0.0.1:3000/', 'https://app.example.com/'],
    ['http://[::1]:3000/x', 'https://app.example.com/x'],
    ['http://[0:0:0:0:0:0:0:1]:3000/x', 'https://app.example.com/x'],
    ['http://0.0.0.0:3000/x', 'https://app.example.com/x'],
    ['http://localhost:3000', 'https://app.example.com'],
    ['http://localhost:3000?q', 'https://app.example.com?q'],
    ['HTTP://LocalHost:3000/X', 'https://app.example.com/X'],
    ['http://localhost.:3000/x', 'https://app.example.com/x'],
    ['http://localhost:03000/x', 'https://app.example.com/x'],
    ['http://localhost:3000/x', 'http://app.localhost:8080/x', PLAIN],
    // The default port, said or not.
    ['http://nas.lan/x', 'https://app.example.com/x', {}, NAS],
    ['http://nas.lan:80/x', 'https://app.example.com/x', {}, NAS],
    ['http://nas.lan:/x', 'https://app.example.com/x', {}, NAS],
    ['https://git.lan/x', 'https://app.example.com/x', {}, SAFE],
    ['https://git.lan:443/x', 'https://app.example.com/x', {}, SAFE],
    ['http://[FD00:0::1]:8080/x', 'https://app.example.com/x', {}, SIX],
    // Protocol-relative.
    ['//localhost:3000/x', '//app.example.com/x'],
    ['//nas.lan/x', '//app.example.com/x', {}, NAS],
    ['//git.lan/x', '//app.example.com/x', {}, SAFE],
    // The stripped prefix comes back.
    ['http://localhost:3000/x', 'https://app.example.com/api/x', API],
    ['http://localhost:3000', 'https://app.example.com/api', API],
    ['http://localhost:3000?q', 'https://app.example.com/api?q', API],
    ['//localhost:3000/x', '//app.example.com/api/x', API],
    ['/x', '/api/x', API],
    ['/', '/api/', API],
    ['/api/x', '/api/api/x', API],
    ['/x?to=http://localhost:3000/', '/api/x?to=http://localhost:3000/', API],
    // A target that knows the public name calls itself that.
    ['http://app.example.com/x', 'https://app.example.com/x', KNOWN],
    ['https://app.example.com/x', 'https://app.example.com/api/x', { ...KNOWN, ...API }],
    ['http://APP.example.com/x', 'https://app.example.com/api/x', { ...KNOWN, ...API }],
    ['http://app.localhost:8080/x', 'http://app.localhost:8080/api/x', { ...PLAIN, ...KNOWN, ...API }],
    // And may send visitors on to https: mending that would send them in circles.
    ['https://app.example.com/x', 'https://app.example.com/x', { ...KNOWN, scheme: 'http' }],
  ])('makes %s public as %s', (given, wanted, how, of) => {
    expect(publicUrl(given, view(how, of))).toBe(wanted);
  });

  it.each<[string, Partial<PublicView>?, Partial<Target>?]>([
    ['http://localhost:3001/x', API],
    ['http://localhost/x', API],
    ['https://localhost:3000/x', API],
    ['ws://localhost:3000/x', API],
    ['http://example.com/x', API],
    ['http://localhost.example.com:3000/x', API],
    ['http://nas.lan:8080/x', API, NAS],
    ['http://localhost/x', API, NAS],
    ['http://[fd00::2]:8080/x', API, SIX],
    ['https://git.lan:8443/', API, SAFE],
    ['http://git.lan/', API, SAFE],
    ['//example.com/x', API],
    ['//localhost/x', API],
    ['http://user@localhost:3000/x', API],
    ['http://localhost:3000@evil.example/', API],
    ['http://localhost:3000\\@evil.example/', API],
    ['/\\evil.example', API],
    ['///evil.example', API],
    ['http:///x', API],
    ['http://localhost:x/', API],
    ['http://[::1/x', API],
    ['x', API],
    ['../x', API],
    ['?q', API],
    ['#f', API],
    ['', API],
    ['mailto:a@localhost:3000', API],
    ['data:text/plain,//localhost:3000', API],
    ['https://app.example.com/x', API],
    ['https://other.example.com/x', { ...KNOWN, ...API }],
    ['https://app.example.com:8443/x', { ...KNOWN, ...API }],
    ['/x', {}],
  ])('leaves %s alone', (value, how, of) => {
    expect(publicUrl(value, view(how, of))).toBe(value);
  });

  it('takes no longer for a long value that leads nowhere', () => {
    const long = `http://${'a.'.repeat(30_000)}`;
    expect(publicUrl(long, view())).toBe(long);
    expect(publicRefresh(`0${' '.repeat(60_000)}`, view())).toBe(`0${' '.repeat(60_000)}`);
  });
});

describe('publicRefresh', () => {
  it.each([
    ['5; url=http://localhost:3000/x', '5; url=https://app.example.com/api/x'],
    ['0;URL="http://localhost:3000/x"', '0;URL="https://app.example.com/api/x"'],
    ["0; Url = '/x' and more", "0; Url = '/api/x' and more"],
    ['3, /x', '3, /api/x'],
    ['3;url=/x?a;b', '3;url=/api/x?a;b'],
    ['5', '5'],
    ['5; url=http://example.com/', '5; url=http://example.com/'],
    ['soon', 'soon'],
    ['', ''],
  ])('makes %s public as %s', (given, wanted) => {
    expect(publicRefresh(given, view(API))).toBe(wanted);
  });
});

describe('publicCookie', () => {
  it.each<[string, string, Partial<PublicView>?, Partial<Target>?]>([
    ['a=b', 'a=b', API],
    ['a=b; Path=/', 'a=b; Path=/api', API],
    ['a=b; path=/x/y; HttpOnly', 'a=b; path=/api/x/y; HttpOnly', API],
    ['a=b;Path=/x;Domain=localhost', 'a=b;Path=/api/x;Domain=app.example.com', API],
    ['a=b; Path=/x', 'a=b; Path=/x'],
    ['a=b; Path=', 'a=b; Path=', API],
    ['a=b; Path=x', 'a=b; Path=x', API],
    ['a=b; Domain=.nas.lan; Secure', 'a=b; Domain=app.example.com; Secure', {}, NAS],
    ['a=b; DOMAIN = NAS.lan', 'a=b; DOMAIN = app.localhost', PLAIN, NAS],
    ['a=b; Domain=lan', 'a=b; Domain=lan', {}, NAS],
    ['a=b; Domain=example.com', 'a=b; Domain=example.com'],
    ['a="Path=/x"; SameSite=Lax', 'a="Path=/x"; SameSite=Lax', API],
    ['__Host-a=b; Path=/; Secure', '__Host-a=b; Path=/; Secure', API],
    ['__Secure-a=b; Path=/; Secure', '__Secure-a=b; Path=/api; Secure', API],
    [
      'a=b; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/',
      'a=b; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/api',
      API,
    ],
  ])('makes %s public as %s', (given, wanted, how, of) => {
    expect(publicCookie(given, view(how, of))).toBe(wanted);
  });
});
