import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { INSPECTOR_LIMITS, Inspector } from '../../../main/agent/inspect/inspector.ts';
import type { StreamTap } from '../../../main/agent/inspect/stream-tap.ts';
import { unpack } from '../../../main/agent/inspect/unpack.ts';
import { refusal } from '../../../main/agent/origin-dial.ts';
import type { DialOrigin } from '../../../main/agent/origin-stream.ts';
import { type InspectorNews, MASK } from '../../../shared/contract/inspect.ts';
import { ok } from '../../../shared/domain/result.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { feed, fromBase64, inspectorStand, tapOf, targetAt } from '../../support/inspector-stand.ts';

const REQUESTS =
  'POST /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello' +
  'PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n' +
  'HEAD /d HTTP/1.1\r\nHost: x\r\n\r\n' +
  'GET /e HTTP/1.1\r\nHost: x\r\n\r\n';
const RESPONSES =
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nmade' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n' +
  'HTTP/1.1 200 OK\r\n\r\nuntil the end';

describe('reading along', () => {
  it.each([1, 2, 3, 7, 64, Infinity])('pairs requests and responses that come in pieces of %d bytes', async (step) => {
    const { open, list, detail } = inspectorStand();
    const tap = open();
    feed(tap, 'fromVisitor', REQUESTS, step);
    feed(tap, 'fromOrigin', RESPONSES, step);
    expect(list()[0]).toMatchObject({ path: '/e', state: 'open' });
    tap.originEnded();
    expect(list().map((e) => [e.method, e.path, e.status, e.state, e.requestBytes, e.responseBytes])).toEqual([
      ['GET', '/e', 200, 'done', 0, 13],
      ['HEAD', '/d', 200, 'done', 0, 0],
      ['PUT', '/c', 200, 'done', 13, 2],
      ['POST', '/a?b=1', 201, 'done', 5, 4],
    ]);
    expect(list()[3]?.type).toBe('text/plain');
    const { request, response, target } = await detail(2);
    expect([target, fromBase64(request.body.base64), fromBase64(response?.body.base64 ?? '')]).toEqual([
      'http://localhost:3000',
      'abc0123456789',
      'ok',
    ]);
  });

  it('takes no connection of a service that is not inspected, and stops with the switch', () => {
    const { inspector, open, list } = inspectorStand();
    expect(inspector.tap(targetAt(3000, 'other'))).toBeUndefined();
    const tap = open();
    feed(tap, 'fromVisitor', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    inspector.set('shop', false);
    feed(tap, 'fromOrigin', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    feed(tap, 'fromVisitor', 'GET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(list().map((e) => [e.path, e.state])).toEqual([['/', 'lost']]);
    expect(inspector.tap(targetAt(3000))).toBeUndefined();
  });

  it.each([
    'PRI * HTTP/2.0\r\n\r\nnothing like it',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
    `GET / HTTP/1.1\r\nA: ${'x'.repeat(70_000)}`,
    'nonsense without an end\r\n\r\n',
    'POST / HTTP/1.1\r\nContent-Length: -4\r\n\r\n',
  ])('leaves alone what it cannot read: %j', (bytes) => {
    const { open, told, inspector } = inspectorStand();
    const tap = open();
    feed(tap, 'fromVisitor', bytes, 5000);
    feed(tap, 'fromOrigin', 'whatever');
    const last = told();
    expect(inspector.used).toBeLessThan(1000);
    if (bytes.startsWith('POST')) expect(inspector.list({ limit: 1 }).exchanges[0]?.state).toBe('lost');
    else expect(last?.unreadable).toEqual(['shop']);
  });

  it('counts the connections that it does not read because they were there before', () => {
    const { inspector, open, told } = inspectorStand();
    const early = () => inspector.list({ limit: 1 }).before;
    const tap = open();
    expect(early()).toEqual([]);
    inspector.set('shop', false);
    const end = inspector.unread(targetAt(3000));
    inspector.unread(targetAt(3000, 'other'));
    expect([early(), inspector.unread({ ...targetAt(53), udp: true })]).toEqual([[], undefined]);
    inspector.set('shop', true);
    expect(early()).toEqual([{ serviceId: 'shop', connections: 2 }]);
    end?.();
    expect(told()?.before).toEqual([{ serviceId: 'shop', connections: 1 }]);
    tap.stop();
    tap.stop();
    expect(early()).toEqual([]);
  });

  it('shows an upgrade and nothing of the connection that follows', async () => {
    const { open, list, detail } = inspectorStand();
    const tap = open();
    feed(tap, 'fromVisitor', 'GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n');
    feed(tap, 'fromOrigin', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello');
    feed(tap, 'fromVisitor', '\x81\x05hello');
    expect(list()).toMatchObject([{ status: 101, state: 'done', responseBytes: 0 }]);
    expect((await detail(1)).unrepeatable).toBe('upgrade');
  });

  it('marks what was cut off', () => {
    const { open, list } = inspectorStand();
    const tap = open();
    feed(tap, 'fromVisitor', 'GET / HTTP/1.1\r\n\r\n');
    feed(tap, 'fromOrigin', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    tap.stop();
    expect(list()).toMatchObject([{ state: 'broken', responseBytes: 4 }]);
  });
});

describe('what is kept', () => {
  const get = (tap: StreamTap, path: string, body: string): void => {
    feed(tap, 'fromVisitor', `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    feed(tap, 'fromOrigin', `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  };

  it('is bounded in number, size and time, and gives every byte back', async () => {
    const { open, list, detail, told, clock, inspector } = inspectorStand({ exchanges: 3, body: 4096, bytes: 20_000 });
    const tap = open();
    for (let i = 0; i < 5; i++) get(tap, `/${i}`, 'x');
    expect(list().map((e) => e.path)).toEqual(['/4', '/3', '/2']);
    get(tap, '/large', 'y'.repeat(5000));
    const [large] = list();
    const { response } = await detail(large?.id ?? 0);
    expect(response?.body).toMatchObject({ size: 5000, cut: true });
    expect(Buffer.from(response?.body.base64 ?? '', 'base64').length).toBe(4096);
    expect(inspector.used).toBeLessThanOrEqual(20_000);
    clock.advance(INSPECTOR_LIMITS.age - 1);
    expect(list()).toHaveLength(3);
    clock.advance(1);
    expect(list()).toEqual([]);
    expect(told()?.gone).toContain(large?.id);
    expect([inspector.used, clock.timers]).toEqual([0, 0]);
  });

  it('makes room by forgetting the oldest, also when that is the one under way', () => {
    const { open, list, inspector } = inspectorStand({ body: 8192, bytes: 10_000 });
    const slow = open();
    feed(slow, 'fromVisitor', 'POST /slow HTTP/1.1\r\nContent-Length: 100000\r\n\r\n');
    feed(slow, 'fromVisitor', 'z'.repeat(6000));
    get(open(), '/quick', 'x'.repeat(6000));
    expect(list().map((e) => e.path)).toEqual(['/quick']);
    feed(slow, 'fromVisitor', 'z'.repeat(6000));
    expect(inspector.used).toBeLessThanOrEqual(10_000);
    inspector.clear();
    expect(inspector.used).toBe(0);
  });

  it('charges nothing for what comes of an exchange that is forgotten, also where it makes room for itself', () => {
    const { inspector, open, list } = inspectorStand({ bytes: 10_000 });
    const cleared = open();
    feed(cleared, 'fromVisitor', 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    inspector.clear();
    feed(cleared, 'fromOrigin', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(inspector.used).toBe(0);
    const large = open();
    feed(large, 'fromVisitor', `GET /b HTTP/1.1\r\nHost: ${'x'.repeat(6000)}\r\n\r\n`);
    feed(large, 'fromOrigin', `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ${'x'.repeat(6000)}\r\n\r\n`);
    expect([list(), inspector.used]).toEqual([[], 0]);
  });

  it('is told at most ten times a second, with what is gone', () => {
    const { open, clock, inspector } = inspectorStand({ exchanges: 2 });
    const news: InspectorNews[] = [];
    const stop = inspector.on((piece) => news.push(piece));
    const tap = open();
    for (let i = 0; i < 4; i++) get(tap, `/${i}`, 'x');
    expect(news).toEqual([]);
    clock.advance(100);
    expect(news).toHaveLength(1);
    expect(news[0]?.changed.map((e) => e.path)).toEqual(['/2', '/3']);
    expect(news[0]?.gone).toEqual([1, 2]);
    stop();
    get(tap, '/4', 'x');
    clock.advance(1000);
    expect(news).toHaveLength(1);
  });

  it('goes with its service', () => {
    const { open, list, inspector } = inspectorStand();
    get(open(), '/', 'x');
    inspector.follow([{ id: 'shop', secretHeaders: [] }]);
    expect(list()).toHaveLength(1);
    inspector.follow([]);
    expect([list(), inspector.services, inspector.idle]).toEqual([[], [], true]);
  });
});

describe('secrets', () => {
  it('never leave, the shape around them does', async () => {
    const { open, list, detail, inspector } = inspectorStand();
    inspector.follow([{ id: 'shop', secretHeaders: ['x-house'] }]);
    const tap = open();
    const secret = 'S3CRET';
    feed(
      tap,
      'fromVisitor',
      `GET /a?x=1&access_token=${secret} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nCookie: a=${secret}; b=${secret}\r\nX-API-Key: ${secret}\r\nX-House: ${secret}\r\nProxy-Authorization: ${secret}\r\nReferer: http://x/?token=${secret}\r\nAccept: */*\r\n\r\n`,
    );
    feed(tap, 'fromOrigin', `HTTP/1.1 204 No Content\r\nSet-Cookie: sid=${secret}; Path=/\r\n\r\n`);
    const all = await detail(1);
    expect(JSON.stringify([list(), all])).not.toContain(secret);
    expect(list()[0]?.path).toBe(`/a?x=1&access_token=${MASK}`);
    expect(all.request.headers.map((h) => h.value)).toEqual([
      'x',
      `Bearer ${MASK}`,
      `a=${MASK}; b=${MASK}`,
      MASK,
      MASK,
      MASK,
      `http://x/?token=${MASK}`,
      '*/*',
    ]);
    expect(all.response?.headers).toEqual([{ name: 'Set-Cookie', value: `sid=${MASK}; Path=/`, masked: true }]);
    // Taken out of the settings since: what passed before stays masked.
    inspector.follow([{ id: 'shop', secretHeaders: [] }]);
    expect(JSON.stringify(await detail(1))).not.toContain(secret);
  });
});

describe('packed bodies', () => {
  it('are shown unpacked, bounded, and as far as they came', async () => {
    const plain = Buffer.from('a'.repeat(100_000));
    expect((await unpack(gzipSync(plain), 'gzip', 1 << 20)).bytes.equals(plain)).toBe(true);
    expect(await unpack(gzipSync(gzipSync(plain)), 'gzip, gzip', 1 << 20)).toMatchObject({ cut: false, packed: false });
    const bounded = await unpack(gzipSync(plain), 'GZIP', 1000);
    expect([bounded.bytes.length, bounded.cut]).toEqual([1000, true]);
    const random = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251));
    const half = await unpack(gzipSync(random).subarray(0, 200), 'gzip', 1 << 20);
    expect(half.packed).toBe(false);
    expect(random.subarray(0, half.bytes.length).equals(half.bytes)).toBe(true);
    for (const coding of ['br', 'zstd', 'deflate', 'gzip', 'exotic'])
      expect(await unpack(Buffer.from('not packed at all'), coding, 100)).toMatchObject({ packed: true });
  });
});

describe('a replay', () => {
  const dialReal: DialOrigin = async (target) => {
    const socket = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return ok({ socket, dialMicros: 10, http2: false });
  };

  async function echo(): Promise<{ server: Server; port: number } & AsyncDisposable> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method, url, rawHeaders } = request;
        response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(parts).toString() }));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return {
      server,
      port: typeof address === 'object' ? (address?.port ?? 0) : 0,
      async [Symbol.asyncDispose]() {
        server.close();
        server.closeAllConnections();
        await once(server, 'close');
      },
    };
  }

  function recorded(port: number) {
    const inspector = new Inspector(systemClock);
    inspector.set('shop', true);
    feed(
      tapOf(inspector, targetAt(port)),
      'fromVisitor',
      'POST /pay?token=real HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer real\r\nX-Trace: 1\r\nContent-Length: 5\r\n\r\nhello',
    );
    const over = (id: number): Promise<void> =>
      new Promise((resolve) => {
        const stop = inspector.on(({ changed }) => {
          if (!changed.some((e) => e.id === id && e.state !== 'open')) return;
          stop();
          resolve();
        });
      });
    const answer = async (id: number) => {
      const got = await inspector.get(id);
      if (!got.ok) throw new Error(got.error.code);
      return JSON.parse(fromBase64(got.value.response?.body.base64 ?? '')) as {
        method: string;
        url: string;
        rawHeaders: string[];
        body: string;
      };
    };
    return { inspector, over, answer };
  }

  it('sends the same again with its real secrets, and shows the answer', async () => {
    await using origin = await echo();
    const { inspector, over, answer } = recorded(origin.port);
    const sent = await inspector.replay(1, undefined, dialReal);
    expect(sent).toMatchObject({ ok: true, value: { id: 2, replayOf: 1, path: `/pay?token=${MASK}` } });
    await over(2);
    const { method, url, rawHeaders, body } = await answer(2);
    expect([method, url, body]).toEqual(['POST', '/pay?token=real', 'hello']);
    expect(rawHeaders.slice(0, 6)).toEqual(['Host', 'shop', 'Authorization', 'Bearer real', 'X-Trace', '1']);
    expect(inspector.list({ limit: 9 }).exchanges[0]).toMatchObject({ status: 200, state: 'done' });
    inspector.close();
  });

  it('sends what was edited, and keeps what was left masked', async () => {
    await using origin = await echo();
    const { inspector, over, answer } = recorded(origin.port);
    const headers = [
      { name: 'Host', value: 'shop' },
      { name: 'authorization', value: `Bearer ${MASK}` },
      { name: 'X-Trace', value: '2' },
    ];
    const edit = { method: 'PUT', path: `/pay?token=${MASK}`, headers, body: Buffer.from('changed') };
    expect(await inspector.replay(1, edit, dialReal)).toMatchObject({ ok: true, value: { edited: true } });
    await over(2);
    expect(await answer(2)).toMatchObject({ method: 'PUT', url: '/pay?token=real', body: 'changed' });
    expect((await answer(2)).rawHeaders).toEqual(expect.arrayContaining(['Bearer real', '2', '7']));
    inspector.close();
  });

  it('goes nowhere that is not allowed, and smuggles nothing', async () => {
    const { inspector } = recorded(1);
    const never: DialOrigin = async () => refusal(RESET.NOT_ALLOWED, 'no');
    expect(await inspector.replay(1, undefined, never)).toMatchObject({ error: { code: 'origin_not_allowed' } });
    for (const edit of [
      { method: 'GET / HTTP/1.1\r\nX: y\r\n\r\nGET' },
      { method: 'CONNECT' },
      { path: '/a b' },
      { path: '/a\r\nX: y' },
      { path: 'no-slash' },
      { headers: [{ name: 'X', value: 'a\r\nY: b' }] },
      { headers: [{ name: 'X Y', value: 'a' }] },
    ])
      expect(await inspector.replay(1, edit, never)).toMatchObject({ error: { code: 'replay_impossible' } });
    expect(await inspector.replay(9, undefined, never)).toMatchObject({ error: { code: 'exchange_gone' } });
    inspector.close();
  });
});
