import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ATTEMPT_DELAY, inTurn, raceAddresses } from '../../../main/agent/address-race.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function listen(host: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}));
  servers.push(server);
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const v4 = (address: string) => ({ address, family: 4 });
const v6 = (address: string) => ({ address, family: 6 });
const race = (addresses: { address: string; family: number }[], port: number): Promise<Socket | string> =>
  new Promise((resolve) => raceAddresses(addresses, port, resolve));

describe('the addresses of a name', () => {
  it('are tried with the families in turn, in the order of the resolver otherwise', () => {
    const found = [v6('::1'), v6('::2'), v6('::3'), v4('1.1.1.1')];
    expect(inTurn(found).map((a) => a.address)).toEqual(['::1', '1.1.1.1', '::2', '::3']);
    expect(inTurn([])).toEqual([]);
  });

  it('go on to the next one at once when one refuses', async () => {
    const port = await listen('127.0.0.3');
    // The moment that an address is given to answer never passes.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const racing = race([v4('127.0.0.2'), v6('::1'), v4('127.0.0.3')], port);
    vi.advanceTimersByTime(ATTEMPT_DELAY - 1);
    const socket = await racing;
    expect(typeof socket === 'string' ? socket : socket.remoteAddress).toBe('127.0.0.3');
    if (typeof socket !== 'string') socket.destroy();
  });

  it('go on to the next one when one does not answer, and keep the slow one in the race', async () => {
    // Nobody answers there, and nobody refuses (RFC 5737); without a route it is refused, which goes on as well.
    const port = await listen('127.0.0.1');
    const socket = await race([v4('192.0.2.1'), v4('127.0.0.1')], port);
    expect(typeof socket === 'string' ? socket : socket.remoteAddress).toBe('127.0.0.1');
    if (typeof socket !== 'string') socket.destroy();
  });

  it('fail with what says most when all do', async () => {
    const port = await listen('127.0.0.1');
    servers.pop()?.close();
    expect(await race([v4('127.0.0.1'), v6('::1')], port)).toBe('ECONNREFUSED');
    expect(await race([], port)).toBe('');
  });

  it('are left alone once the race is called off', async () => {
    const port = await listen('127.0.0.1');
    const done = vi.fn();
    const connected = vi.fn();
    servers[0]?.on('connection', connected);
    raceAddresses([v4('127.0.0.1')], port, done).cancel();
    await race([v4('127.0.0.1')], port).then((socket) => typeof socket !== 'string' && socket.destroy());
    expect(done).not.toHaveBeenCalled();
    expect(connected.mock.calls.length).toBeLessThanOrEqual(1);
  });
});
