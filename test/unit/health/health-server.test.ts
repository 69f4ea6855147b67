import { once } from 'node:events';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHealthServer } from '../../../edge/health/health-server.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function start(host: string): Promise<number> {
  const server = createHealthServer(
    { started: true, ready: true },
    { contentType: 'text/plain', text: async () => '' },
  );
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, host: string, path = '/metrics', address = '127.0.0.1'): Promise<number | undefined> {
  const call = request({ host: address, port, path, headers: { Host: host }, agent: false }).end();
  const [response] = await once(call, 'response');
  response.resume();
  return response.statusCode;
}

describe('the health listener on loopback', () => {
  it.each(['localhost', 'localhost:9', 'LOCALHOST.', 'edge.localhost', '127.0.0.1:9', '127.1.2.3', '[::1]:9'])(
    'answers to %s',
    async (host) => {
      const port = await start('127.0.0.1');
      expect(await ask(port, host)).toBe(200);
    },
  );

  it.each([
    'rebound.example',
    'rebound.example:9',
    'localhost.example',
    '10.0.0.1',
    '127.0.0.1.example',
    'a b',
    '[::2]',
  ])('refuses %s, which a page elsewhere may have pointed here', async (host) => {
    const port = await start('127.0.0.1');
    for (const path of ['/metrics', '/healthz/ready']) expect(await ask(port, host, path)).toBe(421);
  });

  it('does so on IPv6 too', async () => {
    const port = await start('::1');
    expect(await ask(port, `[::1]:${port}`, '/metrics', '::1')).toBe(200);
    expect(await ask(port, 'rebound.example', '/metrics', '::1')).toBe(421);
  });
});

it('answers to every name where others are to reach it', async () => {
  const port = await start('0.0.0.0');
  expect(await ask(port, 'edge-1.internal:9090')).toBe(200);
});
