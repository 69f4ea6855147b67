/** Streams that move between the carriers of a link: over real sockets, with a hash over every byte. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { CarrierGroup } from '../../../shared/node/carrier-group.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import { createTunnel, type Tunnel, type TunnelEnd } from '../../../shared/node/tunnel.ts';
import { GO_AWAY, RESET, type ResetCode } from '../../../shared/wire/codes.ts';
import { encodeFrame } from '../../../shared/wire/encode.ts';
import { FRAME, type FrameType, HEADER, INITIAL_WINDOW } from '../../../shared/wire/frame.ts';
import { seededRandom } from '../../support/random.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { openStream, type TunnelPair, tunnelPair } from '../../support/tunnel-pair.ts';

const pairs: TunnelPair[] = [];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  for (const pair of pairs.splice(0)) pair.sockets.close();
});

/** Writes bytes that follow from `seed` for as long as the stream takes them, and half-closes after `length`. */
class Source {
  readonly #stream: TunnelStream;
  readonly #length: number;
  readonly #random: () => number;
  #at = 0;
  readonly hash = createHash('sha256');

  constructor(stream: TunnelStream, seed: number, length: number) {
    this.#stream = stream;
    this.#length = length;
    this.#random = seededRandom(seed);
  }

  push(): void {
    while (this.#at < this.#length) {
      if (!this.#stream.writable) return;
      const bytes = Buffer.alloc(Math.min(this.#length - this.#at, 1 + Math.floor(this.#random() * 40_000)));
      bytes.fill(Buffer.from([this.#random() * 256, this.#at, this.#at >> 8, this.#at >> 16, this.#random() * 256]));
      this.hash.update(bytes);
      this.#stream.write(bytes);
      this.#at += bytes.length;
    }
    this.#stream.end();
  }
}

interface Transfer {
  readonly done: Promise<ResetCode | undefined>;
  sent(): string;
  readonly received: { bytes: number; hash: ReturnType<typeof createHash> };
}

/** One side of a stream: sends `length` bytes, reads what comes, sometimes late. */
function side(seed: number, length: number): { handler: StreamHandler; start(s: TunnelStream): void } & Transfer {
  const random = seededRandom(seed * 7 + 1);
  const { promise, resolve } = Promise.withResolvers<ResetCode | undefined>();
  const received = { bytes: 0, hash: createHash('sha256') };
  let stream: TunnelStream | undefined;
  let source: Source | undefined;
  return {
    received,
    done: promise,
    sent: () => source?.hash.copy().digest('hex') ?? '',
    start(opened) {
      stream = opened;
      source = new Source(opened, seed, length);
      source.push();
    },
    handler: {
      onData(buffer, start, end) {
        received.bytes += end - start;
        received.hash.update(buffer.subarray(start, end));
        const pay = (): void => stream?.consumed(end - start);
        if (random() < 0.3) setImmediate(pay);
        else pay();
      },
      onEnd: () => resolve(undefined),
      onReset: (code) => resolve(code),
      onWritable: () => source?.push(),
    },
  };
}

interface Link {
  readonly carriers: readonly TunnelPair[];
  readonly far: ReturnType<typeof side>[];
  readonly groups: { readonly edge: CarrierGroup; readonly agent: CarrierGroup };
}

async function link(carriers: number, length: number, memory?: number): Promise<Link> {
  const options = memory === undefined ? {} : { memory };
  const groups = { edge: new CarrierGroup(options), agent: new CarrierGroup(options) };
  const far: ReturnType<typeof side>[] = [];
  const made: TunnelPair[] = [];
  for (let carrier = 0; carrier < carriers; carrier++) {
    const pair = await tunnelPair(carrier % 2 === 0 ? 'tcp' : 'tls', {
      place: { ...groups, carrier },
      onOpen: (stream) => {
        const end = side(1000 + far.length, length);
        far.push(end);
        stream.opened(1);
        end.start(stream);
        return end.handler;
      },
    });
    pairs.push(pair);
    made.push(pair);
  }
  return { carriers: made, far, groups };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(pair: TunnelPair, seed: number, length: number) {
  const near = side(seed, length);
  near.start(openStream(pair.edge, new Uint8Array(1), near.handler));
  return near;
}

/** Moves all that can be moved, from anywhere to anywhere, until `over`. */
async function shuffle(carriers: readonly TunnelPair[], over: Promise<unknown>, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const pick = (): TunnelPair | undefined => carriers[Math.floor(random() * carriers.length)];
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  let moves = 0;
  while (!ended) {
    const [from, to] = [pick(), pick()];
    if (from !== undefined && to !== undefined && from !== to) moves += from.edge.moveTo(to.edge);
    await turn();
  }
  return moves;
}

/** No stream is left on any carrier, at either end, nothing stands in a queue, and every window has been given back. */
async function allComesBack(carriers: readonly TunnelPair[], groups: Link['groups']): Promise<void> {
  const tunnels = carriers.flatMap(({ edge, agent }) => [edge, agent]);
  await expect.poll(() => tunnels.map(({ stats }) => stats.streams + stats.queued)).toEqual(tunnels.map(() => 0));
  expect([groups.edge.budget.used, groups.agent.budget.used]).toEqual([0, 0]);
}

describe('a link of several carriers', () => {
  it('delivers every byte in order, both ways, while streams move all the time', { timeout: 60_000 }, async () => {
    const length = 3_000_000;
    const { carriers, far, groups } = await link(4, length);
    const near = carriers.flatMap((pair, i) => [0, 1, 2].map((k) => open(pair, 10 * i + k, length)));
    const all = Promise.all([...near.map((n) => n.done)]);
    const moves = await shuffle(carriers, all, 5);
    expect(await all).toEqual(near.map(() => undefined));
    await Promise.all(far.map((f) => f.done));
    expect(moves).toBeGreaterThan(50);
    const sum = (ends: readonly Transfer[]) => ends.map((e) => e.received.hash.digest('hex')).sort();
    expect(sum(near)).toEqual(far.map((f) => f.sent()).sort());
    expect(sum(far)).toEqual(near.map((n) => n.sent()).sort());
    await allComesBack(carriers, groups);
  });

  it.each([1, 3])('delivers the ends of many short streams on %i carriers', { timeout: 60_000 }, async (count) => {
    const length = 100_000;
    const { carriers, far, groups } = await link(count, length);
    for (let round = 0; round < 15; round++) {
      const near = carriers.flatMap((pair, i) => [0, 1, 2, 3].map((k) => open(pair, 10 * i + k, length)));
      const all = Promise.all(near.map((n) => n.done));
      await shuffle(carriers, all, round);
      expect(await all).toEqual(near.map(() => undefined));
      await Promise.all(far.map((f) => f.done));
      expect([...near, ...far].filter((end) => end.received.bytes !== length)).toEqual([]);
    }
    await allComesBack(carriers, groups);
  });

  it('loses with a carrier only what was on it, and delivers nothing wrong', { timeout: 60_000 }, async () => {
    const length = 6_000_000;
    const { carriers, far } = await link(4, length);
    const near = carriers.flatMap((pair, i) => [0, 1].map((k) => open(pair, 10 * i + k, length)));
    const all = Promise.all(near.map((n) => n.done));
    const moving = shuffle(carriers, all, 9);
    await expect.poll(() => near.reduce((sum, n) => sum + n.received.bytes, 0)).toBeGreaterThan(2_000_000);
    carriers[1]?.sockets.accepted.destroy();
    carriers[2]?.sockets.dialled.destroy();
    const ends = await all;
    await moving;
    await Promise.all(far.map((f) => f.done));
    expect(new Set(ends)).toEqual(new Set([undefined, RESET.TUNNEL_LOST].filter((e) => ends.includes(e))));
    const whole = new Set(far.map((f) => f.sent()));
    near.forEach((n, i) => {
      if (ends[i] === undefined) expect(whole.has(n.received.hash.digest('hex'))).toBe(true);
    });
    for (const i of [0, 3]) {
      const [edge, agent] = [carriers[i]?.edge, carriers[i]?.agent];
      expect([edge?.closed, agent?.closed]).toEqual([false, false]);
      await expect.poll(() => [edge?.stats.streams, agent?.stats.streams]).toEqual([0, 0]);
    }
  });

  it('resets a stream on both carriers when either side does so in the middle of a move', async () => {
    const { carriers, far } = await link(2, 10_000_000);
    const [one, two] = carriers;
    if (one === undefined || two === undefined) throw new Error('no carriers');
    for (const who of ['edge', 'agent'] as const) {
      const near = side(3, 10_000_000);
      const stream = openStream(one.edge, new Uint8Array(1), near.handler);
      near.start(stream);
      while (one.edge.moveTo(two.edge) === 0) await turn();
      if (who === 'edge') {
        stream.reset(RESET.CANCELLED);
        expect(await far.at(-1)?.done).toBe(RESET.CANCELLED);
      } else {
        // Gone from the agent at once: the edge hears of it wherever it listens by then.
        one.agent.close(1, 'test');
        expect(await near.done).toBe(RESET.TUNNEL_LOST);
      }
      await expect.poll(() => two.edge.stats.streams + two.agent.stats.streams).toBe(0);
    }
  });

  it('does not move to a carrier of another link, nor to one that goes away', async () => {
    const mine = await link(2, 1_000_000);
    const other = await link(1, 1_000_000);
    const [one, two] = mine.carriers;
    const [foreign] = other.carriers;
    if (one === undefined || two === undefined || foreign === undefined) throw new Error('no carriers');
    open(one, 1, 10_000_000);
    await expect.poll(() => mine.far.length).toBe(1);
    expect(one.edge.moveTo(foreign.edge)).toBe(0);
    two.edge.goAway(1);
    expect(one.edge.moveTo(two.edge)).toBe(0);
  });

  it('holds no more for a reader that stands still, however often its stream moves', async () => {
    const memory = 1024 * 1024;
    const groups = { edge: new CarrierGroup(), agent: new CarrierGroup({ memory }) };
    let unread = 0;
    let code: ResetCode | undefined;
    const carriers: TunnelPair[] = [];
    for (let carrier = 0; carrier < 2; carrier++) {
      const pair = await tunnelPair('tcp', {
        place: { ...groups, carrier },
        onOpen: (stream) => {
          stream.opened(1);
          return {
            onData: (_, start, end) => {
              unread += end - start;
            },
            onEnd() {},
            onReset: (given) => {
              code = given;
            },
            onWritable() {},
          };
        },
      });
      pairs.push(pair);
      carriers.push(pair);
    }
    const near = side(1, 200_000_000);
    const [first] = carriers;
    if (first === undefined) throw new Error('no carrier');
    near.start(openStream(first.edge, new Uint8Array(1), near.handler));
    await shuffle(carriers, near.done, 3);
    expect(await near.done).toBe(RESET.LIMIT);
    expect(code).toBe(RESET.LIMIT);
    expect(unread).toBeLessThan(memory + 4 * INITIAL_WINDOW);
    expect(groups.agent.budget.used).toBe(0);
  });
});

/** An agent with two carriers to an edge that a test plays frame by frame. */
async function hostileEdge(onBytes: (stream: TunnelStream) => void = () => {}) {
  const group = new CarrierGroup();
  const resets: ResetCode[] = [];
  const ends: TunnelEnd[] = [];
  const received: string[] = [];
  const carriers = [];
  for (let carrier = 0; carrier < 2; carrier++) {
    const sockets = await socketPair('tcp');
    closing.push(sockets.close);
    sockets.accepted.on('error', () => {}).resume();
    const tunnel = createTunnel({
      socket: sockets.dialled,
      role: 'agent',
      clock: systemClock,
      logger: silentLogger,
      group,
      carrier,
      onOpen: (stream) => {
        stream.opened(1);
        return {
          onData: (buffer, start, end) => {
            received.push(buffer.toString('latin1', start, end));
            stream.consumed(end - start);
            onBytes(stream);
          },
          onEnd: () => received.push('end'),
          onReset: (code) => resets.push(code),
          onWritable() {},
        };
      },
      onClose: (end) => ends.push(end),
    });
    const send = (type: FrameType, stream: number, payload: readonly number[] | string = []): void => {
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : Uint8Array.from(payload);
      sockets.accepted.write(encodeFrame(type, stream, bytes));
    };
    carriers.push({ tunnel, send });
  }
  const [old, next] = carriers;
  if (old === undefined || next === undefined) throw new Error('no carriers');
  old.send(FRAME.OPEN, 1, [1]);
  await expect.poll(() => old.tunnel.stats.streams).toBe(1);
  return { old, next, resets, ends, received, group };
}

/** An edge with two carriers to an agent that a test plays frame by frame, and a stream on the first of them. */
async function hostileAgent(onWritable: (stream: TunnelStream) => void = () => {}) {
  const received: string[] = [];
  const ends: TunnelEnd[] = [];
  const carriers: { tunnel: Tunnel; send(type: FrameType, stream: number, payload?: Uint8Array): void; got: string }[] =
    [];
  const moveBulk = (): void => {
    const [old, next] = carriers;
    if (old !== undefined && next !== undefined) old.tunnel.moveTo(next.tunnel);
  };
  const group = new CarrierGroup({ onBulk: moveBulk });
  for (let carrier = 0; carrier < 2; carrier++) {
    const sockets = await socketPair('tcp');
    closing.push(sockets.close);
    const tunnel = createTunnel({
      socket: sockets.accepted,
      role: 'edge',
      clock: systemClock,
      logger: silentLogger,
      group,
      carrier,
      onClose: (end) => ends.push(end),
    });
    const played = {
      tunnel,
      send: (type: FrameType, stream: number, payload = new Uint8Array(0)): void => {
        sockets.dialled.write(encodeFrame(type, stream, payload));
      },
      /** The payloads of all DATA. */
      got: '',
    };
    let unread = Buffer.alloc(0);
    sockets.dialled
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        unread = Buffer.concat([unread, chunk]);
        while (unread.length >= HEADER && unread.length >= HEADER + unread.readUIntBE(1, 3)) {
          const end = HEADER + unread.readUIntBE(1, 3);
          if (unread[0] === FRAME.DATA) played.got += unread.toString('latin1', HEADER, end);
          unread = unread.subarray(end);
        }
      });
    carriers.push(played);
  }
  const [old, next] = carriers;
  if (old === undefined || next === undefined) throw new Error('no carrier');
  const stream: TunnelStream = openStream(old.tunnel, Uint8Array.of(1), {
    onData: (buffer, start, end) => {
      received.push(buffer.toString('latin1', start, end));
      stream.consumed(end - start);
    },
    onEnd: () => received.push('end'),
    onReset: () => received.push('reset'),
    onWritable: () => onWritable(stream),
  });
  old.send(FRAME.OPENED, 1, new Uint8Array(4));
  const streams = () => old.tunnel.stats.streams + next.tunnel.stats.streams;
  return { old, next, stream, received, ends, group, streams };
}

/** The payload of a WINDOW. */
function credit(bytes: number): Uint8Array {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return payload;
}

describe('an edge whose stream is in the middle of a move', () => {
  it('waits for what the old carrier still brings when both sides have ended on the new one', async () => {
    for (const last of ['move', 'end and move'] as const) {
      const { old, next, stream, received, group, streams } = await hostileAgent();
      await expect.poll(() => old.tunnel.moveTo(next.tunnel)).toBe(1);
      next.send(FRAME.FIN, 1);
      const { bytesIn } = next.tunnel.stats;
      await expect.poll(() => next.tunnel.stats.bytesIn).toBeGreaterThan(bytesIn);
      stream.end();
      old.send(FRAME.DATA, 1, Buffer.from('last words'));
      if (last === 'end and move') old.send(FRAME.FIN, 1);
      else expect(received).toEqual([]);
      old.send(FRAME.MOVE, 1);
      await expect.poll(streams).toBe(0);
      expect(received).toEqual(['last words', 'end']);
      expect(group.budget.used).toBe(0);
    }
  });

  it('sends no more on the new carrier than is granted there when a write in text sets off the move', async () => {
    const { old, next, stream, ends } = await hostileAgent();
    stream.write(Buffer.alloc(INITIAL_WINDOW, 'x'));
    old.send(FRAME.WINDOW, 1, credit(10_000_000));
    await expect.poll(() => stream.writable).toBe(true);
    for (let i = 0; i < 300; i++) stream.writeLatin1('x'.repeat(1000));
    await expect.poll(() => old.tunnel.stats.streams + next.tunnel.stats.streams).toBe(2);
    for (let i = 0; i < 100; i++) stream.writeLatin1('y'.repeat(1000));
    await expect.poll(() => next.got.length).toBe(INITIAL_WINDOW);
    expect(ends).toEqual([]);
  });

  it('keeps the order when a write that nobody waited for sets off the move', async () => {
    const { old, next, stream } = await hostileAgent((writer) => {
      if (writer.writable) writer.write(Buffer.from('later'));
    });
    stream.write(Buffer.alloc(INITIAL_WINDOW, 'x'));
    await expect.poll(() => old.got.length).toBe(INITIAL_WINDOW);
    const most = 256 * 1024;
    for (let at = 0; at < most - 1; at += 32 * 1024)
      stream.write(Buffer.alloc(Math.min(32 * 1024, most - 1 - at), 'x'));
    old.send(FRAME.WINDOW, 1, credit(most - 1));
    await expect.poll(() => old.got.length).toBe(INITIAL_WINDOW + most - 1);
    expect(stream.writable).toBe(false);
    stream.write(Buffer.from('a'));
    await expect.poll(() => next.got).toMatch(/^alater/);
  });
});

/** The payload of a CONTINUE. */
const from = (carrier: number, stream: number): number[] => [0, 0, 0, carrier, 0, 0, 0, stream];

describe('an agent whose edge plays foul', () => {
  it('keeps what comes early in its place, be the frames of a move in whichever order', async () => {
    for (const order of [
      ['continue', 'move'],
      ['move', 'continue'],
    ] as const) {
      const { old, next, received } = await hostileEdge();
      for (const step of order) {
        if (step === 'move') {
          old.send(FRAME.DATA, 1, 'first ');
          old.send(FRAME.MOVE, 1);
          await expect.poll(() => received.join('')).toMatch(/^first /);
        } else {
          next.send(FRAME.CONTINUE, 1, from(0, 1));
          for (const byte of 'second') next.send(FRAME.DATA, 1, byte);
          next.send(FRAME.FIN, 1);
          await expect.poll(() => next.tunnel.stats.bytesIn).toBeGreaterThan(70);
          expect(received.join('')).not.toMatch(/^second/);
        }
      }
      await expect.poll(() => received.join('')).toBe('first secondend');
    }
  });

  it('hands on all that came early, and the end, though its own side ends at the first byte of it', async () => {
    const { old, next, received, group } = await hostileEdge((stream) => stream.end());
    next.send(FRAME.CONTINUE, 1, from(0, 1));
    const pieces = ['a'.repeat(5000), 'b'.repeat(5000), 'c'];
    for (const piece of pieces) next.send(FRAME.DATA, 1, piece);
    next.send(FRAME.FIN, 1);
    await expect.poll(() => next.tunnel.stats.bytesIn).toBeGreaterThan(10_000 + 5 * HEADER);
    old.send(FRAME.MOVE, 1);
    await expect.poll(() => received.join('')).toBe(`${pieces.join('')}end`);
    await expect.poll(() => old.tunnel.stats.streams + next.tunnel.stats.streams).toBe(0);
    expect(group.budget.used).toBe(0);
  });

  it('cuts the carrier that continues a stream twice, and loses only that stream', async () => {
    const { old, next, resets, ends } = await hostileEdge();
    next.send(FRAME.CONTINUE, 1, from(0, 1));
    next.send(FRAME.CONTINUE, 2, from(0, 1));
    await expect.poll(() => ends).toMatchObject([{ by: 'local', code: GO_AWAY.PROTOCOL }]);
    expect([next.tunnel.closed, old.tunnel.closed, resets]).toEqual([true, false, [RESET.TUNNEL_LOST]]);
    expect(old.tunnel.stats.streams).toBe(0);
  });

  it('cuts the carrier that continues a stream of itself', async () => {
    const { old, ends } = await hostileEdge();
    old.send(FRAME.CONTINUE, 2, from(0, 1));
    await expect.poll(() => ends).toMatchObject([{ code: GO_AWAY.PROTOCOL }]);
  });

  it('resets what continues a stream or a carrier that is not there, and goes on', async () => {
    const { next, ends } = await hostileEdge();
    next.send(FRAME.CONTINUE, 1, from(0, 77));
    next.send(FRAME.CONTINUE, 2, from(9, 1));
    next.send(FRAME.OPEN, 3, [1]);
    await expect.poll(() => next.tunnel.stats.streams).toBe(1);
    expect(ends).toEqual([]);
  });

  it('takes no more on the new carrier than it has granted there', async () => {
    const { next, ends, group } = await hostileEdge();
    next.send(FRAME.CONTINUE, 1, from(0, 1));
    const piece = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 40; i++) next.send(FRAME.DATA, 1, piece);
    await expect.poll(() => ends).toMatchObject([{ code: GO_AWAY.PROTOCOL }]);
    expect(group.budget.used).toBe(0);
  });
});
