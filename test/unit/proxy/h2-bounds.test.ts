/** What one HTTP/2 connection may cost: each bound, met by a visitor who writes frames by hand. */
import { constants } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RESET } from '../../../shared/wire/codes.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { block, FRAME, type Frame, frame, getFields, postFields, RawH2 } from '../../support/h2-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, routeTo, targetAt } from '../../support/proxy-stand.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

let clock: ManualClock;
let tunnels: FakeTunnels;
let stand: ProxyStand;
const visitors: RawH2[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  stand = await proxyStand({ tunnels, routes: [routeTo(targetAt(3000))], clock, secure: true });
});

afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.socket.destroy();
  await stand.close();
});

async function connect(greet = true): Promise<RawH2> {
  const raw = await RawH2.connect(stand.port, greet);
  visitors.push(raw);
  return raw;
}

const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const code = (number: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(number);
  return payload;
};
const headers = (stream: number, fields: Buffer, end = true): Buffer =>
  frame(FRAME.HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, fields);
const reset = (stream: number, why = 8): Buffer => frame(FRAME.RST_STREAM, 0, stream, code(why));
const many = (count: number, make: (n: number) => Buffer): Buffer[] => Array.from({ length: count }, (_, n) => make(n));
const isReset = (stream: number) => (f: Frame) => f.type === FRAME.RST_STREAM && f.stream === stream;

/** Resolves once the proxy has read everything sent so far. */
async function caughtUp(v: RawH2, mark: number): Promise<void> {
  const payload = Buffer.alloc(8, mark);
  v.send(frame(FRAME.PING, 0, 0, payload));
  await v.frame((f) => f.type === FRAME.PING && f.flags === ACK && f.payload.equals(payload));
}

describe('a flood of', () => {
  it.each<[string, () => Buffer[]]>([
    ['pings', () => many(1000, () => frame(FRAME.PING, 0, 0, Buffer.alloc(8)))],
    ['settings', () => many(1000, () => frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 1, 0, 0)))],
    ['empty settings', () => many(1000, () => frame(FRAME.SETTINGS, 0, 0))],
  ])('%s ends the connection', async (_, frames) => {
    const v = await connect();
    v.send(...frames());
    // Its reason is lost where what was still to be read resets the connection.
    expect([NGHTTP2_ENHANCE_YOUR_CALM, -1]).toContain(await v.goneWith());
  });

  it.each<[string, (n: number) => Buffer]>([
    ['priorities', () => frame(FRAME.PRIORITY, 0, 3, Buffer.of(0, 0, 0, 0, 16))],
    ['window updates', () => frame(FRAME.WINDOW_UPDATE, 0, 0, code(1))],
    ['unknown frames', () => frame(0x77, 0, 0, Buffer.alloc(8))],
  ])('%s ends the connection when the second is over', async (_, make) => {
    const v = await connect();
    v.send(headers(1, postFields(), false), ...many(10_000, make));
    await caughtUp(v, 1);
    const stream = await tunnels.stream(1);
    expect(v.socket.destroyed).toBe(false);
    clock.advance(1000);
    await v.closed;
    expect(stream.resetWith).toBe(RESET.CANCELLED);
  });

  it('empty DATA frames ends the connection', async () => {
    const v = await connect();
    v.send(headers(1, postFields(), false), ...many(1000, () => frame(FRAME.DATA, 0, 1)));
    await v.closed;
    expect(stand.proxy.stats).toMatchObject({ exchanges: 0, connections: 0 });
  });

  it('CONTINUATION frames ends the connection', async () => {
    const v = await connect();
    v.send(
      frame(FRAME.HEADERS, END_STREAM, 1, getFields()),
      ...many(1000, (n) => frame(FRAME.CONTINUATION, 0, 1, block([[`x-${n}`, 'y'.repeat(100)]]))),
    );
    await v.closed;
    expect(tunnels.streams.length).toBe(0);
  });

  it('streams opened and reset ends the connection, and few of them reach an origin', async () => {
    const v = await connect();
    v.send(...many(2000, (n) => Buffer.concat([headers(2 * n + 1, getFields()), reset(2 * n + 1)])));
    await v.closed;
    expect(tunnels.streams.length).toBeLessThanOrEqual(450);
    expect(tunnels.streams.every((s) => s.resetWith === RESET.CANCELLED)).toBe(true);
    expect(stand.proxy.stats.exchanges).toBe(0);
  });

  it('streams that we are made to reset ends the connection', async () => {
    const v = await connect();
    // A window update of 0 is a stream error: the reset is ours, the fault is not.
    v.send(
      ...many(2000, (n) =>
        Buffer.concat([headers(2 * n + 1, postFields(), false), frame(FRAME.WINDOW_UPDATE, 0, 2 * n + 1, code(0))]),
      ),
    );
    await v.closed;
    expect(tunnels.streams.length).toBeLessThanOrEqual(450);
    expect(stand.proxy.stats.exchanges).toBe(0);
  });
});

describe('a visitor who cancels now and then', () => {
  it('is not taken for an attacker', async () => {
    const v = await connect();
    for (let n = 0; n < 300; n++) {
      v.send(headers(2 * n + 1, getFields()), reset(2 * n + 1));
      if (n % 10 === 9) {
        await caughtUp(v, n / 10);
        clock.advance(1000);
      }
    }
    v.send(headers(601, getFields()));
    const stream = await tunnels.stream(tunnels.streams.length + 1);
    await stream.untilReceived('\r\n\r\n');
    stream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 601);
  });
});

describe('a request', () => {
  it('with too many fields is reset', async () => {
    const v = await connect();
    v.send(headers(1, getFields(...Array.from({ length: 400 }, (_, n) => [`x-${n}`, 'y'] as const))));
    await v.frame(isReset(1));
    expect(tunnels.streams.length).toBe(0);
  });

  it('with more fields than HTTP/1.1 allows is answered with 431', async () => {
    const v = await connect();
    v.send(headers(1, getFields(...Array.from({ length: 250 }, (_, n) => [`x-${n}`, 'y'] as const))));
    await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 1);
    expect(stand.records).toMatchObject([{ status: 431, failure: 'head_too_large', protocol: 'http/2' }]);
  });

  it('whose few bytes unfold into megabytes is refused, whether or not the limit was acknowledged', async () => {
    // One literal of 4000 bytes goes into the dynamic table, and is then named 200 times by one byte each.
    const entry = [Buffer.of(0x40, 1), Buffer.from('x'), Buffer.of(0x7f, 0xa1, 0x1e), Buffer.alloc(4000, 'y')];
    const bomb = Buffer.concat([getFields(), ...entry, Buffer.alloc(200, 0xbe)]);
    const careless = await connect();
    careless.send(headers(1, bomb));
    await careless.frame((f) => f.type === FRAME.HEADERS && f.stream === 1);
    expect(stand.records).toMatchObject([{ status: 431 }]);
    const v = await connect();
    await v.frame((f) => f.type === FRAME.SETTINGS && f.flags === 0);
    v.send(frame(FRAME.SETTINGS, ACK, 0), headers(1, bomb));
    await v.frame(isReset(1));
    expect(tunnels.streams.length).toBe(0);
  });

  it('beyond the limit of streams is refused, and may come again', async () => {
    const v = await connect();
    v.send(...many(101, (n) => headers(2 * n + 1, getFields())));
    const refused = await v.frame((f) => f.type === FRAME.RST_STREAM);
    expect(refused).toMatchObject({ stream: 201, payload: code(NGHTTP2_REFUSED_STREAM) });
    expect(tunnels.streams.length).toBe(100);
  });

  it.each([0, 8])('that is cut short by a reset with code %d is cut short at the origin', async (why) => {
    const v = await connect();
    v.send(headers(1, postFields(), false), frame(FRAME.DATA, 0, 1, Buffer.from('abc')));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('3\r\nabc\r\n');
    v.send(reset(1, why));
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect(stream.received).not.toContain('0\r\n\r\n');
    expect(stand.records).toMatchObject([{ status: 0, bytesUp: 3 }]);
    expect(stand.records[0]?.failure).toBeUndefined();
  });
});

describe('a broken response', () => {
  it.each([
    ['a length', 'Content-Length: 10\r\n\r\nhel'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n'],
    ['its end', '\r\nhel'],
  ])('framed by %s ends with a reset and without END_STREAM', async (_, rest) => {
    const v = await connect();
    v.send(headers(1, getFields()));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('\r\n\r\n');
    stream.send(`HTTP/1.1 200 OK\r\n${rest}`);
    stream.break(RESET.BROKEN);
    await v.frame(isReset(1));
    expect(v.frames.some((f) => f.stream === 1 && f.type <= FRAME.HEADERS && (f.flags & END_STREAM) !== 0)).toBe(false);
  });
});

describe('a visitor who takes nothing', () => {
  it('gets no more than the window, holds the origin back, and is cut after a while', async () => {
    const v = await connect();
    v.send(frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 0, 0, 0)), headers(1, getFields()));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('\r\n\r\n');
    stream.send(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n'), Buffer.alloc(60_000)]));
    await v.frame((f) => f.type === FRAME.HEADERS);
    expect(stream.unpaid).toBe(60_000);
    expect(stream.loans).toBe(1);
    clock.advance(119_000);
    expect(stream.resetWith).toBeUndefined();
    clock.advance(30_000);
    await v.frame(isReset(1));
    expect(stream.resetWith).toBe(RESET.CANCELLED);
    expect(stream.loans).toBe(0);
    expect(v.frames.some((f) => f.type === FRAME.DATA)).toBe(false);
  });
});

describe('a visitor who takes a long response slowly', () => {
  it('gets it all, long after the origin has sent it', async () => {
    const v = await connect();
    v.send(frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 0, 0, 0)), headers(1, getFields()));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('\r\n\r\n');
    stream.send(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n'), Buffer.alloc(30_000)]));
    stream.send(Buffer.alloc(30_000));
    for (const wanted of [30_000, 60_000]) {
      clock.advance(110_000);
      v.send(frame(FRAME.WINDOW_UPDATE, 0, 1, code(30_000)));
      const received = (): number =>
        v.frames.reduce((sum, f) => sum + (f.type === FRAME.DATA ? f.payload.length : 0), 0);
      await v.frame(() => received() === wanted);
    }
    await v.frame((f) => f.type === FRAME.DATA && (f.flags & END_STREAM) !== 0);
  });
});

describe('a connection', () => {
  it('that is lost takes its requests with it, and nobody is blamed', async () => {
    const v = await connect();
    v.send(headers(1, postFields(), false), headers(3, getFields()));
    await tunnels.stream(2);
    v.socket.destroy();
    for (const n of [1, 2]) await (await tunnels.stream(n)).until((s) => s.resetWith === RESET.CANCELLED);
    expect(stand.records.map((r) => [r.status, r.failure])).toEqual([
      [0, undefined],
      [0, undefined],
    ]);
  });

  it('that never speaks HTTP/2 is cut after 10 s', async () => {
    const v = await connect(false);
    await v.frame((f) => f.type === FRAME.SETTINGS);
    clock.advance(11_000);
    await v.closed;
  });

  it('that speaks something else is cut at once', async () => {
    const v = await connect(false);
    v.send(Buffer.from('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'));
    await v.closed;
    expect(tunnels.streams.length).toBe(0);
  });

  it('at rest ends in order after 120 s, pings or not', async () => {
    const v = await connect();
    await caughtUp(v, 1);
    for (let n = 2; n < 6; n++) {
      clock.advance(29_000);
      await caughtUp(v, n);
    }
    clock.advance(6_000);
    expect(await v.goneWith()).toBe(NGHTTP2_NO_ERROR);
  });

  it('that never finishes the head of a request ends like one at rest', async () => {
    const v = await connect();
    await caughtUp(v, 1);
    v.send(frame(FRAME.HEADERS, END_STREAM, 1, getFields()));
    clock.advance(121_000);
    expect(await v.goneWith()).toBe(NGHTTP2_NO_ERROR);
    expect(tunnels.streams.length).toBe(0);
  });

  it('whose peer sends no more ends with its requests', async () => {
    const v = await connect();
    v.send(headers(1, getFields()));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('\r\n\r\n');
    v.socket.end();
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    await v.closed;
  });

  it('tells what it takes', async () => {
    const v = await connect();
    const { payload } = await v.frame((f) => f.type === FRAME.SETTINGS && f.flags === 0);
    const told = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6) told.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    expect(Object.fromEntries(told)).toMatchObject({ 3: 100, 4: 65_536, 6: 65_536, 8: 1 });
  });

  it('gives one upload a large window, and many small ones', async () => {
    const v = await connect();
    const windowOf = (f: Frame): number => {
      for (let at = 0; at < f.payload.length; at += 6)
        if (f.payload.readUInt16BE(at) === 4) return f.payload.readUInt32BE(at + 2);
      return -1;
    };
    v.send(headers(1, postFields(), false));
    await tunnels.stream(1);
    clock.advance(1000);
    await v.frame((f) => f.type === FRAME.SETTINGS && windowOf(f) === 1 << 20);
    v.send(frame(FRAME.SETTINGS, ACK, 0), frame(FRAME.SETTINGS, ACK, 0));
    await caughtUp(v, 1);
    v.send(...many(4, (n) => headers(2 * n + 3, postFields(), false)));
    await v.frame((f) => f.type === FRAME.SETTINGS && v.frames.indexOf(f) > 3 && windowOf(f) === 65_536);
  });
});
