import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createSplice, type SpliceEnd } from '../../../shared/node/splice.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { type SocketPair, socketPair, type Transport } from '../../support/socket-pair.ts';
import { openStream, type TunnelPair, tunnelPair } from '../../support/tunnel-pair.ts';
import { Client } from './echo.ts';

const MIB = 1024 * 1024;
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const closers: (() => void)[] = [];

/** Bytes of which no two stretches are alike. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Spliced {
  readonly client: Client;
  /** The far end of the socket that the stream is joined to. */
  readonly origin: net.Socket;
  readonly joined: net.Socket;
  readonly end: Promise<SpliceEnd>;
  readonly tunnels: TunnelPair;
}

/** client → tunnel → splice → socket → origin. `join` is called when the stream is open. */
async function spliced(transport: Transport, early = Buffer.alloc(0)): Promise<Spliced> {
  const sockets: SocketPair = await socketPair(transport);
  const end = Promise.withResolvers<SpliceEnd>();
  const tunnels = await tunnelPair('tls', {
    onOpen(stream) {
      const splice = createSplice(stream, { onSpliceEnd: end.resolve });
      const join = (): void => {
        stream.opened(1);
        splice.join(sockets.dialled);
      };
      if (early.length === 0) join();
      return {
        onData(buffer, start, stop, lease) {
          splice.onData(buffer, start, stop, lease);
          if (splice.toSocket === early.length) join();
        },
        onEnd: () => splice.onEnd(),
        onReset: (code, reason) => splice.onReset(code, reason),
        onWritable: () => splice.onWritable(),
      };
    },
  });
  closers.push(sockets.close, tunnels.sockets.close);
  const client = new Client();
  client.stream = openStream(tunnels.edge, Uint8Array.of(1), client);
  if (early.length > 0) client.stream?.write(early);
  await client.until(() => client.dialMicros !== undefined);
  sockets.accepted.on('error', () => {});
  return { client, origin: sockets.accepted, joined: sockets.dialled, end: end.promise, tunnels };
}

async function drained(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe.each(['tcp', 'tls'] as const)('a stream spliced to a socket over %s', (transport) => {
  it('carries megabytes both ways at once, half-closes in order and counts', async () => {
    const { client, origin, end } = await spliced(transport);
    const up = pattern(6 * MIB);
    const down = pattern(5 * MIB + 3);
    const arrived = drained(origin);
    client.send(up, () => 30_011);
    origin.end(down);
    expect(sha(await arrived)).toBe(sha(up));
    await client.until(() => client.ended);
    expect(sha(client.bytes)).toBe(sha(down));
    expect(await end).toEqual({ by: 'both', reason: '', toSocket: up.length, toStream: down.length });
  });

  it('lets the origin answer after the visitor has half-closed', async () => {
    const { client, origin } = await spliced(transport);
    client.send(Buffer.from('question'));
    expect((await drained(origin)).toString()).toBe('question');
    origin.end('answer');
    await client.until(() => client.ended);
    expect(client.bytes.toString()).toBe('answer');
  });

  it('lets the visitor send after the origin has half-closed', async () => {
    const { client, origin } = await spliced(transport);
    origin.end('goodbye');
    await client.until(() => client.ended);
    client.send(Buffer.from('still here'));
    expect((await drained(origin)).toString()).toBe('still here');
  });

  it('keeps what came before the socket was there', async () => {
    const { client, origin } = await spliced(transport, Buffer.from('too early'));
    client.stream?.writeLatin1(', in time');
    client.stream?.end();
    expect((await drained(origin)).toString()).toBe('too early, in time');
  });

  it('stops reading an origin whose visitor is stuck, and goes on with it', async () => {
    const { client, origin, joined } = await spliced(transport);
    client.consuming = false;
    const down = pattern(24 * MIB);
    origin.end(down);
    await client.until(() => client.received >= 64 * 1024);
    const probe = once(origin, 'data');
    client.stream?.writeLatin1('x');
    await probe;
    expect(joined.bytesRead).toBeLessThan(4 * MIB);
    client.catchUp();
    await client.until(() => client.ended);
    expect(sha(client.bytes)).toBe(sha(down));
  });

  it('withholds credit while the origin is stuck, and goes on with it', async () => {
    const { client, origin, tunnels } = await spliced(transport);
    origin.pause();
    const up = pattern(40 * MIB);
    client.send(up);
    await once(origin, 'readable');
    expect(tunnels.agent.stats.bytesIn).toBeLessThan(30 * MIB);
    const arrived = drained(origin);
    expect(sha(await arrived)).toBe(sha(up));
  });

  it('breaks the socket when the stream is reset, so that it does not look like an end', async () => {
    const { client, origin, end } = await spliced(transport);
    const over = once(origin.resume(), transport === 'tcp' ? 'error' : 'end');
    client.stream?.reset(RESET.CANCELLED);
    expect(await end).toMatchObject({ by: 'stream', code: RESET.CANCELLED });
    await over;
  });

  it('resets the stream when the socket breaks', async () => {
    const { client, joined, end } = await spliced(transport);
    joined.destroy(new Error('read ECONNRESET'));
    await client.until(() => client.reset !== undefined);
    expect(client.reset?.code).toBe(RESET.BROKEN);
    expect(await end).toMatchObject({ by: 'socket', reason: 'read ECONNRESET' });
  });

  it('breaks the socket when the tunnel is lost', async () => {
    const { client, origin, end, tunnels } = await spliced(transport);
    const over = once(origin.resume(), transport === 'tcp' ? 'error' : 'end');
    tunnels.sockets.close();
    expect(await end).toMatchObject({ by: 'stream', code: RESET.TUNNEL_LOST });
    await over;
    await client.until(() => client.reset !== undefined);
  });
});

it('destroys a socket that comes after the stream is over', async () => {
  const sockets = await socketPair('tcp');
  closers.push(sockets.close);
  const ends: SpliceEnd[] = [];
  const stream = { id: 1, writable: true, write() {}, writeLatin1() {}, end() {}, reset() {}, consumed() {} };
  const splice = createSplice(stream, { onSpliceEnd: (end) => ends.push(end) });
  splice.onReset(RESET.CANCELLED, 'left');
  splice.join(sockets.dialled);
  splice.abort(RESET.CANCELLED);
  expect(sockets.dialled.destroyed).toBe(true);
  expect(ends).toHaveLength(1);
});
