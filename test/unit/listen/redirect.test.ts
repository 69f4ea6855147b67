import { describe, expect, it } from 'vitest';
import { httpsAddress } from '../../../edge/listen/redirect.ts';

describe('httpsAddress', () => {
  const on = (port: number) => ({ domain: 'edge.test', httpsPort: () => port });

  it.each([
    ['shop.edge.test', '/', 443, 'https://shop.edge.test/'],
    ['SHOP.edge.test.:80', '/a?b', 443, 'https://shop.edge.test/a?b'],
    ['edge.test', '/', 8443, 'https://edge.test:8443/'],
  ])('sends %s%s on, with the port %i', (host, target, port, location) => {
    expect(httpsAddress(host, target, on(port))).toBe(location);
  });

  it.each([
    [undefined, '/'],
    ['evil.example', '/'],
    ['notedge.test', '/'],
    ['shop.edge.test', 'http://evil.example/'],
    ['shop.edge.test@evil.example', '/'],
    ['shop.edge.test', '*'],
  ])('sends nobody elsewhere: %s %s', (host, target) => {
    expect(httpsAddress(host, target, on(443))).toBeUndefined();
  });
});
