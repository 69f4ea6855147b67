import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { BoundName } from '../../../edge/bounds.ts';
import { createRedirector, httpsAddress } from '../../../edge/listen/redirect.ts';
import { socketPair } from '../../support/socket-pair.ts';

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

describe('a head on the plain port', () => {
  const closes: (() => void)[] = [];
  afterEach(() => {
    for (const close of closes.splice(0)) close();
  });

  async function told(sent: string, headerTime: number): Promise<readonly [string, readonly BoundName[]]> {
    const hits: BoundName[] = [];
    const redirector = createRedirector({
      domain: 'edge.test',
      httpsPort: () => 443,
      limits: { headerSize: 4096, headerTime },
      bounds: { hit: (bound) => hits.push(bound) },
    });
    const { accepted, dialled, close } = await socketPair('tcp');
    closes.push(close, redirector.close);
    redirector.serve(accepted);
    let text = '';
    dialled.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    dialled.write(sent);
    // Whoever drips is not silent.
    const drip = setInterval(() => dialled.write('x'), 100);
    await once(dialled, 'close').catch(() => {});
    clearInterval(drip);
    return [text.slice(0, 12), hits];
  }

  it.each([
    ['that is too large', `GET / HTTP/1.1\r\nHost: edge.test\r\nX: ${'x'.repeat(5000)}`, 431, ['headerSize']],
    ['that takes too long', 'GET / HTTP/1.1\r\nHost: edge.test\r\nX: ', 408, ['headerTime'], 500],
    ['that is none', 'what\r\n\r\n', 400, []],
  ])('%s is refused, and counted where that is a bound', async (_, sent, status, hits, headerTime = 60_000) => {
    expect(await told(sent, headerTime)).toEqual([`HTTP/1.1 ${status}`, hits]);
  });
});
