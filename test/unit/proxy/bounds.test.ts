/** Each bound of an HTTP visitor, set low: the refusal that is seen there, and that it is counted under its name. */
import { constants } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BoundName } from '../../../edge/bounds.ts';
import type { Limits } from '../../../edge/limits.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { block, FRAME, frame, getFields, postFields, RawH2 } from '../../support/h2-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, RawVisitor, routeTo, targetAt } from '../../support/proxy-stand.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\n';
const WEBSOCKET = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

let clock: ManualClock;
let tunnels: FakeTunnels;
let stand: ProxyStand | undefined;
let hits: BoundName[];
let misused: string[];
let address: string;
const visitors: (RawVisitor | RawH2)[] = [];

beforeEach(() => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  hits = [];
  misused = [];
  address = '192.0.2.1';
});
afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.socket.destroy();
  await stand?.close();
});

async function open(limits: Partial<Limits>, secure = false): Promise<ProxyStand> {
  const routes = [routeTo(targetAt(3000)), routeTo(targetAt(3001), 'other.test')];
  const bounds = { hit: (bound: BoundName) => hits.push(bound) };
  const onMisuse = (from: string): void => void misused.push(from);
  stand = await proxyStand({ tunnels, routes, clock, limits, bounds, secure, onMisuse, addressOf: () => address });
  return stand;
}

async function visitor(from?: string): Promise<RawVisitor> {
  address = from ?? address;
  const v = await RawVisitor.connect(stand?.port ?? 0);
  visitors.push(v);
  return v;
}

async function begin(count: number, request = GET, from?: string): Promise<RawVisitor[]> {
  const before = tunnels.streams.length;
  const all: RawVisitor[] = [];
  for (let n = 1; n <= count; n++) {
    const v = await visitor(from);
    v.send(request);
    await (await tunnels.stream(before + n)).untilReceived('\r\n\r\n');
    all.push(v);
  }
  return all;
}

async function busy(request = GET, from?: string): Promise<void> {
  const v = await visitor(from);
  v.send(request);
  const text = await v.untilIncludes('\r\n\r\n');
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
  expect(text).toContain('\r\nX-Porthole-Failure: busy\r\n');
  expect(text).toMatch(/\r\nRetry-After: [1-9]\d*\r\n/);
}

describe('a head', () => {
  it('beyond header-size is answered with 431', async () => {
    await open({ headerSize: 2048 });
    const v = await visitor();
    v.send(`GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(2048)}`);
    await v.untilIncludes('HTTP/1.1 431 ');
    await v.ended;
    expect(hits).toEqual(['headerSize']);
  });

  it('with more than header-fields is answered with 431', async () => {
    await open({ headerFields: 10 });
    const v = await visitor();
    v.send(`GET / HTTP/1.1\r\nHost: app.test\r\n${'X: y\r\n'.repeat(10)}\r\n`);
    await v.untilIncludes('HTTP/1.1 431 ');
    expect(hits).toEqual(['headerFields']);
  });

  it('that takes longer than header-time is answered with 408', async () => {
    await open({ headerTime: 3_000 });
    const v = await visitor();
    v.send(`${GET}GET / HTTP/1.1\r\nHost: a`);
    const stream = await tunnels.stream(1);
    stream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await v.untilIncludes('204');
    clock.advance(2_000);
    expect(hits).toEqual([]);
    clock.advance(2_000);
    await v.untilIncludes('HTTP/1.1 408 ');
    expect(hits).toEqual(['headerTime']);
  });
});

describe('a body', () => {
  it('that stops for body-idle-time is answered with 408', async () => {
    await open({ bodyIdleTime: 5_000 });
    const [v] = await begin(1, `${POST}abc`);
    clock.advance(6_000);
    await v?.untilIncludes('HTTP/1.1 408 ');
    expect(hits).toEqual(['bodyIdleTime']);
    expect(stand?.records).toMatchObject([{ failure: 'request_timeout' }]);
  });

  it('that drips below body-rate is answered with 408', async () => {
    await open({ bodyIdleTime: 5_000, bodyRate: 100 });
    const [v] = await begin(1, POST);
    const stream = await tunnels.stream(1);
    for (let n = 1; n <= 5; n++) {
      v?.send('x'.repeat(10));
      await stream.until((s) => s.received.endsWith('x'.repeat(10 * n)));
      clock.advance(1_000);
    }
    clock.advance(1_000);
    await v?.untilIncludes('HTTP/1.1 408 ');
    expect(hits).toEqual(['bodyRate']);
  });
});

describe('a visitor who takes nothing', () => {
  it('is cut after read-idle-time, and the origin hears of it', async () => {
    await open({ readIdleTime: 4_000 });
    const [v] = await begin(1);
    v?.socket.pause();
    const stream = await tunnels.stream(1);
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n');
    // More than the two systems' buffers hold.
    for (let n = 0; n < 200; n++) stream.send(Buffer.alloc(60_000));
    clock.advance(2_000);
    expect(stream.resetWith).toBeUndefined();
    clock.advance(3_600_000);
    expect(stream.resetWith).toBeDefined();
    await stream.until((s) => s.loans === 0);
    expect(hits).toEqual(['readIdleTime']);
  });
});

describe('a connection at rest', () => {
  it('ends in order after idle-time, uncounted', async () => {
    await open({ idleTime: 2_000 });
    const [v] = await begin(1);
    (await tunnels.stream(1)).send('HTTP/1.1 204 No Content\r\n\r\n');
    await v?.untilIncludes('204');
    clock.advance(3_000);
    await v?.ended;
    expect(hits).toEqual([]);
  });
});

describe('requests under way', () => {
  it('beyond requests-per-target are told that it is busy, and other targets are not concerned', async () => {
    await open({ requestsPerTarget: 2 });
    const [first] = await begin(2);
    await busy();
    expect(hits).toEqual(['requestsPerTarget']);
    await begin(1, GET.replace('app', 'other'));
    (await tunnels.stream(1)).send('HTTP/1.1 204 No Content\r\n\r\n');
    await first?.untilIncludes('204');
    const next = await visitor();
    next.send(GET);
    await tunnels.streams[0]?.until((s) => s.received.split('GET / ').length === 3);
  });

  it.each([
    ['is answered', (s: FakeTunnels) => s.streams[0]?.send('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n')],
    ['fails', (s: FakeTunnels) => s.streams[0]?.send('nonsense')],
  ])('count until theirs %s', async (_, end) => {
    await open({ requestsPerTarget: 1 });
    const [v] = await begin(1);
    end(tunnels);
    await v?.until((text) => text.startsWith('HTTP/1.1 '));
    await begin(1);
    expect(hits).toEqual([]);
  });

  it('count until their visitor leaves', async () => {
    await open({ requestsPerTarget: 1 });
    const [v] = await begin(1);
    v?.socket.resetAndDestroy();
    await stand?.recorded(() => true);
    await begin(1);
    expect(hits).toEqual([]);
  });

  it('of one address leave room for others', async () => {
    await open({ requestsPerTarget: 4, requestsPerTargetAndAddress: 2 });
    await begin(2, GET, '2001:db8:0:1::1');
    await busy(GET, '2001:db8:0:1::2');
    expect(hits).toEqual(['requestsPerTargetAndAddress']);
    await begin(2, GET, '2001:db8:0:2::1');
    await busy(GET, '192.0.2.9');
    expect(hits).toEqual(['requestsPerTargetAndAddress', 'requestsPerTarget']);
  });

  it('no longer count once upgraded; those have a bound of their own', async () => {
    await open({ requestsPerTarget: 1, upgradesPerTarget: 2 });
    for (let n = 0; n < 2; n++) {
      const [v] = await begin(1, WEBSOCKET);
      tunnels.streams[n]?.send(SWITCH);
      await v?.untilIncludes('101');
    }
    await busy(WEBSOCKET);
    expect(hits).toEqual(['upgradesPerTarget']);
    await begin(1);
    visitors[0]?.socket.resetAndDestroy();
    await stand?.recorded((r) => r.kind === 'close');
    await busy(WEBSOCKET);
    expect(hits).toEqual(['upgradesPerTarget', 'requestsPerTarget']);
  });

  it('that are given up too often leave the target alone for the rest of the second', async () => {
    await open({ cancelsPerTarget: 2 });
    for (const v of await begin(2)) v.socket.resetAndDestroy();
    await tunnels.streams[1]?.until((s) => s.resetWith !== undefined);
    await tunnels.streams[0]?.until((s) => s.resetWith !== undefined);
    await busy();
    expect(hits).toEqual(['cancelsPerTarget']);
    clock.advance(1_000);
    await begin(1);
  });

  it('that find no stream in the tunnel are told that it is busy; the tunnel counts them', async () => {
    await open({});
    tunnels.refusals.push('busy');
    await busy();
    expect(hits).toEqual([]);
  });
});

describe('a thousand requests in one read', () => {
  it('that are answered on the spot let others have their turn in between', async () => {
    await open({});
    const [greedy, modest] = [await visitor(), await visitor()];
    greedy.send('GET /greedy HTTP/1.1\r\nHost: nobody.test\r\n\r\n'.repeat(1000));
    await greedy.untilIncludes('404');
    modest.send('GET /modest HTTP/1.1\r\nHost: nobody.test\r\n\r\n');
    await modest.untilIncludes('404');
    expect(stand?.records.findIndex((r) => r.path === '/modest')).toBeLessThan(500);
    await greedy.until((text) => text.split('HTTP/1.1 404').length === 1001);
  });
});

describe('what visitors have sent and nobody can use yet', () => {
  it('is bounded for all of them together: whoever keeps most is turned away, others are not', async () => {
    await open({ visitorMemory: 1024 * 1024 });
    const small = await visitor();
    small.send('GET / HTTP/1.1\r\nHost: app.test\r\n');
    const large = await Promise.all(Array.from({ length: 18 }, () => visitor()));
    // Each behind a request of its own, so that the answer tells when it is kept.
    const part = `GET /x HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(60_000)}`;
    for (const v of large) v.send(`GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n${part}`);
    for (const v of large) await v.untilIncludes('404');
    clock.advance(1_000);
    await Promise.race(large.map((v) => v.untilIncludes('HTTP/1.1 503 ')));
    const cut = hits.length;
    expect(hits).toEqual(new Array(cut).fill('visitorMemory'));
    expect(cut).toBeLessThan(large.length);
    clock.advance(1_000);
    expect(hits.length).toBe(cut);
    small.send('\r\n');
    await tunnels.stream(1);
  });
});

describe('HTTP/2', () => {
  const ENHANCE_YOUR_CALM = [constants.NGHTTP2_ENHANCE_YOUR_CALM, -1];
  const request = (stream: number): Buffer => frame(FRAME.HEADERS, 5, stream, getFields());
  const raw = async (): Promise<RawH2> => {
    const v = await RawH2.connect(stand?.port ?? 0, true);
    visitors.push(v);
    return v;
  };

  it('tells h2-streams and header-size', async () => {
    await open({ h2Streams: 7, headerSize: 8192 }, true);
    const { payload } = await (await raw()).frame((f) => f.type === FRAME.SETTINGS && f.flags === 0);
    const told = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6) told.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    expect(Object.fromEntries(told)).toMatchObject({ 3: 7, 6: 8192 });
  });

  it('ends a connection that breaks off more streams than h2-resets', async () => {
    await open({ h2Resets: 10, h2ResetRate: 1 }, true);
    const v = await raw();
    const cancel = Buffer.of(0, 0, 0, 8);
    for (let n = 0; n < 40; n++) v.send(request(2 * n + 1), frame(FRAME.RST_STREAM, 0, 2 * n + 1, cancel));
    expect(ENHANCE_YOUR_CALM).toContain(await v.goneWith());
    expect(tunnels.streams.length).toBeLessThan(20);
    expect(hits).toEqual(['h2Resets']);
    expect(misused).toEqual(['192.0.2.1']);
  });

  it('ends a connection that breaks off more each second than h2-reset-rate, told from one that does it all at once', async () => {
    await open({ h2Resets: 10, h2ResetRate: 8 }, true);
    const v = await raw();
    const cancel = Buffer.of(0, 0, 0, 8);
    const burst = (from: number, count: number): Buffer[] =>
      Array.from({ length: count }, (_, n) => {
        const stream = from + 2 * n;
        return Buffer.concat([request(stream), frame(FRAME.RST_STREAM, 0, stream, cancel)]);
      });
    v.send(...burst(1, 9), frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
    await v.frame((f) => f.type === FRAME.PING && f.flags === 1);
    clock.advance(1_000);
    v.send(...burst(101, 10));
    await v.closed;
    expect(hits).toEqual(['h2ResetRate']);
  });

  it('counts a head with too many fields, and one that is too large, each under its own bound', async () => {
    await open({ headerFields: 10, headerSize: 2048 }, true);
    const many = await raw();
    const fields = Array.from({ length: 20 }, (_, n) => [`x-${n}`, 'y'] as const);
    many.send(frame(FRAME.HEADERS, 5, 1, getFields(...fields)));
    await many.frame((f) => f.type === FRAME.HEADERS && f.stream === 1);
    const large = await raw();
    large.send(frame(FRAME.HEADERS, 5, 1, getFields(...fields.map(([name]) => [name, 'y'.repeat(126)] as const))));
    await large.frame((f) => f.type === FRAME.HEADERS && f.stream === 1);
    expect(stand?.records.map((r) => r.status)).toEqual([431, 431]);
    expect(hits).toEqual(['headerFields', 'headerSize']);
  });

  it('cuts a connection that does not begin within header-time, and counts that', async () => {
    await open({ headerTime: 3_000 }, true);
    const v = await RawH2.connect(stand?.port ?? 0, false);
    visitors.push(v);
    await v.frame((f) => f.type === FRAME.SETTINGS);
    clock.advance(4_000);
    await v.closed;
    expect(hits).toEqual(['headerTime']);
  });

  it('asks no origin for requests that are broken off at once, from the seventeenth on', async () => {
    await open({}, true);
    const v = await raw();
    const cancel = Buffer.of(0, 0, 0, 8);
    const elsewhere = block([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      [':authority', 'nobody.test'],
    ]);
    const burst = Array.from({ length: 390 }, (_, n) => [
      request(2 * n + 1),
      frame(FRAME.RST_STREAM, 0, 2 * n + 1, cancel),
    ]);
    v.send(...burst.flat(), frame(FRAME.HEADERS, 5, 801, elsewhere));
    await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 801);
    expect(tunnels.streams.length).toBeLessThan(40);
    expect(misused).toEqual([]);
  });

  it('ends a connection that sends more control frames than h2-control-rate', async () => {
    await open({ h2ControlRate: 10 }, true);
    const v = await raw();
    for (let n = 0; n < 40; n++) v.send(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
    expect(ENHANCE_YOUR_CALM).toContain(await v.goneWith());
    expect(hits).toEqual(['h2ControlRate']);
  });

  it('ends a connection with more than h2-overhead-rate of use to nobody', async () => {
    await open({ h2OverheadRate: 4096 }, true);
    const v = await raw();
    for (let n = 0; n < 600; n++) v.send(frame(FRAME.PRIORITY, 0, 3, Buffer.of(0, 0, 0, 0, 16)));
    v.send(request(1));
    await tunnels.stream(1);
    clock.advance(1_000);
    await v.closed;
    expect(hits).toEqual(['h2OverheadRate']);
  });

  describe('blames nobody for', () => {
    const body = (stream: number, bytes: number, size = 4096): Buffer[] =>
      Array.from({ length: bytes / size }, () => frame(FRAME.DATA, 0, stream, Buffer.alloc(size)));
    /** An upload on stream 1 has begun. */
    const uploading = async () => {
      await open({ h2OverheadRate: 4096 }, true);
      const v = await raw();
      v.send(frame(FRAME.HEADERS, 4, 1, postFields()));
      return { v, origin: await tunnels.stream(1) };
    };
    /** An upload on stream 1 that is answered, with nothing but a head, and ended before it is whole. */
    const answered = async (): Promise<RawH2> => {
      const { v, origin } = await uploading();
      origin.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
      await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 1);
      await v.frame((f) => f.type === FRAME.RST_STREAM && f.stream === 1);
      return v;
    };
    /** Some seconds pass, in each of which the edge looks; then the connection still serves. */
    const goesOn = async (v: RawH2): Promise<void> => {
      const asked = tunnels.streams.length;
      v.send(request(101));
      const origin = await tunnels.stream(asked + 1);
      for (let n = 0; n < 3; n++) clock.advance(1_000);
      origin.send('HTTP/1.1 204 No Content\r\n\r\n');
      await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 101);
      expect([hits, misused]).toEqual([[], []]);
    };

    it('what was under way of an upload that was answered before it was whole', async () => {
      const v = await answered();
      v.send(...body(1, 60 * 1024));
      await goesOn(v);
    });

    it('what an origin had not read of an upload that the visitor gives up', async () => {
      const { v, origin } = await uploading();
      origin.reads = false;
      origin.unread = 64 * 1024;
      v.send(...body(1, 60 * 1024));
      v.send(request(3));
      await tunnels.stream(2);
      clock.advance(1_000);
      v.send(frame(FRAME.RST_STREAM, 0, 1, Buffer.of(0, 0, 0, 8)));
      await goesOn(v);
    });

    it('the headers of an upload’s frames', async () => {
      const { v, origin } = await uploading();
      for (let kib = 30; kib <= 960; kib += 30) {
        v.send(...body(1, 30 * 1024, 1024));
        await origin.until(({ received }) => received.length > kib * 1024);
      }
      await goesOn(v);
    });

    it('no more than that: the next megabyte of a body whose stream is over ends the connection', async () => {
      const v = await answered();
      v.send(...body(1, 2 * 1024 * 1024));
      v.send(request(3));
      await tunnels.stream(2);
      clock.advance(1_000);
      await v.closed;
      expect(hits).toEqual(['h2OverheadRate']);
    });
  });

  it('counts each stream against the target', async () => {
    await open({ requestsPerTarget: 3 }, true);
    const v = await raw();
    v.send(...[1, 3, 5, 7].map(request));
    await v.frame((f) => f.type === FRAME.HEADERS && f.stream === 7);
    expect(tunnels.streams.length).toBe(3);
    expect(stand?.records).toMatchObject([{ status: 503, failure: 'busy' }]);
    expect(hits).toEqual(['requestsPerTarget']);
  });
});
