import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type PortKey, type PortState, ServicePorts } from '../../../edge/listen/service-ports.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { dial, dialError, UdpVisitor } from '../../support/direct.ts';
import { freePort } from '../../support/free-port.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let ports: ServicePorts;
let states: Map<PortKey, PortState | undefined>;
let changed: () => void;
const accepted: Socket[] = [];

beforeEach(() => {
  clock = new ManualClock();
  states = new Map();
  changed = () => {};
  ports = new ServicePorts({
    hosts: ['127.0.0.1'],
    optionalLoopback: true,
    onConnection: (_, socket) => accepted.push(socket),
    onDatagram: (port, via, message, from) => via.send(`${port} ${message}`, from.port, from.address),
    onState: (key, state) => {
      states.set(key, state);
      changed();
    },
    onAcceptError: () => {},
    clock,
    logger: silentLogger,
  });
});
afterEach(() => {
  ports.closeAll();
  for (const socket of accepted.splice(0)) socket.destroy();
});

/** Resolves once a port is in this state. */
const reached = (key: PortKey, wanted: PortState['state']): Promise<PortState> =>
  new Promise((resolve) => {
    changed = () => {
      const state = states.get(key);
      if (state?.state === wanted) resolve(state);
    };
    changed();
  });

it('listens from its start on, and no longer than a port is wanted', async () => {
  const port = await freePort();
  ports.open('tcp', port);
  expect(states.get(`tcp ${port}`)).toEqual({ state: 'pending' });
  expect(await dialError(port)).toBe('ECONNREFUSED');
  ports.start();
  await reached(`tcp ${port}`, 'ready');
  const open = await dial(port);
  ports.close('tcp', port);
  expect(states.get(`tcp ${port}`)).toBeUndefined();
  expect(await dialError(port)).toBe('ECONNREFUSED');
  expect(open.destroyed).toBe(false);
  open.destroy();
});

it('lets go of a port that is no longer wanted by the time that it is opened', async () => {
  const port = await freePort();
  ports.start();
  ports.open('tcp', port);
  ports.close('tcp', port);
  while ((await dialError(port)) === '') expect(states.get(`tcp ${port}`)).toBeUndefined();
  expect(ports.size).toBe(0);
});

it.each(['tcp', 'udp'] as const)('says why it cannot have a %s port, and has it once it is free', async (transport) => {
  const server = transport === 'tcp' ? createServer().listen(0, '127.0.0.1') : createSocket('udp4');
  if (!('listen' in server)) server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  ports.start();
  expect(await ports.isFree(transport, port)).toBe(false);
  ports.open(transport, port);
  const failed = await reached(`${transport} ${port}`, 'failed');
  expect(failed).toMatchObject({ reason: failure('address_in_use', { address: `127.0.0.1:${port}` }) });
  const closed = once(server, 'close');
  server.close();
  await closed;
  const ready = reached(`${transport} ${port}`, 'ready');
  clock.advance(5_000);
  await ready;
  expect(await ports.isFree(transport, port)).toBe(true);
});

it('hands datagrams over with the socket that they came by', async () => {
  const port = await freePort();
  ports.start();
  ports.open('udp', port);
  await reached(`udp ${port}`, 'ready');
  await using visitor = await UdpVisitor.to(port);
  visitor.send(Buffer.from('hi'));
  expect(String(await visitor.next())).toBe(`${port} hi`);
});
