import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import { createOriginDialler } from '../../../main/agent/origin.ts';
import { startBusyServer } from '../../support/busy-server.ts';

it('waits for a server on loopback that is too busy to take the connection at once', async () => {
  await using busy = await startBusyServer();
  const { port } = busy;
  const allowed = createAllowList([{ service: 's1', type: 'agent', host: 'localhost', port }]);
  const ending = new AbortController();
  const dialler = createOriginDialler(allowed, ending.signal);
  const target = { service: 's1', type: 'agent', host: 'localhost', port, tls: false, skipTlsVerify: false } as const;
  const late = await dialler.dial({ ...target, connectTimeout: 400 }, ending.signal);
  expect(late.ok ? 'connected' : late.error.reason).toBe('no answer in 400 ms');
  const dialled = dialler.dial({ ...target, connectTimeout: 10_000 }, ending.signal);
  busy.rest();
  const outcome = await dialled;
  expect(outcome.ok).toBe(true);
  if (outcome.ok) outcome.value.socket.destroy();
  ending.abort();
});

it('serves a burst of dials to one server in turn, and refuses none', async () => {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const ending = new AbortController();
  const allowed = createAllowList([{ service: 's1', type: 'agent', host: 'localhost', port }]);
  const dialler = createOriginDialler(allowed, ending.signal);
  const target = {
    service: 's1',
    type: 'agent',
    host: 'localhost',
    port,
    tls: false,
    skipTlsVerify: false,
    connectTimeout: 10_000,
  } as const;
  const dials = await Promise.all(Array.from({ length: 600 }, () => dialler.dial(target, ending.signal)));
  expect(dials.filter((dialled) => !dialled.ok)).toEqual([]);
  expect(dialler.open).toBe(600);
  for (const dialled of dials) if (dialled.ok) dialled.value.socket.destroy();
  server.close();
  ending.abort();
});
