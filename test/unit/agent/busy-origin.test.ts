import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import { createOriginDialler } from '../../../main/agent/origin.ts';

/** A server whose queue of new connections holds one, and that takes none off it until it is told. */
const BUSY = `
  const { createServer } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const gate = new Int32Array(workerData);
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(gate, 0, 0);
  });
`;

it('waits for a server on loopback that is too busy to take the connection at once', async () => {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(BUSY, { eval: true, workerData: gate.buffer });
  const [port] = (await once(worker, 'message')) as [number];
  const queued = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  await Promise.race(queued.map((socket) => once(socket, 'connect')));
  const allowed = createAllowList([{ service: 's1', type: 'agent', host: 'localhost', port }]);
  const ending = new AbortController();
  const dialler = createOriginDialler(allowed, ending.signal);
  const target = { service: 's1', type: 'agent', host: 'localhost', port, tls: false, skipTlsVerify: false } as const;
  const late = await dialler.dial({ ...target, connectTimeout: 400 }, ending.signal);
  expect(late.ok ? 'connected' : late.error.reason).toBe('no answer in 400 ms');
  const dialled = dialler.dial({ ...target, connectTimeout: 10_000 }, ending.signal);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const outcome = await dialled;
  expect(outcome.ok).toBe(true);
  if (outcome.ok) outcome.value.socket.destroy();
  for (const socket of queued) socket.destroy();
  ending.abort();
  await worker.terminate();
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
