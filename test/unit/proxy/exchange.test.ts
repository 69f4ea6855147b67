/** One request and its response, with origins that do what origins do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RESET } from '../../../shared/wire/codes.ts';
import { type FakeStream, FakeTunnels } from '../../support/fake-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, RawVisitor, routeTo, targetAt } from '../../support/proxy-stand.ts';

let clock: ManualClock;
let tunnels: FakeTunnels;
let stand: ProxyStand;
const visitors: RawVisitor[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  stand = await proxyStand({ tunnels, routes: [routeTo(targetAt(3000))], clock });
});

afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.socket.destroy();
  await stand.close();
});

/** Sends `request` on a new connection; resolves once an origin has its head. */
async function ask(request: string): Promise<{ v: RawVisitor; stream: FakeStream }> {
  const count = tunnels.streams.length + 1;
  const v = await RawVisitor.connect(stand.port);
  visitors.push(v);
  v.send(request);
  const stream = await tunnels.stream(count);
  await stream.untilReceived('\r\n\r\n');
  return { v, stream };
}

const get = (fields = '', method = 'GET', version = '1.1'): string =>
  `${method} / HTTP/${version}\r\nHost: app.test\r\n${fields}\r\n`;
const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

describe('a response', () => {
  it.each([
    ['with a length', 'Content-Length: 5\r\n\r\nhello', 'hello'],
    ['without a body', 'Content-Length: 0\r\n\r\n', ''],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n', '5;x=y\r\nhello\r\n0\r\n\r\n'],
    ['with trailers', 'Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n', '0\r\nX-Sum: 1\r\n\r\n'],
  ])('%s reaches the visitor as it is, however it is cut, and the stream serves again', async (_, rest, expected) => {
    const response = `HTTP/1.1 200 Fine\r\nX-Own: 1\r\nConnection: keep-alive\r\n${rest}`;
    const { v, stream } = await ask(get());
    let seen = 0;
    for (let at = 0; at <= response.length; at++) {
      if (at > 0) v.send(get());
      await stream.until((s) => s.received.split('GET /').length === at + 2);
      stream.send(response.slice(0, at));
      stream.send(response.slice(at));
      const text = await v.until((t) => t.length > seen && t.slice(seen).endsWith(`\r\n\r\n${expected}`));
      expect(text.slice(seen)).toMatch(/^HTTP\/1\.1 200 Fine\r\nX-Own: 1\r\n/);
      expect(text.slice(seen)).not.toContain('Connection');
      seen = text.length;
      await stream.until((s) => s.unpaid === 0);
    }
    expect(tunnels.streams.length).toBe(1);
    expect(stand.records.length).toBe(response.length + 1);
    expect(new Set(stand.records.map((r) => r.bytesDown))).toEqual(new Set([expected.includes('hello') ? 5 : 0]));
  });

  it('that ends with the connection is put into chunks, so that a break shows', async () => {
    const { v, stream } = await ask(get());
    stream.send('HTTP/1.1 200 OK\r\n\r\nhel');
    await v.untilIncludes('3\r\nhel\r\n');
    stream.send('lo');
    stream.finish();
    await v.untilIncludes('2\r\nlo\r\n0\r\n\r\n');
    expect(v.text).toContain('Transfer-Encoding: chunked\r\n');
    v.send(get());
    await tunnels.stream(2);
    expect(stand.records).toMatchObject([{ status: 200, bytesDown: 5 }]);
    expect(stand.records[0]?.failure).toBeUndefined();
  });

  it('in chunks goes to HTTP/1.0 without them', async () => {
    const { v, stream } = await ask(get('', 'GET', '1.0'));
    stream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel');
    stream.send('lo\r\n3\r\n!!!\r\n0\r\nX-Sum: 1\r\n\r\n');
    await v.ended;
    expect(body(v.text)).toBe('hello!!!');
    expect(v.text).not.toContain('Transfer-Encoding');
    expect(v.text).toContain('Connection: close\r\n');
    expect(stream.unpaid).toBe(0);
  });

  it('with a length goes to HTTP/1.0 with it, and the connection ends', async () => {
    const { v, stream } = await ask(get('', 'GET', '1.0'));
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.ended;
    expect(v.text).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });

  it.each([
    ['HEAD', '200 OK\r\nContent-Length: 1000\r\n', 'Content-Length: 1000\r\n'],
    ['HEAD', '200 OK\r\nTransfer-Encoding: chunked\r\n', ''],
    ['HEAD', '200 OK\r\n', ''],
    ['GET', '304 Not Modified\r\nContent-Length: 1000\r\n', 'Content-Length: 1000\r\n'],
    ['GET', '204 No Content\r\n', ''],
    ['GET', '204 No Content\r\nContent-Length: 0\r\n', ''],
  ])('to %s of %j has no body, and the next one follows', async (method, response, kept) => {
    const { v, stream } = await ask(get('', method));
    stream.send(`HTTP/1.1 ${response}\r\n`);
    await v.untilIncludes('\r\n\r\n');
    expect(v.text).toBe(`HTTP/1.1 ${response.split('\r\n')[0]}\r\n${kept}\r\n`);
    v.send(get());
    await stream.until((s) => s.received.split('HTTP/1.1').length === 3);
    expect(tunnels.streams.length).toBe(1);
  });

  it('loses its hop-by-hop fields and keeps the others', async () => {
    const { v, stream } = await ask(get());
    stream.send(
      'HTTP/1.1 200 OK\r\nDate: then\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n' +
        'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n',
    );
    await v.untilIncludes('\r\n\r\n');
    expect(v.text).toBe(
      'HTTP/1.1 200 OK\r\nDate: then\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n',
    );
  });

  it('that offers an upgrade (426) keeps the offer', async () => {
    const { v, stream } = await ask(get());
    stream.send('HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n');
    await v.untilIncludes('Upgrade: websocket\r\nConnection: Upgrade\r\n');
  });

  it('flows as it comes: each event of a stream leaves at once', async () => {
    const { v, stream } = await ask(get('Accept: text/event-stream\r\n'));
    stream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      stream.send(`${event.length.toString(16)}\r\n${event}\r\n`);
      await v.untilIncludes(event);
    }
  });

  it('of a slow visitor holds no more than the credit of its stream', async () => {
    const { v, stream } = await ask(get());
    v.socket.pause();
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n');
    let sent = 0;
    // The origin heeds its window: it sends while less than 4 MiB are unpaid for.
    while (sent < 50_000_000 && stream.unpaid < 4 * 1024 * 1024) {
      const piece = Math.min(256 * 1024, 50_000_000 - sent);
      stream.send(Buffer.alloc(piece, 97));
      sent += piece;
      await new Promise(setImmediate);
    }
    expect(sent).toBeLessThan(50_000_000);
    v.socket.resume();
    while (sent < 50_000_000) {
      await stream.until((s) => s.unpaid < 1024 * 1024);
      const piece = Math.min(256 * 1024, 50_000_000 - sent);
      stream.send(Buffer.alloc(piece, 97));
      sent += piece;
    }
    await stand.recorded((r) => r.bytesDown === 50_000_000);
    await stream.until((s) => s.unpaid === 0 && s.loans === 0);
    await v.until((t) => t.length > 50_000_000);
    expect(/[^a]/.test(body(v.text))).toBe(false);
  });
});

describe('an origin that breaks', () => {
  it.each([
    ['before the answer', '', 'origin_closed'],
    ['in the head', 'HTTP/1.1 200 OK\r\nContent-', 'origin_closed'],
    ['by talking another protocol', 'SSH-2.0-OpenSSH_9.7\r\n', 'origin_bad_response'],
    ['by a head that is none', 'HTTP/1.1 two hundred\r\n\r\n', 'origin_bad_response'],
    ['by two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'origin_bad_response'],
    ['by a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', 'origin_bad_response'],
    ['by a switch nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n', 'origin_bad_response'],
    ['by chunks that are none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz', 'origin_bad_response'],
    [
      'by a head without end',
      `HTTP/1.1 200 OK\r\n${'X-A: aaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(3000)}`,
      'origin_bad_response',
    ],
    ['by interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40), 'origin_bad_response'],
  ])('%s is a 502, and the visitor keeps its connection', async (_, text, failure) => {
    const { v, stream } = await ask(get());
    if (text !== '') stream.send(text);
    stream.finish();
    await v.untilIncludes('HTTP/1.1 502 Bad Gateway');
    expect(stand.records).toMatchObject([{ status: 502, failure }]);
    v.send(get());
    await tunnels.stream(2);
  });

  it.each([
    ['a length', 'Content-Length: 10\r\n\r\nhello', '1.1'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', '1.1'],
    ['a last chunk that is cut', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n', '1.1'],
    ['a length for HTTP/1.0', 'Content-Length: 10\r\n\r\nhello', '1.0'],
  ])('after a part of %s leaves a visibly broken response', async (_, rest, version) => {
    const { v, stream } = await ask(get('', 'GET', version));
    stream.send(`HTTP/1.1 200 OK\r\n${rest}`);
    await v.untilIncludes('hello');
    stream.finish();
    await v.ended;
    expect(body(v.text)).not.toContain('0\r\n\r\n');
    expect(body(v.text).length).toBeLessThan(16);
    expect(stand.records).toMatchObject([{ status: 200, failure: 'origin_closed' }]);
  });

  it.each([
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', '1.0'],
    ['a body without length', '\r\nhello', '1.0'],
  ])(
    'in the middle of %s for HTTP/1.0 resets the connection: its end would look like the end',
    async (_, rest, version) => {
      const { v, stream } = await ask(get('', 'GET', version));
      stream.send(`HTTP/1.1 200 OK\r\n${rest}`);
      await v.untilIncludes('hello');
      stream.break(RESET.BROKEN);
      await v.closed;
      expect(v.error).toMatchObject({ code: 'ECONNRESET' });
    },
  );

  it('in the middle of a body without length breaks the chunks off', async () => {
    const { v, stream } = await ask(get());
    stream.send('HTTP/1.1 200 OK\r\n\r\nhello');
    await v.untilIncludes('hello');
    stream.break(RESET.BROKEN);
    await v.ended;
    expect(v.text.endsWith('5\r\nhello\r\n')).toBe(true);
  });
});

describe('a request is repeated once', () => {
  /** A connection whose first request has left a resting stream behind. */
  async function warm(): Promise<{ v: RawVisitor; stream: FakeStream }> {
    const { v, stream } = await ask(get());
    stream.opened();
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst');
    await v.untilIncludes('first');
    return { v, stream };
  }

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('when a resting stream dies under a %s', async (method) => {
    const { v, stream } = await warm();
    v.send(get('', method));
    await stream.untilReceived(`${method} / HTTP/1.1\r\nHost: localhost`);
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    stream.finish();
    const second = await tunnels.stream(2);
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
    if (method !== 'HEAD') second.send('second');
    await v.until((t) => t.split('200 OK').length === 3);
    expect(stand.records.map((r) => r.status)).toEqual([200, 200]);
  });

  it('and not a second time', async () => {
    const { v, stream } = await warm();
    v.send(get());
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    stream.finish();
    (await tunnels.stream(2)).finish();
    await v.untilIncludes('502 Bad Gateway');
    expect(tunnels.streams.length).toBe(2);
  });

  const LATE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate';

  it('when a resting stream was just giving up waiting for it', async () => {
    const { v, stream } = await warm();
    v.send(get());
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    stream.send(LATE);
    stream.finish();
    (await tunnels.stream(2)).send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond');
    expect(await v.untilIncludes('second')).not.toContain('408');
  });

  it.each([
    ['a fresh stream', false, 'GET', LATE],
    ['a stream that stays open', true, 'GET', LATE.replace('Connection: close\r\n', '')],
    ['a request that may not be sent twice', true, 'POST', LATE],
  ])('not when 408 comes over %s: then it is an answer', async (_, rested, method, answer) => {
    const { v, stream } = rested ? await warm() : await ask(get('', method));
    if (rested) v.send(get(method === 'POST' ? 'Content-Length: 0\r\n' : '', method));
    await stream.until((s) => s.received.split('X-Request-Id').length === (rested ? 3 : 2));
    stream.send(answer);
    await v.untilIncludes('408 Request Timeout');
    expect(tunnels.streams.length).toBe(1);
  });

  it('not when it is a POST', async () => {
    const { v, stream } = await warm();
    v.send(get('Content-Length: 0\r\n', 'POST'));
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    stream.finish();
    await v.untilIncludes('502 Bad Gateway');
    expect(tunnels.streams.length).toBe(1);
  });

  it('not when its body has begun to leave', async () => {
    const { v, stream } = await warm();
    v.send(`${get('Content-Length: 10\r\n', 'PUT')}01234`);
    await stream.untilReceived('01234');
    stream.finish();
    await v.untilIncludes('502 Bad Gateway');
    expect(tunnels.streams.length).toBe(1);
  });

  it('not when the answer has begun', async () => {
    const { v, stream } = await warm();
    v.send(get());
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    stream.send('HTTP/1.1 2');
    stream.finish();
    await v.untilIncludes('502 Bad Gateway');
    expect(tunnels.streams.length).toBe(1);
  });

  it('not when a fresh stream dies', async () => {
    const { v, stream } = await ask(get());
    stream.finish();
    await v.untilIncludes('502 Bad Gateway');
    expect(tunnels.streams.length).toBe(1);
  });

  it('when its tunnel is lost, over another', async () => {
    const { v, stream } = await ask(get());
    stream.break(RESET.TUNNEL_LOST);
    (await tunnels.stream(2)).send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.untilIncludes('200 OK');
  });

  it('when its tunnel was going away before the origin saw it, whatever the method', async () => {
    const { v, stream } = await ask(get('Content-Length: 0\r\n', 'POST'));
    stream.break(RESET.GOING_AWAY);
    (await tunnels.stream(2)).send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.untilIncludes('200 OK');
  });

  it('never on a stream that rested longer than a second, if it could not be repeated', async () => {
    const { v } = await warm();
    clock.advance(1000);
    v.send(`${get('Content-Length: 1\r\n', 'POST')}x`);
    const second = await tunnels.stream(2);
    await second.untilReceived('\r\n\r\nx');
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await v.until((t) => t.split('200 OK').length === 3);
  });
});

describe('a request body', () => {
  it('in chunks reaches the origin byte for byte, extensions and trailers too', async () => {
    const { v, stream } = await ask(get('Transfer-Encoding: chunked\r\nTE: trailers\r\n', 'POST'));
    v.send('5;a=b\r\nhello\r\n');
    v.send('0\r\nX-Sum: 1\r\nX-Forwarded-For: 6\r\n\r\n');
    await stream.untilReceived('\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n');
    expect(stream.received).toContain('Transfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n');
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await stand.recorded((r) => r.bytesUp === 5);
  });

  it('with broken chunks is refused, and the origin never sees its end', async () => {
    const { v, stream } = await ask(get('Transfer-Encoding: chunked\r\n', 'POST'));
    v.send('5\r\nhello\r\n-1\r\n');
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(stream.resetWith).toBe(RESET.CANCELLED);
    expect(stream.received).not.toContain('-1');
  });

  it('waits for 100 Continue where the visitor does, and that is passed through', async () => {
    const { v, stream } = await ask(get('Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'));
    expect(stream.received).toContain('Expect: 100-continue\r\n');
    stream.send('HTTP/1.1 100 Continue\r\n\r\n');
    await v.untilIncludes('HTTP/1.1 100 Continue\r\n\r\n');
    v.send('hello');
    await stream.untilReceived('hello');
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.untilIncludes('\r\n\r\nok');
    expect(v.text).not.toContain('Connection: close');
  });

  it('that was never asked for ends the connection: nobody can tell whether it comes', async () => {
    const { v, stream } = await ask(get('Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'));
    stream.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    await v.ended;
    expect(v.text).toContain('Connection: close\r\n');
  });

  it('that is answered early is read to its end, if that is near, and the connection goes on', async () => {
    const { v, stream } = await ask(`${get('Content-Length: 10\r\n', 'POST')}01`);
    stream.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    await v.untilIncludes('\r\n\r\nno');
    expect(stream.resetWith).toBe(RESET.CANCELLED);
    v.send(`23456789${get()}`);
    const second = await tunnels.stream(2);
    await second.untilReceived('GET / HTTP/1.1');
  });

  it('that is answered early and is far from its end ends the connection, after the answer', async () => {
    const { v, stream } = await ask(`${get('Content-Length: 10000000\r\n', 'POST')}01`);
    stream.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    v.send(Buffer.alloc(1_000_000));
    await v.ended;
    expect(v.text).toContain('413 Too Large');
    expect(body(v.text)).toBe('no');
  });

  it('and its answer can flow at the same time', async () => {
    const { v, stream } = await ask(get('Transfer-Encoding: chunked\r\n', 'POST'));
    stream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const n of [1, 2, 3]) {
      v.send(`1\r\n${n}\r\n`);
      await stream.untilReceived(`1\r\n${n}\r\n`);
      stream.send(`2\r\nr${n}\r\n`);
      await v.untilIncludes(`r${n}`);
    }
    v.send('0\r\n\r\n');
    await stream.untilReceived('0\r\n\r\n');
    stream.send('0\r\n\r\n');
    await stand.recorded((r) => r.bytesUp === 3 && r.bytesDown === 6);
  });
});

describe('interim responses', () => {
  it('pass to HTTP/1.1 and not to HTTP/1.0', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    for (const version of ['1.1', '1.0']) {
      const { v, stream } = await ask(get('Connection: close\r\n', 'GET', version));
      stream.send(`${hints}HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`);
      await v.ended;
      expect(v.text.includes(hints)).toBe(version === '1.1');
      expect(v.text).toContain('200 OK');
    }
  });
});

describe('an upgrade', () => {
  const upgrade = get('Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n');
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\n';

  it('joins both sides until both have closed, and is recorded when it opens and when it closes', async () => {
    const { v, stream } = await ask(`${upgrade}early`);
    expect(stream.received).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n');
    expect(stream.received).not.toContain('early');
    stream.send(`${switching}hello`);
    await v.untilIncludes('\r\n\r\nhello');
    expect(v.text).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n');
    await stream.untilReceived('early');
    v.send('up');
    await stream.untilReceived('earlyup');
    v.socket.end('last');
    await stream.until((s) => s.ended);
    expect(stream.received.endsWith('last')).toBe(true);
    stream.send('still here');
    await v.untilIncludes('still here');
    stream.finish();
    await v.closed;
    const closed = await stand.recorded((r) => r.kind === 'close');
    expect(stand.records).toMatchObject([
      { kind: 'open', status: 101 },
      { kind: 'close', status: 101, bytesUp: 11, bytesDown: 15 },
    ]);
    expect(stand.records[0]?.id).toBe(closed.id);
    expect(stream.unpaid).toBe(0);
    expect(stand.proxy.stats.exchanges).toBe(0);
  });

  it('passes on that the origin has closed first', async () => {
    const { v, stream } = await ask(upgrade);
    stream.send(switching);
    await v.untilIncludes('101 Switching');
    stream.finish();
    await v.ended;
    v.send('more');
    await stream.untilReceived('more');
    v.socket.end();
    await stand.recorded((r) => r.kind === 'close');
  });

  it('that the origin declines is a plain answer, and what came early is the next request', async () => {
    const { v, stream } = await ask(upgrade + get());
    stream.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno');
    await stream.untilReceived('no'.slice(0, 0));
    await stream.until((s) => s.received.split('X-Request-Id').length === 3);
    expect(v.text).not.toContain('101');
  });

  it('ends with a break when the tunnel is lost', async () => {
    const { v, stream } = await ask(upgrade);
    stream.send(switching);
    await v.untilIncludes('101 Switching');
    stream.break(RESET.TUNNEL_LOST);
    await v.closed;
    expect(stand.records.at(-1)).toMatchObject({ kind: 'close', failure: 'tunnel_lost' });
  });

  it('ends when its route ends', async () => {
    const { v, stream } = await ask(upgrade);
    stream.send(switching);
    await v.untilIncludes('101 Switching');
    stand.proxy.endRoutes({ ended: ['service-app.test'], endedTargets: new Map() });
    await v.closed;
    expect(stream.resetWith).toBe(RESET.CANCELLED);
  });

  it('may be silent for hours, but not half-closed and silent', async () => {
    const { v, stream } = await ask(upgrade);
    stream.send(switching);
    await v.untilIncludes('101 Switching');
    clock.advance(3 * 3_600_000);
    expect(stream.resetWith).toBeUndefined();
    stream.finish();
    await v.ended;
    clock.advance(130_000);
    expect(stream.resetWith).toBe(RESET.CANCELLED);
  });
});

describe('the record', () => {
  it('splits the time to the first byte into edge, tunnel and origin', async () => {
    tunnels.rtt = 30;
    const { v, stream } = await ask(get('User-Agent: probe\r\n'));
    clock.advance(100);
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
    clock.advance(50);
    stream.send('cd');
    await v.untilIncludes('abcd');
    expect(stand.records).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-z]{26}$/),
        time: Date.UTC(2026, 0, 1),
        kind: 'request',
        serviceId: 'service-app.test',
        agentId: 'agent-1',
        nodeId: 'node-1',
        protocol: 'http/1.1',
        secure: false,
        method: 'GET',
        host: 'app.test',
        path: '/',
        status: 200,
        duration: 150,
        firstByte: 100,
        edge: 0,
        tunnel: 30,
        origin: 70,
        bytesUp: 0,
        bytesDown: 4,
        address: '127.0.0.1',
        userAgent: 'probe',
      },
    ]);
  });

  it('gives the tunnel no more than there is', async () => {
    tunnels.rtt = 30;
    const { v, stream } = await ask(get());
    clock.advance(10);
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.untilIncludes('ok');
    expect(stand.records).toMatchObject([{ firstByte: 10, edge: 0, tunnel: 10, origin: 0 }]);
  });

  it('leaves the origin a part of an answer that came faster than the usual round trip', async () => {
    tunnels.rtt = 30;
    tunnels.shortest = 4;
    const { v, stream } = await ask(get());
    clock.advance(10);
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await v.untilIncludes('ok');
    expect(stand.records).toMatchObject([{ firstByte: 10, edge: 0, tunnel: 4, origin: 6 }]);
  });
});

describe('the look at deadlines', () => {
  it('rests while there is nobody and nothing is kept, and begins anew with the next visitor', async () => {
    for (let round = 1; round <= 2; round++) {
      expect(clock.timers).toBe(0);
      // Long past any deadline that would be counted from before the rest.
      clock.advance(3_600_000);
      const { v, stream } = await ask(get());
      clock.advance(5_000);
      stream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      await v.untilIncludes('\r\n\r\nok');
      expect(stand.records.at(-1)).toMatchObject({ status: 200, time: clock.now() - 5_000 });
      v.socket.destroy();
      await expect.poll(() => stand.proxy.stats.connections).toBe(0);
      clock.advance(2_000);
      expect([stand.proxy.stats.restingStreams, clock.timers]).toEqual([1, 1]);
      clock.advance(3_000);
      expect([stand.proxy.stats.restingStreams, stream.resetWith]).toEqual([0, RESET.CANCELLED]);
    }
  });
});
