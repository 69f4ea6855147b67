import { describe, expect, it } from 'vitest';
import { decodeOpen, encodeOpen, type OpenRequest } from '../../../shared/wire/open.ts';

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

  it.each([
    ['UDP in version 1', 1, 8],
    ['two types at once', 2, 4 | 16],
    ['all types at once', 2, 4 | 16 | 32],
    ['datagrams over TLS', 2, 1 | 8],
    ['an unknown flag', 2, 64],
    ['version 3', 3, 4],
  ])('is refused: %s', (_, version, flags) => {
    const bytes = encodeOpen(base);
    bytes[0] = version;
    bytes[1] = flags;
    expect(decodeOpen(bytes)).toBeUndefined();
  });
});
