/** The proxy over a real tunnel, with real node:http origins behind it. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  dialledTunnel,
  type ProxyStand,
  proxyStand,
  RawVisitor,
  routeTo,
  targetAt,
} from '../../support/proxy-stand.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function originAt(handler: http.RequestListener): Promise<{ server: http.Server; port: number }> {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function standFor(port: number, secure = false): Promise<ProxyStand> {
  const { pair, tunnels } = await dialledTunnel('tls');
  const stand = await proxyStand({ tunnels, routes: [routeTo(targetAt(port))], secure });
  cleanups.push(() => pair.sockets.close());
  cleanups.push(() => stand.close());
  return stand;
}

describe('a visitor', () => {
  it('gets the origin answer and keeps the connection', async () => {
    const origin = await originAt((req, res) => res.end(`${req.method} ${req.url} ${req.headers['x-forwarded-for']}`));
    const stand = await standFor(origin.port);
    const visitor = await RawVisitor.connect(stand.port);
    visitor.send('GET /one HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await visitor.untilIncludes('GET /one 127.0.0.1');
    visitor.send('GET /two HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await visitor.untilIncludes('GET /two 127.0.0.1');
    expect(stand.records.map((r) => r.status)).toEqual([200, 200]);
    visitor.socket.destroy();
  });
});
