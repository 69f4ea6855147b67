import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { DIRECT, HttpProxy, parseProxy, type Way } from '../../../main/agent/proxy.ts';
import { createWayFinder, directly } from '../../../main/agent/proxy-choice.ts';
import { readExceptions } from '../../../main/agent/proxy-environment.ts';
import { createSystemAsker, parseSystemAnswer, SYSTEM_ANSWER } from '../../../main/agent/proxy-system.ts';
import { sayReason } from '../../../shared/domain/reason.ts';

const never = new AbortController().signal;
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('a proxy, as it is named', () => {
  it.each([
    ['http://proxy.example:3128', 'proxy.example:3128', undefined],
    ['  HTTP://Proxy.Example:3128/  ', 'proxy.example:3128', undefined],
    ['http://proxy.example', 'proxy.example:80', undefined],
    ['proxy.example:3128', 'proxy.example:3128', undefined],
    ['10.0.0.1:8080', '10.0.0.1:8080', undefined],
    ['http://[2001:db8::1]:3128', '[2001:db8::1]:3128', undefined],
    ['http://ada:secret@proxy:3128', 'proxy:3128', basic('ada:secret')],
    ['ada:secret@proxy:3128', 'proxy:3128', basic('ada:secret')],
    ['http://ada@proxy:3128', 'proxy:3128', basic('ada:')],
    ['http://ada:p%40ss%3Aw%C3%B6rd@proxy:3128', 'proxy:3128', basic('ada:p@ss:wörd')],
  ])('%s', (text, place, authorization) => {
    const parsed = parseProxy(text);
    expect(parsed.ok && [parsed.value.place, parsed.value.authorization]).toEqual([place, authorization]);
  });

  it.each([
    ['https://ada:secret@proxy:3128', 'by https'],
    ['socks5://ada:secret@proxy:1080', 'SOCKS'],
    ['socks://proxy', 'SOCKS'],
    ['ftp://secret@proxy', 'not an http proxy'],
    ['http://', 'not a URL'],
    ['http://proxy:secret', 'not a URL'],
    ['http://proxy:0', 'not a URL'],
    ['secret stuff', 'not a URL'],
    ['http://ada:50%secret@proxy', 'percent-encoded'],
    ['http://a%3Ada:secret@proxy', 'percent-encoded'],
    ['http://ada:secret%0d%0aX-Y: z@proxy', 'percent-encoded'],
    // Up to the mark these are URLs with another host, and the password's beginning for a port.
    ['http://ada:12#secret@proxy:3128', 'percent-encoded'],
    ['http://ada:12/secret@proxy:3128', 'percent-encoded'],
    ['ada:12?secret@proxy:3128', 'percent-encoded'],
    ['http://ada:12\\secret@proxy:3128', 'percent-encoded'],
  ])('refuses %s and repeats nothing of it', (text, reason) => {
    const parsed = parseProxy(text);
    expect(parsed.ok ? '' : sayReason(parsed.error)).toContain(reason);
    expect(parsed.ok ? 'secret' : JSON.stringify(parsed.error)).not.toContain('secret');
  });

  it('shows its credentials to nobody who only looks', () => {
    const proxy = new HttpProxy('proxy', 3128, basic('ada:secret'));
    const seen = [inspect(proxy, { showHidden: true, depth: 9 }), JSON.stringify(proxy), String(proxy)].join();
    expect(seen).not.toContain(basic('ada:secret').slice(6));
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['*', 'edge.example.com', 443, true],
    ['edge.example.com', 'edge.example.com', 443, true],
    ['EDGE.example.com.', 'edge.Example.com.', 443, true],
    ['example.com', 'edge.example.com', 443, true],
    ['.example.com', 'edge.example.com', 443, true],
    ['.example.com', 'example.com', 443, true],
    ['*.example.com', 'edge.example.com', 443, true],
    ['example.com', 'badexample.com', 443, false],
    ['example.com', 'example.com.evil.test', 443, false],
    ['edge.example.com:443', 'edge.example.com', 443, true],
    ['edge.example.com:443', 'edge.example.com', 8443, false],
    ['10.1.2.3', '10.1.2.3', 443, true],
    ['10.1.2.3:8443', '10.1.2.3', 443, false],
    ['10.0.0.0/8', '10.255.0.1', 443, true],
    ['10.0.0.0/8', '11.0.0.1', 443, false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', 443, true],
    ['10.0.0.0/8', '10.example.com', 443, false],
    ['10.0.0.0/8:443', '10.1.2.3', 443, true],
    ['10.0.0.0/8:443', '10.1.2.3', 444, false],
    ['*:443', 'edge.example.com', 443, true],
    ['*:443', 'edge.example.com', 444, false],
    ['fd00::/8', 'fd12::1', 443, true],
    ['fd00::/8:443', 'fd12::1', 444, false],
    ['[fd00::]/8:443', 'fd12::1', 443, true],
    ['2001:db8::1', '2001:0db8:0::1', 443, true],
    ['[2001:db8::1]', '2001:db8::1', 443, true],
    ['[2001:db8::1]:443', '2001:db8::1', 443, true],
    ['[2001:db8::1]:443', '2001:db8::1', 444, false],
    ['a.test, b.test c.test\tedge.test', 'edge.test', 443, true],
    ['', 'edge.test', 443, false],
    ['.', 'edge.test', 443, false],
    ['10.0.0.0/99, [x]:1, :443, /8, http://edge.test', 'edge.test', 443, false],
  ])('"%s" and %s:%d', (text, host, port, exception) => {
    expect(readExceptions({ NO_PROXY: text })(host, port)).toBe(exception);
    expect(readExceptions({ no_proxy: text })(host, port)).toBe(exception);
  });
});

/** A way in short. */
const short = ({ routes, from, spared, untold }: Way) => ({
  routes: routes.map((route) => (route === 'direct' ? route : route.place)),
  ...(from === undefined ? {} : { from }),
  ...(spared === undefined ? {} : { spared }),
  ...(untold === undefined ? {} : { untold }),
});

async function wayTo(host: string, env: Record<string, string>, system?: (url: string) => Promise<string>) {
  const found = await createWayFinder(env, system)(host, 443, never);
  return found.ok ? short(found.value) : found.error;
}

const PROXY = { HTTPS_PROXY: 'http://proxy:3128' };

describe('the way', () => {
  it.each([
    [{}, { routes: ['direct'] }],
    [{ HTTPS_PROXY: ' ' }, { routes: ['direct'] }],
    [{ HTTP_PROXY: 'http://other:1' }, { routes: ['direct'] }],
    [PROXY, { routes: ['proxy:3128'], from: 'HTTPS_PROXY' }],
    [{ https_proxy: 'proxy:1' }, { routes: ['proxy:1'], from: 'https_proxy' }],
    [
      { ALL_PROXY: 'proxy:1', all_proxy: 'proxy:2' },
      { routes: ['proxy:1'], from: 'ALL_PROXY' },
    ],
    [
      { all_proxy: 'proxy:2', ...PROXY },
      { routes: ['proxy:3128'], from: 'HTTPS_PROXY' },
    ],
    [
      { ...PROXY, NO_PROXY: 'example.com' },
      { routes: ['direct'], spared: 'HTTPS_PROXY' },
    ],
    [
      { ...PROXY, NO_PROXY: 'example.com:8443' },
      { routes: ['proxy:3128'], from: 'HTTPS_PROXY' },
    ],
  ])('by the environment %j', async (env, way) => {
    expect(await wayTo('edge.example.com', env as Record<string, string>)).toEqual(way);
  });

  it.each([
    'localhost',
    'edge.localhost',
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0.0.0.0',
  ])('to %s never leads through a proxy', async (host) => {
    const system = vi.fn(async () => 'PROXY other:8080');
    expect(await wayTo(host, PROXY, system)).toEqual({ routes: ['direct'] });
    expect(await wayTo(host, {}, system)).toEqual({ routes: ['direct'] });
    expect(system).not.toHaveBeenCalled();
  });

  it('fails where the environment names what is no http proxy, without repeating it', async () => {
    const failed = await wayTo('edge.test', { HTTPS_PROXY: 'socks5://ada:secret@proxy:1080' });
    expect(failed).toMatchObject({
      code: 'proxy_invalid',
      message:
        'HTTPS_PROXY names a proxy that Porthole cannot use: it is a SOCKS proxy. Give one as http://HOST:PORT in HTTPS_PROXY, or add edge.test to NO_PROXY to connect directly.',
    });
    expect(JSON.stringify(failed)).not.toMatch(/secret|ada|1080/);
    expect(await wayTo('edge.test', { HTTPS_PROXY: 'socks5://proxy', NO_PROXY: 'edge.test' })).toMatchObject({
      routes: ['direct'],
    });
  });

  it('is asked of the system after the environment, and not for what NO_PROXY names', async () => {
    const system = vi.fn(async (_url: string) => 'PROXY proxy:8080; DIRECT');
    expect(await wayTo('edge.test', {}, system)).toEqual({ routes: ['proxy:8080', 'direct'], from: 'system' });
    expect(system.mock.calls).toEqual([['https://edge.test:443/']]);
    expect(await wayTo('2001:db8::1', {}, system)).toMatchObject({ from: 'system' });
    expect(system.mock.calls[1]).toEqual(['https://[2001:db8::1]:443/']);
    expect(await wayTo('edge.test', PROXY, system)).toEqual({ routes: ['proxy:3128'], from: 'HTTPS_PROXY' });
    expect(await wayTo('edge.test', { NO_PROXY: '.test' }, system)).toEqual({ routes: ['direct'] });
    expect(system).toHaveBeenCalledTimes(2);
  });

  it('is direct where the system names nothing, or does not say', async () => {
    expect(await wayTo('edge.test', {}, async () => 'DIRECT')).toEqual({ routes: ['direct'] });
    expect(await wayTo('edge.test', {}, async () => '')).toEqual({ routes: ['direct'], untold: true });
    const broken = wayTo('edge.test', {}, () => Promise.reject(new Error('no')));
    expect(await broken).toEqual({ routes: ['direct'], untold: true });
    const throwing = (): Promise<string> => {
      throw new Error('no');
    };
    expect(await wayTo('edge.test', {}, throwing)).toEqual({ routes: ['direct'], untold: true });
  });

  it('fails where the system names only what cannot be used, and says which', async () => {
    expect(await wayTo('edge.test', {}, async () => 'SOCKS5 a:1080; HTTPS b:443')).toMatchObject({
      code: 'proxy_invalid',
      message: expect.stringMatching(/^The operating system .* of the kind SOCKS5, HTTPS\./),
    });
    expect(await wayTo('edge.test', {}, async () => 'SOCKS5 a:1080; DIRECT')).toEqual({ routes: ['direct'] });
  });

  it('is direct by default', async () => {
    expect(await directly('edge.test', 443, never)).toEqual({ ok: true, value: DIRECT });
  });
});

describe("the system's answer", () => {
  it.each([
    ['PROXY a:1;PROXY b:2; DIRECT', ['a:1', 'b:2', 'direct'], []],
    ['proxy a', ['a:80'], []],
    ['HTTP a:8080', ['a:8080'], []],
    ['PROXY [2001:db8::1]:3128', ['[2001:db8::1]:3128'], []],
    ['SOCKS a:1; SOCKS5 b:2; QUIC c:3; PROXY d:4', ['d:4'], ['SOCKS', 'SOCKS5', 'QUIC']],
    ['PROXY; PROXY ::; [https://a, https://b]; \u0007', [], ['unknown']],
    [Array.from({ length: 99 }, (_, i) => `PROXY p${i}:1`).join(';'), ['p0:1', 'p1:1', 'p2:1', 'p3:1'], []],
    [' ; ;', [], []],
  ])('%j', (text, routes, unusable) => {
    const answer = parseSystemAnswer(text);
    expect(answer.routes.map((route) => (route === 'direct' ? route : route.place))).toEqual(routes);
    expect(answer.unusable).toEqual(unusable);
  });

  it('is waited for a while only, once for each place, and for a bounded number of places', async () => {
    vi.useFakeTimers();
    try {
      const resolve = vi.fn(() => new Promise<string>(() => {}));
      const ask = createSystemAsker(resolve);
      const twice = Promise.all([ask('https://a.test/', never), ask('https://a.test/', never)]);
      await vi.advanceTimersByTimeAsync(SYSTEM_ANSWER);
      expect(await twice).toEqual([undefined, undefined]);
      expect(resolve).toHaveBeenCalledTimes(1);
      const many = Promise.all(Array.from({ length: 100 }, (_, i) => ask(`https://b${i}.test/`, never)));
      await vi.advanceTimersByTimeAsync(SYSTEM_ANSWER);
      expect(new Set(await many)).toEqual(new Set([undefined]));
      expect(resolve.mock.calls.length).toBeLessThan(40);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is asked for anew once there was one, and given up with the signal', async () => {
    const resolve = vi.fn(async () => 'DIRECT');
    const ask = createSystemAsker(resolve);
    expect(await ask('https://a.test/', never)).toEqual({ routes: ['direct'], unusable: [] });
    await ask('https://a.test/', never);
    expect(resolve).toHaveBeenCalledTimes(2);
    const ending = new AbortController();
    const asked = createSystemAsker(() => new Promise(() => {}))('https://a.test/', ending.signal);
    ending.abort();
    expect(await asked).toBeUndefined();
  });
});
