import { describe, expect, it } from 'vitest';
import { edgeServerName, lastingTrust, parseEdgeUrl, parseFingerprint } from '../../../main/agent/edge-address.ts';

describe('the address of an edge', () => {
  it.each([
    ['https://edge.example.com', { host: 'edge.example.com', port: 443 }],
    ['https://edge.example.com:8443/', { host: 'edge.example.com', port: 8443 }],
    [' edge.example.com:8443 ', { host: 'edge.example.com', port: 8443 }],
    ['HTTPS://Edge.Example.com.', { host: 'edge.example.com', port: 443 }],
    ['https://127.0.0.1:8443', { host: '127.0.0.1', port: 8443 }],
    ['https://[::1]:8443', { host: '::1', port: 8443 }],
    ['localhost:8443', { host: 'localhost', port: 8443 }],
  ])('is read from %s', (text, address) => {
    expect(parseEdgeUrl(text)).toEqual({ ok: true, value: address });
  });

  it.each([
    ['', 'input_invalid'],
    ['http://edge.example.com', 'input_invalid'],
    ['https://', 'input_invalid'],
    ['https://user:pass@edge.example.com', 'input_invalid'],
    ['https://edge.example.com/join', 'input_invalid'],
    ['https://edge.example.com?x=1', 'input_invalid'],
    ['https://edge.example.com:0', 'port_invalid'],
    ['https://edge.example.com:70000', 'input_invalid'],
    ['https://-bad-.example.com', 'host_invalid'],
  ])('is refused as %s', (text, code) => {
    const read = parseEdgeUrl(text);
    expect(read.ok ? undefined : read.error.code).toBe(code);
  });

  it('sends the cluster domain as server name, a host only if it is a name', () => {
    expect(edgeServerName({ host: '10.0.0.1', port: 443 })).toBeUndefined();
    expect(edgeServerName({ host: '::1', port: 443 })).toBeUndefined();
    expect(edgeServerName({ host: '10.0.0.1', port: 443, domain: 'edge.test' })).toBe('edge.test');
    expect(edgeServerName({ host: 'edge.test', port: 443 })).toBe('edge.test');
  });
});

describe('a fingerprint', () => {
  const hex = 'ab'.repeat(32);

  it.each([
    hex,
    hex.toUpperCase(),
    ` ${hex}\n`,
    hex.replace(/(..)(?!$)/g, '$1:'),
    `SHA256:${hex}`,
    `sha256 Fingerprint=${hex}`,
  ])('is read from %j', (text) => expect(parseFingerprint(text)).toEqual({ ok: true, value: hex }));

  it.each(['', hex.slice(1), `${hex}0`, 'zz'.repeat(32)])('is refused as %j', (text) => {
    const read = parseFingerprint(text);
    expect(read.ok ? undefined : read.error.field).toBe('fingerprint');
  });
});

describe('the trust that lasts', () => {
  it('is the private authority of the cluster in place of a pin', () => {
    expect(lastingTrust({ fingerprint: 'ab' }, { caPem: 'pem' })).toEqual({ caPem: 'pem' });
    expect(lastingTrust({ fingerprint: 'ab' }, {})).toEqual({ fingerprint: 'ab' });
    expect(lastingTrust({ caPem: 'given' }, { caPem: 'told' })).toEqual({ caPem: 'given' });
    expect(lastingTrust({}, { caPem: 'told' })).toEqual({});
  });
});
