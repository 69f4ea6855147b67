/** Streams that wait for a place in their link: none is forgotten, whoever else comes, goes, moves or breaks off. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CarrierGroup } from '../../../shared/node/carrier-group.ts';
import { type Clock, systemClock } from '../../../shared/node/clock.ts';
import { createSplice, type Splice } from '../../../shared/node/splice.ts';
import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../../shared/wire/codes.ts';
import { laneOf } from '../../../shared/wire/open.ts';
import { seededRandom } from '../../support/random.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { openStream, type TunnelPair, tunnelPair } from '../../support/tunnel-pair.ts';

const MIB = 1024 * 1024;
/** Pings would wake whoever is forgotten, after a while. */
const withoutPings: Clock = { ...systemClock, setInterval: () => () => {} };
const deaf: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

const pairs: TunnelPair[] = [];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  for (const pair of pairs.splice(0)) pair.sockets.close();
});

type Side = 'edge' | 'agent';

interface Link {
  readonly carriers: readonly TunnelPair[];
  readonly groups: Readonly<Record<Side, CarrierGroup>>;
}

type OnOpen = Parameters<typeof tunnelPair>[1]['onOpen'];

async function link(carriers: number, memory: number, onOpen: OnOpen): Promise<Link> {
  const groups = { edge: new CarrierGroup({ memory }), agent: new CarrierGroup({ memory }) };
  const made: TunnelPair[] = [];
  for (let carrier = 0; carrier < carriers; carrier++) {
    const transport = carrier % 2 === 0 ? 'tcp' : 'tls';
    const pair = await tunnelPair(transport, { place: { ...groups, carrier }, clock: withoutPings, onOpen });
    pairs.push(pair);
    made.push(pair);
  }
  return { carriers: made, groups };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Fails unless no stream of `keys` is counted any more, nor a byte that one of them held. */
function expectEmpty(group: CarrierGroup, memory: number, keys: readonly number[]): void {
  for (const key of keys) {
    const lane = group.enter(key);
    expect(lane).toMatchObject({ streams: 1, held: 0 });
    expect([group.refuses(key, 2), group.refuses(key, 1)]).toEqual([undefined, 'streams']);
    group.leave(lane);
  }
  const probe = group.enter(-1);
  group.hold(probe, memory / 2);
  expect(group.isOverfull(probe)).toBe(false);
  group.hold(probe, 1);
  expect(group.isOverfull(probe)).toBe(true);
  group.hold(probe, -1 - memory / 2);
  group.leave(probe);
  expect(group.budget.used).toBe(0);
}

describe('a stream that is told to stop', () => {
  it('takes nothing until its turn, which comes at once on a carrier that has nothing to send', async () => {
    const { carriers } = await link(2, 8 * MIB, () => deaf);
    const [busy, idle] = carriers;
    if (busy === undefined || idle === undefined) throw new Error('no carriers');
    busy.sockets.dialled.pause();
    const [told, goesOn] = [Promise.withResolvers<boolean>(), Promise.withResolvers<void>()];
    const stream: TunnelStream = openStream(idle.edge, Uint8Array.of(2), {
      ...deaf,
      onFull: () => told.resolve(stream.writable),
      onWritable: () => goesOn.resolve(),
    });
    // What its opening has set off is over.
    await expect.poll(() => idle.edge.stats.queued).toBe(0);
    await turn();
    for (let n = 0; n < 30; n++) openStream(busy.edge, Uint8Array.of(1), deaf).write(Buffer.alloc(65_536));
    expect(await told.promise).toBe(false);
    await goesOn.promise;
    expect(stream.writable).toBe(true);
  });

  it.each(['before', 'after'])('goes on by itself when that comes %s its socket', async (when) => {
    const received = Promise.withResolvers<void>();
    let bytes = '';
    const { carriers } = await link(2, 8 * MIB, (stream) => ({
      ...deaf,
      onData(buffer, start, end) {
        bytes += buffer.toString('latin1', start, end);
        stream.consumed(end - start);
      },
      onEnd: () => received.resolve(),
    }));
    const [busy, idle] = carriers;
    if (busy === undefined || idle === undefined) throw new Error('no carriers');
    const sockets = await socketPair('tcp');
    closing.push(sockets.close);
    let splice: Splice | undefined;
    const told = Promise.withResolvers<void>();
    const stream = openStream(idle.edge, Uint8Array.of(2), {
      onData: (...given) => splice?.onData(...given),
      onEnd: () => splice?.onEnd(),
      onReset: (...given) => splice?.onReset(...given),
      onWritable: () => splice?.onWritable(),
      onFull() {
        splice?.onFull?.();
        told.resolve();
      },
    });
    splice = createSplice(stream);
    if (when === 'after') splice.join(sockets.accepted);
    busy.sockets.dialled.pause();
    await expect.poll(() => idle.edge.stats.queued).toBe(0);
    await turn();
    for (let n = 0; n < 30; n++) openStream(busy.edge, Uint8Array.of(1), deaf).write(Buffer.alloc(65_536));
    await told.promise;
    if (when === 'before') splice.join(sockets.accepted);
    sockets.dialled.end('all of it');
    await received.promise;
    expect(bytes).toBe('all of it');
  });
});

describe('streams that move while they wait for room', () => {
  it('wait for room on the new carrier too, and lose nothing', async () => {
    const [streams, length] = [150, 65_536];
    let received = 0;
    let ended = 0;
    const { carriers, groups } = await link(2, 64 * MIB, (stream) => {
      stream.opened(1);
      return {
        ...deaf,
        onData(_, start, end) {
          received += end - start;
          stream.consumed(end - start);
        },
        onEnd() {
          ended++;
          stream.end();
        },
      };
    });
    const [from, to] = carriers;
    if (from === undefined || to === undefined) throw new Error('no carriers');
    let opened = 0;
    const opening = { ...deaf, onOpened: () => opened++ };
    const all = Array.from({ length: streams }, () => openStream(from.edge, Uint8Array.of(1), opening));
    await expect.poll(() => opened).toBe(streams);
    for (const { sockets } of carriers) sockets.dialled.pause();
    for (const stream of all) stream.write(Buffer.alloc(length));
    expect(from.edge.moveTo(to.edge)).toBe(streams);
    for (let n = 0; n < 5; n++) {
      await turn();
      expect(to.edge.stats.queued).toBeLessThan(MIB);
    }
    for (const stream of all) stream.end();
    for (const { sockets } of carriers) sockets.dialled.resume();
    await expect.poll(() => ended, { timeout: 10_000 }).toBe(streams);
    expect(received).toBe(streams * length);
    await expect.poll(() => carriers.map(({ edge }) => edge.stats.streams)).toEqual([0, 0]);
    expectEmpty(groups.edge, 64 * MIB, [laneOf(Uint8Array.of(1))]);
  });
});

/** What every stream sends a part of; where it begins is known from its number. */
const pattern = ((): Buffer => {
  const random = seededRandom(99);
  const bytes = Buffer.alloc(3 * MIB);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.floor(random() * 4294967296), at);
  return bytes;
})();
const MOST = 2_000_000;

/**
 * One end of a stream: sends a part of the pattern, in pieces of any size, asking first or not, in bytes or in text,
 * and reads the other end's, now or later. What it reads is compared as it comes.
 */
class End implements StreamHandler {
  readonly #random: () => number;
  readonly #length: number;
  readonly #blunt: boolean;
  readonly #breaksAt: number;
  readonly #from: number;
  readonly #expected: number;
  readonly #done = Promise.withResolvers<ResetCode | 'broke off' | 'whole' | 'wrong'>();
  #stream: TunnelStream | undefined;
  #sent = 0;
  #got = 0;
  #owes = 0;
  #ended = false;
  /** How often it was told to stop and could go on all the same. */
  eager = 0;

  /** `number`: of the stream, at `side`. */
  constructor(number: number, side: Side, seed: number) {
    const random = seededRandom(seed * 1000 + number * 2 + Number(side === 'edge'));
    this.#random = random;
    this.#length = Math.floor(random() ** 3 * MOST);
    this.#blunt = random() < 0.4;
    this.#breaksAt = random() < 0.1 ? Math.floor(random() * MOST) : Number.POSITIVE_INFINITY;
    const [mine, others] = side === 'edge' ? [0, 1] : [1, 0];
    this.#from = (number * 2 + mine) * 1009;
    this.#expected = (number * 2 + others) * 1009;
  }

  get done() {
    return this.#done.promise;
  }

  start(stream: TunnelStream): void {
    this.#stream = stream;
    this.#push();
  }

  #push(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#ended) return;
    while (this.#sent < this.#length && !this.#ended) {
      // Who doesn't ask first notices only afterwards.
      if (!this.#blunt && !stream.writable) return;
      const size = Math.ceil(this.#random() ** 4 * (this.#blunt ? 150_000 : 80_000));
      const [start, end] = [this.#sent, Math.min(this.#length, this.#sent + size)];
      this.#sent = end;
      const bytes = pattern.subarray(this.#from + start, this.#from + end);
      if (this.#random() < 0.3) stream.writeLatin1(bytes.toString('latin1'));
      else stream.write(pattern, this.#from + start, this.#from + end);
      if (this.#sent >= this.#breaksAt) this.#breakOff();
      if (this.#blunt && this.#sent < this.#length && !stream.writable) {
        // Or not even then, a little later.
        if (this.#random() < 0.4) setImmediate(() => this.#push());
        return;
      }
    }
    if (!this.#ended) this.#end();
  }

  #breakOff(): void {
    this.#ended = true;
    this.#stream?.reset(RESET.CANCELLED);
    this.#done.resolve('broke off');
  }

  #end(): void {
    this.#ended = true;
    this.#stream?.end();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const at = this.#expected + this.#got;
    this.#got += end - start;
    if (pattern.compare(buffer, start, end, at, at + end - start) !== 0) this.#done.resolve('wrong');
    this.#owes += end - start;
    const luck = this.#random();
    if (luck < 0.6) this.#pay();
    else if (luck < 0.9) setImmediate(() => this.#pay());
    else setTimeout(() => this.#pay(), 5);
  }

  #pay(): void {
    this.#stream?.consumed(this.#owes);
    this.#owes = 0;
  }

  onEnd(): void {
    this.#done.resolve('whole');
  }

  onReset(code: ResetCode): void {
    this.#ended = true;
    this.#done.resolve(code);
  }

  onFull(): void {
    if (this.#stream?.writable === true) this.eager++;
  }

  onWritable(): void {
    this.#push();
  }

  /** Bytes that `other` has to send and that have not come. */
  missing(other: End): number {
    return other.#length - this.#got;
  }
}

describe('many streams of several services, of which', () => {
  const MEMORY = 24 * MIB;
  /** A name and its length. */
  const SERVICES = ['a', 'b', 'c', 'd', 'e'].map((name) => [name.length, name.charCodeAt(0)]);
  // OPEN of the third version: the number of the stream is its host, and the service follows.
  const openOf = (number: number, service: readonly number[] = []): Uint8Array =>
    Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 2, number >> 8, number & 255, ...service);
  const lanes = SERVICES.map((service) => laneOf(openOf(0, service)));

  /** Opens and moves streams and stops the peer's reading as `seed` says; `lose`: one carrier breaks on the way. */
  async function run(seed: number, count: number, lose: boolean) {
    const random = seededRandom(seed);
    const any = (n: number): number => Math.floor(random() * n);
    const far = new Map<number, End>();
    const { carriers, groups } = await link(3, MEMORY, (stream, payload) => {
      const number = (payload[9] ?? 0) * 256 + (payload[10] ?? 0);
      const end = new End(number, 'agent', seed);
      far.set(number, end);
      stream.opened(1);
      end.start(stream);
      return end;
    });
    const near = new Map<number, End>();
    for (let number = 0; number < count; number++) {
      const end = new End(number, 'edge', seed);
      const stream = carriers[any(3)]?.edge.open(openOf(number, SERVICES[any(5)]), end) ?? 'closed';
      if (typeof stream === 'string') continue;
      near.set(number, end);
      end.start(stream);
      if (any(20) === 0) await turn();
    }
    const all = Promise.all([...near.values()].map((end) => end.done));
    let stopped: Socket | undefined;
    let over = false;
    void all.then(() => {
      over = true;
    });
    for (let n = 0; !over; n++) {
      const [from, to] = [carriers[any(3)], carriers[any(3)]];
      if (from !== undefined && to !== undefined && from !== to && any(2) === 0) from.edge.moveTo(to.edge);
      // One direction of a carrier stands still for a while, and its queue fills.
      if (any(3) === 0) {
        stopped?.resume();
        const sockets = carriers[any(3)]?.sockets;
        stopped = any(2) === 0 ? undefined : (any(2) === 0 ? sockets?.accepted : sockets?.dialled)?.pause();
      }
      if (lose && n === 10) carriers[1]?.sockets.dialled.destroy();
      for (let turns = any(6); turns > 0; turns--) await turn();
    }
    stopped?.resume();
    const ends = new Map(await Promise.all([...near].map(async ([n, end]) => [n, await end.done] as const)));
    const farEnds = new Map(await Promise.all([...far].map(async ([n, end]) => [n, await end.done] as const)));
    const tunnels = carriers.flatMap(({ edge, agent }) => [edge, agent]).filter((tunnel) => !tunnel.closed);
    await expect.poll(() => tunnels.map(({ stats }) => stats.streams + stats.queued)).toEqual(tunnels.map(() => 0));
    return { near, far, ends, farEnds, groups, tunnels };
  }

  it.each([1, 2, 3])('some break off and all move arrive whole or are reset for a reason (%i)', async (seed) => {
    const { near, far, ends, farEnds, groups, tunnels } = await run(seed, 120, false);
    expect(near.size).toBe(120);
    expect(tunnels.length).toBe(6);
    const allowed = new Set<unknown>(['whole', 'broke off', RESET.CANCELLED]);
    expect([...ends.values(), ...farEnds.values()].filter((end) => !allowed.has(end))).toEqual([]);
    for (const [number, end] of near) {
      const other = far.get(number);
      expect([end.eager, other?.eager ?? 0]).toEqual([0, 0]);
      if (other === undefined) continue;
      if (ends.get(number) === 'whole' && farEnds.get(number) === 'whole')
        expect([end.missing(other), other.missing(end)]).toEqual([0, 0]);
    }
    expect([...ends.values()].filter((end) => end === 'whole').length).toBeGreaterThan(80);
    for (const group of Object.values(groups)) expectEmpty(group, MEMORY, lanes);
  });

  it.each([4, 5])('some are on a carrier that breaks leave nothing behind (%i)', async (seed) => {
    const { ends, farEnds, groups } = await run(seed, 120, true);
    const allowed = new Set<unknown>(['whole', 'broke off', RESET.CANCELLED, RESET.TUNNEL_LOST]);
    expect([...ends.values(), ...farEnds.values()].filter((end) => !allowed.has(end))).toEqual([]);
    for (const group of Object.values(groups)) expectEmpty(group, MEMORY, lanes);
  });
});
