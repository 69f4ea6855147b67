import { describe, expect, it } from 'vitest';
import { choseHttp2, decodeOpen, encodeOpen, laneOf, type OpenRequest, openedWord } from '../../../shared/wire/open.ts';

const base: OpenRequest = {
  type: 'agent',
  host: 'localhost',
  port: 53,
  tls: false,
  skipTlsVerify: false,
  connectTimeout: 10_000,
};

describe('an OPEN payload', () => {
  it.each<Partial<OpenRequest>>([
    {},
    { type: 'host', host: '10.0.0.1' },
    { tls: true },
    { tls: true, skipTlsVerify: true, type: 'host' },
  ])('stays version 1 for what version 1 knows: %j', (change) => {
    const bytes = encodeOpen({ ...base, ...change });
    expect(bytes[0]).toBe(1);
    expect(decodeOpen(bytes)).toEqual({ ...base, ...change });
  });

  it.each<Partial<OpenRequest>>([
    { udp: true },
    { udp: true, type: 'host' },
    { type: 'domain', host: 'db.lan', tls: true },
    { type: 'subnet', host: '10.0.0.7' },
  ])('is version 2 for the rest: %j', (change) => {
    const bytes = encodeOpen({ ...base, ...change });
    expect(bytes[0]).toBe(2);
    expect(decodeOpen(bytes)).toEqual({ ...base, ...change });
  });

  it.each<Partial<OpenRequest>>([
    {},
    { udp: true, type: 'host' },
    { host: 'x'.repeat(253), type: 'domain' },
    { service: 's'.repeat(64) },
    { tls: true, http2: true },
    { type: 'unix', host: '/run/my app.sock', port: 0 },
    { type: 'unix', host: '/run/app.sock', port: 0, tls: true, http2: true },
  ])('is version 3 where it names its service: %j', (change) => {
    const open = { ...base, service: '01hxyz', ...change };
    const bytes = encodeOpen(open);
    expect(bytes[0]).toBe(3);
    expect(decodeOpen(bytes)).toEqual(open);
  });

  it('is refused at every length but its own', () => {
    const bytes = encodeOpen({ ...base, service: 'shop' });
    for (let length = 0; length < bytes.length; length++) expect(decodeOpen(bytes.subarray(0, length))).toBeUndefined();
    expect(decodeOpen(Uint8Array.of(...bytes, 65))).toBeUndefined();
    expect(decodeOpen(Uint8Array.of(...bytes.subarray(0, -5), 0))).toBeUndefined();
  });

  it.each<[string, Partial<OpenRequest>]>([
    ['a port of a Unix socket', { type: 'unix', host: '/run/app.sock', port: 1 }],
    ['no port of anything else', { port: 0 }],
    ['a host with a space', { type: 'host', host: 'a b' }],
    ['HTTP/2 without TLS, which nobody is asked about', { http2: true }],
    ['datagrams to a Unix socket', { type: 'unix', host: '/run/app.sock', port: 0, udp: true }],
  ])('is refused with %s', (_, change) => {
    expect(decodeOpen(encodeOpen({ ...base, service: 's1', ...change }))).toBeUndefined();
  });

  it('shares a lane with all others for its service, and with no other service', () => {
    const lane = (change: Partial<OpenRequest>): number => laneOf(encodeOpen({ ...base, ...change }));
    const service = { service: 'one' };
    expect(lane({ ...service, port: 80, tls: true, host: 'localhost.' })).toBe(lane(service));
    expect(new Set([lane({}), lane(service), lane({ service: 'two' }), lane({ port: 80 })]).size).toBe(4);
    for (const bytes of [[], [3], [3, 0, 0, 0, 0, 0, 0, 0, 255]])
      expect(laneOf(Uint8Array.from(bytes))).toBeTypeOf('number');
  });

  it('is answered with the time of the dial, and whether HTTP/2 was chosen', () => {
    expect([openedWord(1234.4, false), choseHttp2(openedWord(1234, false))]).toEqual([1234, false]);
    expect(choseHttp2(openedWord(1234, true))).toBe(true);
    expect([openedWord(-1, false), choseHttp2(openedWord(1e12, false))]).toEqual([0, false]);
  });

  it('names no service that could be another one to somebody', () => {
    for (const service of ['a b', 'a\u0000', 'ä']) expect(decodeOpen(encodeOpen({ ...base, service }))).toBeUndefined();
    for (const service of ['', 's'.repeat(65)]) expect(() => encodeOpen({ ...base, service })).toThrow(RangeError);
  });

  it.each([
    ['UDP in version 1', 1, 8],
    ['two types at once', 2, 4 | 16],
    ['all types at once', 2, 4 | 16 | 32],
    ['datagrams over TLS', 2, 1 | 8],
    ['an unknown flag', 2, 64],
    ['version 3 without a service', 3, 4],
    ['version 4', 4, 4],
  ])('is refused: %s', (_, version, flags) => {
    const bytes = encodeOpen(base);
    bytes[0] = version;
    bytes[1] = flags;
    expect(decodeOpen(bytes)).toBeUndefined();
  });
});
