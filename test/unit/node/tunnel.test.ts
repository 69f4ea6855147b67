import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { lentReadBuffers } from '../../../shared/node/buffers.ts';
import { CarrierGroup } from '../../../shared/node/carrier-group.ts';
import { type Clock, systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import { createTunnel, type Tunnel, type TunnelEnd } from '../../../shared/node/tunnel.ts';
import { GO_AWAY, RESET } from '../../../shared/wire/codes.ts';
import { FrameDecoder } from '../../../shared/wire/decode.ts';
import { encodeFrame } from '../../../shared/wire/encode.ts';
import { FRAME } from '../../../shared/wire/frame.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/random.ts';
import { socketPair, type Transport } from '../../support/socket-pair.ts';
import { openStream, type TunnelPair, type TunnelPairOptions, tunnelPair } from '../../support/tunnel-pair.ts';
import { Client, echo } from './echo.ts';

const MIB = 1024 * 1024;
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function setUp(transport: Transport, options: Partial<TunnelPairOptions> = {}): Promise<TunnelPair> {
  const pair = await tunnelPair(transport, { onOpen: echo, ...options });
  open.push(pair.sockets.close);
  return pair;
}

function connect(tunnel: Tunnel): Client {
  const client = new Client();
  client.stream = openStream(tunnel, Uint8Array.of(1), client);
  return client;
}

/** Bytes that no two streams share. */
function randomBytes(random: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.floor(random() * 4294967296), i);
  return bytes;
}

const deaf: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

describe.each(['tcp', 'tls'] as const)('a tunnel over %s', (transport) => {
  it('carries many streams at once, whole and apart, in pieces of any size', async () => {
    const { edge } = await setUp(transport);
    const random = seededRandom(1);
    const jobs = Array.from({ length: 40 }, (_, i) => {
      const bytes = randomBytes(random, Math.floor(random() * (i % 8 === 0 ? 2 * MIB : 60_000)));
      const client = connect(edge);
      client.send(bytes, () => 1 + Math.floor(random() * (random() < 0.5 ? 200 : 200_000)));
      return { client, bytes };
    });
    for (const { client, bytes } of jobs) {
      await client.until(() => client.ended);
      expect(sha(client.bytes)).toBe(sha(bytes));
      expect(client.dialMicros).toBe(1);
    }
    expect(edge.stats.streams).toBe(0);
  });

  it('lets the other streams go on while one is stalled, and keeps the stalled one bounded', async () => {
    const { edge, agent } = await setUp(transport);
    const bytes = randomBytes(seededRandom(2), 8 * MIB);
    const stalled = connect(edge);
    stalled.consuming = false;
    stalled.send(bytes);
    const lively = connect(edge);
    lively.send(bytes);
    await lively.until(() => lively.ended);
    expect(sha(lively.bytes)).toBe(sha(bytes));
    expect(stalled.received).toBeLessThan(2 * MIB);
    expect(agent.stats.queued).toBeLessThan(2 * MIB);
    stalled.catchUp();
    await stalled.until(() => stalled.ended);
    expect(sha(stalled.bytes)).toBe(sha(bytes));
  });

  it('says when to stop and when to go on', async () => {
    const { edge } = await setUp(transport, { onOpen: () => deaf });
    const client = connect(edge);
    let written = 0;
    while (client.stream?.writable === true) {
      client.stream.write(Buffer.alloc(16_384));
      written += 16_384;
    }
    expect(written).toBeLessThanOrEqual(MIB);
  });

  it('half-closes in either order', async () => {
    const heard: string[] = [];
    const { edge } = await setUp(transport, {
      onOpen(stream) {
        stream.opened(1);
        stream.write(Buffer.from('first word'));
        stream.end();
        return {
          ...deaf,
          onData: (buffer, start, end) => heard.push(buffer.toString('latin1', start, end)),
          onEnd: () => heard.push('end'),
        };
      },
    });
    const client = connect(edge);
    await client.until(() => client.ended);
    expect(client.bytes.toString()).toBe('first word');
    client.stream?.writeLatin1('last word \xe9');
    client.stream?.end();
    const next = connect(edge);
    await next.until(() => next.ended);
    expect(heard).toEqual(['last word \xe9', 'end']);
  });

  it('resets with a code and a reason, in both directions', async () => {
    const reset = Promise.withResolvers<number>();
    let streams = 0;
    const { edge, agent } = await setUp(transport, {
      onOpen(stream) {
        if (streams++ === 0) stream.reset(RESET.REFUSED, 'connect ECONNREFUSED');
        return { ...deaf, onReset: (code) => reset.resolve(code) };
      },
    });
    const refused = connect(edge);
    await refused.until(() => refused.reset !== undefined);
    expect(refused.reset).toEqual({ code: RESET.REFUSED, reason: 'connect ECONNREFUSED' });
    const left = connect(edge);
    left.stream?.write(Buffer.alloc(1000));
    left.stream?.reset(RESET.CANCELLED);
    left.stream?.reset(RESET.CANCELLED);
    expect(await reset.promise).toBe(RESET.CANCELLED);
    expect([edge.stats.streams, agent.stats.streams]).toEqual([0, 0]);
    expect(left.reset).toBeUndefined();
  });

  it('sends what was written without credit once there is some, before the half-close', async () => {
    const { edge } = await setUp(transport);
    const bytes = randomBytes(seededRandom(3), 3 * MIB);
    const client = connect(edge);
    client.stream?.write(bytes);
    client.stream?.end();
    await client.until(() => client.ended);
    expect(sha(client.bytes)).toBe(sha(bytes));
  });

  it('carries whole what many streams write without asking, and their half-closes behind it', async () => {
    const { edge } = await setUp(transport);
    const random = seededRandom(8);
    const jobs = Array.from({ length: 60 }, (_, i) => {
      const bytes = randomBytes(random, i % 2 === 0 ? 200_000 : 100);
      const client = connect(edge);
      client.stream?.write(bytes);
      client.stream?.writeLatin1('end');
      client.stream?.end();
      return { client, bytes };
    });
    for (const { client, bytes } of jobs) {
      await client.until(() => client.ended);
      expect(sha(client.bytes)).toBe(sha(Buffer.concat([bytes, Buffer.from('end')])));
    }
  });

  it('resets a stream that is written to without end against its window', async () => {
    const { edge } = await setUp(transport, { onOpen: () => deaf });
    const client = connect(edge);
    for (let i = 0; i < 8; i++) client.stream?.write(Buffer.alloc(MIB));
    expect(client.reset?.code).toBe(RESET.LIMIT);
  });

  it('keeps slices on loan unchanged until they are released', async () => {
    const { edge } = await setUp(transport);
    const bytes = randomBytes(seededRandom(4), 4 * MIB);
    const slices: Buffer[] = [];
    let length = 0;
    const done = Promise.withResolvers<void>();
    const releases: (() => void)[] = [];
    const before = lentReadBuffers();
    const source = new Client();
    const stream: TunnelStream = openStream(edge, Uint8Array.of(1), {
      onData(buffer, start, end, lease) {
        lease.hold();
        releases.push(() => lease.release());
        slices.push(buffer.subarray(start, end));
        length += end - start;
        stream.consumed(end - start);
      },
      onEnd: done.resolve,
      onReset: () => done.reject(new Error('reset')),
      onWritable: () => source.onWritable(),
    });
    source.stream = stream;
    source.send(bytes);
    await done.promise;
    expect(length).toBe(bytes.length);
    expect(sha(Buffer.concat(slices))).toBe(sha(bytes));
    for (const release of releases) release();
    expect(lentReadBuffers()).toBeLessThanOrEqual(before + 2);
  });

  it('takes what goes one way for bulk, and not the same amount in requests and answers', async () => {
    const { edge } = await setUp(transport);
    const talk = connect(edge);
    for (let i = 1; i <= 1000; i++) {
      talk.stream?.write(Buffer.alloc(1000));
      await talk.until(() => talk.received === i * 1000);
    }
    expect(edge.bulk).toEqual([]);
    const bulk = connect(edge);
    bulk.consuming = false;
    for (let i = 0; i < 16; i++) bulk.stream?.write(Buffer.alloc(64 * 1024));
    expect(edge.bulk).toEqual([bulk.stream]);
  });

  it('measures the round trip', async () => {
    const { edge } = await setUp(transport);
    const client = connect(edge);
    client.send(Buffer.from('x'));
    await client.until(() => client.ended);
    expect(edge.roundTrip).toBeGreaterThan(0);
  });

  it('drains: lets streams finish, opens none, then closes both ends', async () => {
    const { edge, edgeEnd, agentEnd } = await setUp(transport);
    const client = connect(edge);
    edge.goAway(GO_AWAY.SHUTDOWN, 'restart');
    expect(edge.open(Uint8Array.of(1), deaf)).toBe('closed');
    expect(edge.draining).toBe(true);
    const bytes = randomBytes(seededRandom(5), MIB);
    client.send(bytes);
    await client.until(() => client.ended);
    expect(sha(client.bytes)).toBe(sha(bytes));
    expect(await edgeEnd).toEqual({ by: 'local', code: GO_AWAY.SHUTDOWN, reason: 'restart' });
    expect(await agentEnd).toEqual({ by: 'peer', code: GO_AWAY.SHUTDOWN, reason: 'restart' });
  });

  it('lets an agent leave: the edge closes when the last stream is over', async () => {
    const { edge, agent, edgeEnd, agentEnd } = await setUp(transport);
    const client = connect(edge);
    client.stream?.writeLatin1('x');
    await client.until(() => client.received === 1);
    agent.goAway(GO_AWAY.SHUTDOWN, 'quit');
    client.stream?.writeLatin1('y');
    await client.until(() => client.received === 2);
    client.stream?.end();
    expect(await edgeEnd).toEqual({ by: 'peer', code: GO_AWAY.SHUTDOWN, reason: 'quit' });
    await agentEnd;
    expect(client.ended).toBe(true);
  });

  it('tells every stream and the peer when it is closed', async () => {
    const { edge, agentEnd, edgeEnd, sockets } = await setUp(transport);
    const client = connect(edge);
    const gone = once(sockets.accepted, 'close');
    edge.close(GO_AWAY.REPLACED, 'newer link');
    edge.close(GO_AWAY.INTERNAL, 'again');
    expect(client.reset).toEqual({ code: RESET.TUNNEL_LOST, reason: 'newer link' });
    expect(await edgeEnd).toEqual({ by: 'local', code: GO_AWAY.REPLACED, reason: 'newer link' });
    expect((await agentEnd).code).toBe(GO_AWAY.REPLACED);
    await gone;
    expect(edge.open(Uint8Array.of(1), deaf)).toBe('closed');
  });

  it('tells every stream when the connection breaks', async () => {
    const { edge, sockets, edgeEnd } = await setUp(transport);
    const client = connect(edge);
    sockets.dialled.destroy();
    expect((await edgeEnd).by).toBe('network');
    expect(client.reset?.code).toBe(RESET.TUNNEL_LOST);
  });

  it('gives its buffers back when it is over', async () => {
    const before = lentReadBuffers();
    const { edge, agentEnd, sockets } = await setUp(transport);
    const client = connect(edge);
    client.send(randomBytes(seededRandom(6), 4 * MIB));
    await client.until(() => client.received > MIB);
    const closed = Promise.all([once(sockets.accepted, 'close'), once(sockets.dialled, 'close')]);
    edge.close(GO_AWAY.SHUTDOWN, 'enough');
    await agentEnd;
    await closed;
    expect(lentReadBuffers()).toBe(before);
  });
});

describe('a tunnel whose peer', () => {
  /** OPEN payloads of two services. */
  const [GREEDY, MODEST] = [Uint8Array.of(1), Uint8Array.of(2)];

  async function rawPeer(clock: Clock = systemClock, group = new CarrierGroup()) {
    const pair = await socketPair('tcp');
    open.push(pair.close);
    const end = Promise.withResolvers<TunnelEnd>();
    const tunnel = createTunnel({
      socket: pair.accepted,
      role: 'edge',
      clock,
      logger: silentLogger,
      group,
      onClose: end.resolve,
    });
    return { tunnel, near: pair.accepted, peer: pair.dialled, end: end.promise };
  }

  it('breaks the protocol cuts it with a coded reason', async () => {
    const { peer, end } = await rawPeer();
    const received: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => received.push(chunk));
    peer.write(encodeFrame(FRAME.OPEN, 1, Uint8Array.of(1)));
    expect(await end).toEqual({ by: 'local', code: GO_AWAY.PROTOCOL, reason: 'only the edge opens streams' });
    await once(peer, 'end');
    const said = Buffer.concat(received).toString('latin1');
    expect(said.endsWith('\x02only the edge opens streams')).toBe(true);
  });

  it('falls silent is cut after 15 seconds, and not before', async () => {
    const clock = new ManualClock();
    const { tunnel, peer, end } = await rawPeer(clock);
    clock.advance(3_000);
    peer.write(encodeFrame(FRAME.PING, 0, new Uint8Array(8)));
    await once(peer, 'data');
    while (tunnel.stats.bytesIn === 0) await once(peer, 'data');
    clock.advance(14_999);
    expect(tunnel.closed).toBe(false);
    clock.advance(1);
    expect(tunnel.closed).toBe(true);
    expect((await end).code).toBe(GO_AWAY.TIMEOUT);
  });

  it('answers pings is kept for ever', async () => {
    const clock = new ManualClock();
    const { edge, agent } = await setUp('tcp', { clock });
    for (let i = 0; i < 10; i++) {
      const heard = [edge.stats.bytesIn, agent.stats.bytesIn];
      clock.advance(5_000);
      const client = connect(edge);
      client.send(Buffer.from('x'));
      await client.until(() => client.ended);
      expect(edge.stats.bytesIn).toBeGreaterThan(heard[0] ?? 0);
    }
    expect([edge.closed, agent.closed]).toEqual([false, false]);
  });

  it('could not be heard for a stall on this side gets another five seconds, once', async () => {
    const clock = new ManualClock();
    const { tunnel } = await rawPeer(clock);
    clock.stall(40_000);
    expect(tunnel.closed).toBe(false);
    clock.advance(4_000);
    expect(tunnel.closed).toBe(false);
    clock.advance(2_000);
    expect(tunnel.closed).toBe(true);
  });

  it('does not answer a probe is cut as soon as its time is up', async () => {
    const clock = new ManualClock();
    const { tunnel } = await rawPeer(clock);
    tunnel.probe(2_000);
    clock.advance(1_999);
    expect(tunnel.closed).toBe(false);
    clock.advance(1);
    expect(tunnel.closed).toBe(true);
  });

  it('does not read makes its streams unwritable and keeps the queue bounded', async () => {
    const { tunnel, peer } = await rawPeer();
    peer.pause();
    for (let id = 1; id <= 200; id++) {
      const stream = openStream(tunnel, Uint8Array.of(1), deaf);
      while (stream.writable) stream.write(Buffer.alloc(65_536));
    }
    expect(tunnel.stats.queued).toBeLessThan(2 * MIB);
  });

  it.each([100, 12_000])('reads slowly gets %i bytes soon, however much others have written before', async (small) => {
    const { tunnel, peer } = await rawPeer();
    peer.pause();
    for (let n = 0; n < 100; n++) openStream(tunnel, GREEDY, deaf).write(Buffer.alloc(65_536));
    const modest = [GREEDY, MODEST].map((service) => openStream(tunnel, service, deaf));
    for (const stream of modest) stream.write(Buffer.alloc(small));
    const before = new Map<number, number>();
    let sent = 0;
    const all = Promise.withResolvers<void>();
    const decoder = new FrameDecoder<Buffer, undefined>({
      onHeader(type, stream, length) {
        if (type !== FRAME.DATA) return undefined;
        if (!before.has(stream)) before.set(stream, sent);
        sent += length;
        if (sent === 100 * 65_536 + 2 * small) all.resolve();
        return undefined;
      },
      onData() {},
      onControl: () => undefined,
    });
    peer.on('data', (chunk: Buffer) => decoder.push(chunk, 0, chunk.length, undefined));
    peer.resume();
    await all.promise;
    for (const stream of modest) expect(before.get(stream.id)).toBeLessThan(1.5 * MIB);
    expect(before.size).toBe(102);
  });

  it('does not read is asked for no more by the service that waits for it most', async () => {
    const { tunnel, peer } = await rawPeer();
    peer.pause();
    let stream = tunnel.open(GREEDY, deaf);
    let streams = 0;
    for (; typeof stream !== 'string' && streams < 400; streams++) {
      stream.write(Buffer.alloc(65_536));
      stream = tunnel.open(GREEDY, deaf);
    }
    expect(stream).toBe('memory');
    expect(streams * 65_536).toBeLessThan(12 * MIB);
    openStream(tunnel, MODEST, deaf).write(Buffer.alloc(65_536));
    expect(typeof tunnel.open(MODEST, deaf)).toBe('object');
  });

  it('does not read loses the streams of whoever writes all the same, when there is no more memory', async () => {
    let full = 0;
    const group = new CarrierGroup({ memory: 4 * MIB, onFull: () => full++ });
    const { tunnel, peer } = await rawPeer(systemClock, group);
    peer.pause();
    const resets: number[] = [];
    const noting = { ...deaf, onReset: (code: number) => resets.push(code) };
    const greedy = Array.from({ length: 60 }, () => openStream(tunnel, GREEDY, noting));
    const modest = openStream(tunnel, MODEST, { ...deaf, onReset: () => resets.push(-1) });
    for (const stream of greedy) stream.write(Buffer.alloc(65_536));
    modest.write(Buffer.alloc(65_536));
    expect(resets.length).toBeGreaterThan(5);
    expect(new Set(resets)).toEqual(new Set([RESET.LIMIT]));
    expect(full).toBe(resets.length);
    expect(tunnel.closed).toBe(false);
  });

  it('does not read has nobody broken off who can stop when told that too much waits', async () => {
    let full = 0;
    const group = new CarrierGroup({ memory: 8 * MIB, onFull: () => full++ });
    const { tunnel, peer } = await rawPeer(systemClock, group);
    peer.pause();
    const told = new Set<TunnelStream>();
    const streams: TunnelStream[] = [];
    for (let n = 0; n < 300; n++) {
      const stream: TunnelStream = openStream(tunnel, GREEDY, { ...deaf, onFull: () => void told.add(stream) });
      streams.push(stream);
    }
    // What their sources have sent is there for all of them at once; only who isn't told in time reads it.
    let wrote = 0;
    for (const stream of streams)
      if (!told.has(stream)) {
        stream.write(Buffer.alloc(65_536));
        wrote++;
      }
    expect(full).toBe(0);
    expect(wrote * 65_536).toBeLessThan(3 * MIB);
    expect(streams.some((stream) => stream.writable)).toBe(false);
  });

  it('leaves no timer behind', async () => {
    const clock = new ManualClock();
    const { tunnel, near, peer, end } = await rawPeer(clock);
    tunnel.probe(9_000);
    const closed = once(near, 'close');
    peer.resume();
    peer.end();
    await end;
    await closed;
    expect(clock.timers).toBe(0);
  });
});
