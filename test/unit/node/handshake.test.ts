import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../shared/node/clock.ts';
import { agentHandshake, edgeHandshake } from '../../../shared/node/handshake.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { createTunnel } from '../../../shared/node/tunnel.ts';
import { GO_AWAY, type GoAwayCode } from '../../../shared/wire/codes.ts';
import { encodeFrame } from '../../../shared/wire/encode.ts';
import { FRAME } from '../../../shared/wire/frame.ts';
import { encodeHello, encodeWelcome, type Hello, type Welcome } from '../../../shared/wire/handshake.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type SocketPair, socketPair } from '../../support/socket-pair.ts';
import { openStream } from '../../support/tunnel-pair.ts';
import { Client, echo } from './echo.ts';

const hello: Hello = { protocol: 1, agentId: 'a1', credential: 'pha_secret', version: '0.1.0', name: 'laptop' };
const welcome: Welcome = { protocol: 1, nodeId: 'n1', version: '0.1.0', maxStreams: 16 };
const options = { clock: systemClock };
const accept = async (): Promise<Welcome> => welcome;
const pairs: SocketPair[] = [];

afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});

async function sockets(transport: 'tcp' | 'tls' = 'tcp'): Promise<SocketPair> {
  const pair = await socketPair(transport);
  pairs.push(pair);
  return pair;
}

describe.each(['tcp', 'tls'] as const)('the handshake over %s', (transport) => {
  it('introduces both sides and leaves the socket to a tunnel', async () => {
    const { accepted, dialled } = await sockets(transport);
    const [edgeSide, agentSide] = await Promise.all([
      edgeHandshake(accepted, accept, options),
      agentHandshake(dialled, hello, options),
    ]);
    expect(edgeSide).toEqual({ ok: true, value: hello });
    expect(agentSide).toEqual({ ok: true, value: welcome });
    const common = { clock: systemClock, logger: silentLogger, onClose() {} };
    const edge = createTunnel({ ...common, socket: accepted, role: 'edge' });
    createTunnel({ ...common, socket: dialled, role: 'agent', onOpen: echo });
    const client = new Client();
    client.stream = openStream(edge, Uint8Array.of(1), client);
    client.send(Buffer.from('over the same socket'));
    await client.until(() => client.ended);
    expect(client.bytes.toString()).toBe('over the same socket');
  });

  it('loses nothing that the edge sends right behind its welcome', async () => {
    const { accepted, dialled } = await sockets(transport);
    const behind = encodeFrame(FRAME.OPEN, 1, Uint8Array.of(9));
    accepted.write(Buffer.concat([encodeWelcome(welcome), behind]));
    expect((await agentHandshake(dialled, hello, options)).ok).toBe(true);
    const payload = await new Promise<number[]>((resolve) => {
      createTunnel({
        socket: dialled,
        role: 'agent',
        clock: systemClock,
        logger: silentLogger,
        onClose() {},
        onOpen(stream, bytes) {
          resolve([...bytes]);
          return echo(stream);
        },
      });
    });
    expect(payload).toEqual([9]);
  });
});

describe('the handshake', () => {
  it('reads a hello that comes byte by byte', async () => {
    const { accepted, dialled } = await sockets();
    const result = edgeHandshake(accepted, accept, options);
    for (const byte of encodeHello(hello)) dialled.write(Uint8Array.of(byte));
    expect((await result).ok).toBe(true);
  });

  it('refuses with the code that verification gives, and the agent is told', async () => {
    const { accepted, dialled } = await sockets();
    const verify = async (): Promise<GoAwayCode> => GO_AWAY.CREDENTIAL;
    const [edgeSide, agentSide] = await Promise.all([
      edgeHandshake(accepted, verify, options),
      agentHandshake(dialled, hello, options),
    ]);
    const refused = { kind: 'refused', code: GO_AWAY.CREDENTIAL, reason: 'credential refused' };
    expect(edgeSide).toEqual({ ok: false, error: refused });
    expect(agentSide).toEqual({ ok: false, error: refused });
  });

  it('refuses another protocol version by its own code', async () => {
    const { accepted, dialled } = await sockets();
    const [edgeSide, agentSide] = await Promise.all([
      edgeHandshake(accepted, accept, options),
      agentHandshake(dialled, { ...hello, protocol: 2 }, options),
    ]);
    expect(edgeSide.ok === false && edgeSide.error).toMatchObject({ kind: 'refused', code: GO_AWAY.VERSION });
    expect(agentSide.ok === false && agentSide.error).toMatchObject({ kind: 'refused', code: GO_AWAY.VERSION });
  });

  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a hello past its cap', Buffer.from([FRAME.HELLO, 0, 0x10, 1, 0, 0, 0, 0])],
    ['a hello on a stream', Buffer.from([FRAME.HELLO, 0, 0, 2, 0, 0, 0, 1, 123, 125])],
    ['an empty hello', Buffer.from([FRAME.HELLO, 0, 0, 0, 0, 0, 0, 0])],
    ['a welcome at the edge', Buffer.from(encodeWelcome(welcome))],
    ['data first', encodeFrame(FRAME.DATA, 1, Uint8Array.of(1))],
  ])('hangs up on %s without asking anybody', async (_, bytes) => {
    const { accepted, dialled } = await sockets();
    dialled.on('error', () => dialled.destroy());
    dialled.resume();
    const over = once(dialled, 'end');
    dialled.write(bytes);
    let asked = false;
    const verify = async (): Promise<Welcome> => {
      asked = true;
      return welcome;
    };
    const result = await edgeHandshake(accepted, verify, options);
    expect(result.ok === false && result.error.kind).toBe('malformed');
    expect(asked).toBe(false);
    await over;
  });

  it('gives up on a peer that says nothing', async () => {
    const clock = new ManualClock();
    const { accepted } = await sockets();
    const result = edgeHandshake(accepted, accept, { clock });
    clock.advance(10_000);
    expect(await result).toEqual({ ok: false, error: { kind: 'timeout' } });
    expect(accepted.destroyed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('ends at once when the peer leaves', async () => {
    const { accepted, dialled } = await sockets();
    const result = edgeHandshake(accepted, accept, options);
    dialled.end();
    expect(await result).toMatchObject({ ok: false, error: { kind: 'broken' } });
  });

  it('ends at once when it is given up', async () => {
    const { dialled } = await sockets();
    const controller = new AbortController();
    const result = agentHandshake(dialled, hello, { ...options, signal: controller.signal });
    controller.abort();
    expect(await result).toMatchObject({ ok: false, error: { kind: 'broken' } });
    expect(dialled.destroyed).toBe(true);
  });

  it('welcomes nobody who left while the credential was looked up', async () => {
    const { accepted, dialled } = await sockets();
    const verify = async (): Promise<Welcome> => {
      const closed = once(accepted, 'close');
      accepted.destroy();
      await closed;
      return welcome;
    };
    const result = edgeHandshake(accepted, verify, options);
    dialled.write(encodeHello(hello));
    expect(await result).toMatchObject({ ok: false, error: { kind: 'broken' } });
  });
});
