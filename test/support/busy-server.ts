import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';

const SERVER = `
  const { createServer } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const gate = new Int32Array(workerData.gate);
  const server = createServer((socket) =>
    socket.on('error', () => {}).on('data', () => socket.write(workerData.answer)),
  );
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(gate, 0, 0);
  });
`;

/** A server on 127.0.0.1 that is too busy to take a connection. */
export interface BusyServer extends AsyncDisposable {
  readonly port: number;
  /** From now on it takes connections, and says its answer to whatever they send. */
  rest(): void;
}

/** A server whose queue of new connections holds one, which is taken, and that takes none off it until it is told. */
export async function startBusyServer(answer = ''): Promise<BusyServer> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SERVER, { eval: true, workerData: { gate: gate.buffer, answer } });
  const [port] = (await once(worker, 'message')) as [number];
  const queued = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  await Promise.race(queued.map((socket) => once(socket, 'connect')));
  return {
    port,
    rest() {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      await worker.terminate();
    },
  };
}
