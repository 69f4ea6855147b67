/** Requests of HTTP/2 visitors, over real TLS sockets; the origins are played by the test. */
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webSocketAccept } from '../../../edge/proxy/h2-request.ts';
import type { Route } from '../../../edge/visit.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { type FakeStream, FakeTunnels } from '../../support/fake-tunnels.ts';
import { FRAME, frame, H2Request, h2Session, postFields, RawH2 } from '../../support/h2-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, routeTo, targetAt } from '../../support/proxy-stand.ts';

let clock: ManualClock;
let tunnels: FakeTunnels;
let routes: Route[];
let stand: ProxyStand;
let session: ClientHttp2Session;

beforeEach(async () => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  routes = [routeTo(targetAt(3000))];
  stand = await proxyStand({ tunnels, routes: () => routes, clock, secure: true });
  session = await h2Session(stand.port);
});

afterEach(async () => {
  session.destroy();
  await stand.close();
});

/** Sends a request; resolves once an origin has its head. */
async function ask(
  fields: OutgoingHttpHeaders = {},
  end = true,
): Promise<{ readonly request: H2Request; readonly stream: FakeStream }> {
  const count = tunnels.streams.length + 1;
  const request = new H2Request(session, fields, end);
  const stream = await tunnels.stream(count);
  await stream.untilReceived('\r\n\r\n');
  return { request, stream };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

describe('a request over HTTP/2', () => {
  it('reaches the origin as one of HTTP/1.1, cookie crumbs joined, and is recorded as what it was', async () => {
    const { request, stream } = await ask({
      ':path': '/a?b',
      ':authority': 'APP.test:8443',
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
      'x-own': 'caf\u00e9',
      'x-forwarded-for': '6.6.6.6',
    });
    const id = /X-Request-Id: ([0-9a-z]{26})\r\n/.exec(stream.received)?.[1];
    expect(stream.received).toBe(
      'GET /a?b HTTP/1.1\r\nHost: localhost:3000\r\nx-own: caf\u00e9\r\ncookie: a=1; b=2\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n' +
        'X-Forwarded-Host: APP.test:8443\r\nForwarded: for=127.0.0.1;proto=https;host="APP.test:8443"\r\n' +
        `X-Request-Id: ${id}\r\nX-Porthole-Hops: 1\r\nConnection: TE\r\nTE: trailers\r\n\r\n`,
    );
    stream.send(OK);
    expect(await request.answer).toMatchObject({ status: 200, text: 'ok', code: 0 });
    expect(stand.records).toMatchObject([{ id, protocol: 'http/2', method: 'GET', host: 'app.test', path: '/a' }]);
  });

  it('takes a stream to the origin that another one has left', async () => {
    const first = await ask();
    first.stream.send(OK);
    await first.request.answer;
    const second = new H2Request(session);
    await first.stream.until((s) => s.received.split('GET /').length === 3);
    first.stream.send(OK);
    await second.answer;
    expect(tunnels.streams.length).toBe(1);
  });

  it('does not wait for others on the same connection', async () => {
    const slow = await ask({ ':path': '/slow' });
    const quick = await ask({ ':path': '/quick' });
    quick.stream.send(OK);
    expect((await quick.request.answer).text).toBe('ok');
    slow.stream.send(OK);
    expect((await slow.request.answer).text).toBe('ok');
  });

  it.each([
    ['with a length', { 'content-length': '6' }, 'Content-Length: 6\r\n', 'abcdef'],
    ['without one', {}, 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n'],
  ])('streams its body %s', async (_, fields, framing, expected) => {
    const { request, stream } = await ask({ ':method': 'POST', ...fields }, false);
    expect(stream.received).toContain(framing);
    request.stream.write('abc');
    await stream.untilReceived('abc');
    request.stream.end('def');
    await stream.until((s) => body(s.received) === expected);
    stream.send(OK);
    await request.answer;
    expect(stand.records).toMatchObject([{ bytesUp: 6, bytesDown: 2 }]);
  });

  it('hands on the trailers that may be handed on', async () => {
    const fields = { ':authority': 'app.test', ':scheme': 'https', ':method': 'POST', ':path': '/' };
    const request = session.request(fields, { waitForTrailers: true });
    request.once('wantTrailers', () => request.sendTrailers({ 'x-sum': '1', 'content-range': '7' }));
    request.on('error', () => {});
    request.end('abc');
    const stream = await tunnels.stream(1);
    await stream.untilReceived('3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n');
    expect(stream.received).not.toContain('content-range');
  });

  it('waits while the origin does not read, and goes on when it does', async () => {
    const { request, stream } = await ask({ ':method': 'POST', 'content-length': String(1 << 20) }, false);
    stream.reads = false;
    request.stream.end(Buffer.alloc(1 << 20, 'x'));
    await stream.until((s) => s.unread >= 64 * 1024);
    // A request after it is answered all the same, and nothing more of the body has come by then.
    const other = await ask();
    other.stream.send(OK);
    await other.request.answer;
    expect(stream.unread).toBeLessThan(256 * 1024);
    stream.drain();
    await stream.until((s) => body(s.received).length === 1 << 20);
    stream.send(OK);
    expect((await request.answer).status).toBe(200);
  });

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['without a name', { ':authority': '' }, 400],
    ['with two names', { ':authority': 'app.test', host: 'evil.test' }, 400],
    ['with a user in its name', { ':authority': 'me@app.test' }, 400],
    ['for http over TLS', { ':scheme': 'http' }, 400],
    ['for an absolute target', { ':path': 'https://app.test/' }, 400],
    ['for a target with a fragment', { ':path': '/#x' }, 400],
    ['for a target with a backslash', { ':path': '/a\\b' }, 400],
    ['for a target too long', { ':path': `/${'x'.repeat(17_000)}` }, 414],
    ['for an unknown service', { ':authority': 'nobody.test' }, 404],
    ['with an expectation of its own', { expect: 'tea' }, 417],
    ['to be echoed', { ':method': 'TRACE' }, 501],
    ['with two lengths in one', { ':method': 'POST', 'content-length': '3, 3' }, 400],
  ])('%s is refused by the same door', async (_, fields, status) => {
    const answer = await new H2Request(session, fields).answer;
    const malformed = answer.code === constants.NGHTTP2_PROTOCOL_ERROR;
    expect(malformed ? 400 : answer.status).toBe(status);
    expect(tunnels.streams.length).toBe(0);
  });

  it('is refused with a page or JSON, as it asks, and without connection fields', async () => {
    const answer = await new H2Request(session, { ':authority': 'no.test', accept: 'application/json' }).answer;
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'no_service' } });
    expect(answer.headers.connection).toBeUndefined();
    expect(stand.records).toMatchObject([{ protocol: 'http/2', status: 404, failure: 'no_service' }]);
  });

  it('that sends less than it announced never looks whole to the origin', async () => {
    const { request, stream } = await ask({ ':method': 'POST', 'content-length': '5' }, false);
    request.stream.end('abc');
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect((await request.answer).code).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
  });

  it('that is broken off by its visitor is broken off at the origin', async () => {
    const { request, stream } = await ask({ ':method': 'POST' }, false);
    request.stream.write('abc');
    await stream.untilReceived('abc');
    // Not by `close`, which would end the body in order first.
    request.stream.destroy(new Error('no longer wanted'));
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect(stream.received).not.toContain('0\r\n\r\n');
    expect(await stand.recorded((r) => r.status === 0)).toMatchObject({ protocol: 'http/2', bytesUp: 3 });
  });

  it.each([
    ['a head alone', '413 Content Too Large', 'Content-Length: 0\r\n\r\n'],
    ['no content', '204 No Content', '\r\n'],
    ['a body', '401 Unauthorized', 'Content-Length: 2\r\n\r\nno'],
    ['a body of unknown length', '401 Unauthorized', 'Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'],
  ])('hears all of an answer with %s while it still sends, before it is told to stop', async (_, status, rest) => {
    const v = await RawH2.connect(stand.port);
    v.send(frame(FRAME.HEADERS, 4, 1, postFields()), frame(FRAME.DATA, 0, 1, Buffer.from('abc')));
    const stream = await tunnels.stream(1);
    await stream.untilReceived('abc');
    stream.send(`HTTP/1.1 ${status}\r\n${rest}`);
    await v.frame((f) => f.type === FRAME.RST_STREAM && f.stream === 1);
    const told = v.frames.filter((f) => f.stream === 1);
    expect(told.map((f) => f.type).filter((type) => type !== FRAME.DATA)).toEqual([FRAME.HEADERS, FRAME.RST_STREAM]);
    const END_STREAM = 1;
    expect((told.at(-2)?.flags ?? 0) & END_STREAM).toBe(END_STREAM);
    v.socket.destroy();
  });

  it('whose body stops is answered with a timeout', async () => {
    const { request } = await ask({ ':method': 'POST', 'content-length': '100' }, false);
    request.stream.write('abc');
    clock.advance(31_000);
    expect((await request.answer).status).toBe(408);
  });
});

describe('a response over HTTP/2', () => {
  it.each([
    ['with a length', 'Content-Length: 5\r\n\r\nhello', 'hello'],
    ['without a body', 'Content-Length: 0\r\n\r\n', ''],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'],
    ['in no chunk', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ''],
  ])('%s has the same body however it is cut, and its credit goes back', async (_, rest, expected) => {
    const response = `HTTP/1.1 200 Fine\r\nX-Own: 1\r\nConnection: keep-alive\r\n${rest}`;
    for (let at = 1; at <= response.length; at++) {
      const request = new H2Request(session, { ':path': `/${at}` });
      const stream = await tunnels.stream(1);
      await stream.untilReceived(`GET /${at} `);
      stream.send(response.slice(0, at));
      if (at < response.length) stream.send(response.slice(at));
      expect(await request.answer).toMatchObject({ status: 200, text: expected, code: 0, headers: { 'x-own': '1' } });
      await stream.until((s) => s.unpaid === 0 && s.loans === 0);
    }
    expect(tunnels.streams.length).toBe(1);
  });

  it('hands trailers and repeated fields on, and drops what is about the connection', async () => {
    const { request, stream } = await ask();
    stream.send(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nAge: 1\r\nAge: 2\r\n__proto__: x\r\nUpgrade: h2c\r\n' +
        'Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nGrpc-Status: 0\r\n\r\n',
    );
    const { headers, trailers, text } = await request.answer;
    expect(text).toBe('abc');
    expect(headers['set-cookie']).toEqual(['a', 'b']);
    expect(Object.keys(headers).sort()).toEqual([':status', '__proto__', 'age', 'set-cookie']);
    expect(trailers['grpc-status']).toBe('0');
  });

  it('that ends with the origin ends in order', async () => {
    const { request, stream } = await ask();
    stream.send('HTTP/1.1 200 OK\r\n\r\nhel');
    await request.untilIncludes('hel');
    stream.send('lo');
    stream.finish();
    expect(await request.answer).toMatchObject({ text: 'hello', code: 0 });
  });

  it.each([
    ['a length', 'Content-Length: 10\r\n\r\nhel'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n'],
    ['nothing but its end', '\r\nhel'],
  ])('with %s that breaks off is broken off, never ended', async (_, rest) => {
    const { request, stream } = await ask();
    stream.send(`HTTP/1.1 200 OK\r\n${rest}`);
    await request.untilIncludes('hel');
    stream.break(RESET.BROKEN);
    expect((await request.answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(stand.records).toMatchObject([{ status: 200, failure: 'origin_closed' }]);
  });

  it('whose chunks make no sense is broken off', async () => {
    const { request, stream } = await ask();
    stream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n');
    await request.untilIncludes('hel');
    stream.send('zz\r\n');
    expect((await request.answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it.each([
    ['HEAD', '200 OK\r\nContent-Length: 1000\r\n', '1000'],
    ['HEAD', '200 OK\r\nTransfer-Encoding: chunked\r\n', undefined],
    ['GET', '304 Not Modified\r\nContent-Length: 1000\r\n', '1000'],
    ['GET', '204 No Content\r\n', undefined],
  ])('to %s of %j has no body', async (method, response, length) => {
    const { request, stream } = await ask({ ':method': method });
    stream.send(`HTTP/1.1 ${response}\r\n`);
    const answer = await request.answer;
    expect(answer).toMatchObject({ status: Number(response.slice(0, 3)), text: '', code: 0 });
    expect(answer.headers['content-length']).toBe(length);
    const next = new H2Request(session, { ':path': '/next' });
    await stream.untilReceived('GET /next');
    stream.send(OK);
    expect((await next.answer).text).toBe('ok');
  });

  it('is preceded by what the origin says before', async () => {
    const { request, stream } = await ask({ ':method': 'POST', expect: '100-continue', 'content-length': '3' }, false);
    expect(stream.received).toContain('Expect: 100-continue');
    const asked = new Promise((resolve) => request.stream.once('headers', resolve));
    stream.send('HTTP/1.1 100 Continue\r\n\r\n');
    await asked;
    request.stream.end('abc');
    await stream.untilReceived('\r\n\r\nabc');
    stream.send(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${OK}`);
    expect((await request.answer).text).toBe('ok');
    expect(request.interims.map((h) => [h[':status'], h.link])).toEqual([
      [100, undefined],
      [103, '</a.css>'],
    ]);
  });

  it('that comes before the body is whole ends the request without an error', async () => {
    const { request, stream } = await ask({ ':method': 'POST' }, false);
    request.stream.write('abc');
    await stream.untilReceived('abc');
    stream.send('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno');
    expect(await request.answer).toMatchObject({ status: 413, text: 'no', code: constants.NGHTTP2_NO_ERROR });
    expect(stream.resetWith).toBe(RESET.CANCELLED);
    const next = await ask();
    next.stream.send(OK);
    expect((await next.request.answer).text).toBe('ok');
  });

  it('of events reaches the visitor event by event', async () => {
    const { request, stream } = await ask();
    stream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect((await request.head)['content-type']).toBe('text/event-stream');
    for (let n = 0; n < 3; n++) {
      stream.send(`9\r\ndata: ${n}\n\n\r\n`);
      await request.untilIncludes(`data: ${n}\n\n`);
    }
    stream.send('0\r\n\r\n');
    expect((await request.answer).code).toBe(0);
  });

  it('is said to be missing when the laptop is offline', async () => {
    tunnels.refusals.push('agent_offline');
    expect((await new H2Request(session).answer).status).toBe(503);
  });
});

describe('a WebSocket over HTTP/2', () => {
  const fields = { ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' };
  const keyOf = (text: string): string => /sec-websocket-key: (.*)\r\n/.exec(text)?.[1] ?? '';
  const switching = (text: string, accept = webSocketAccept(keyOf(text))): string =>
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`;

  it('is an upgrade at the origin, carries bytes both ways, and closes side by side', async () => {
    const { request, stream } = await ask({ ...fields, ':path': '/ws', 'sec-websocket-key': 'mine' }, false);
    expect(stream.received).toMatch(/^GET \/ws HTTP\/1\.1\r\n/);
    expect(stream.received).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n');
    expect(Buffer.from(keyOf(stream.received), 'base64').length).toBe(16);
    // Sent before the origin has agreed: it waits for that.
    request.stream.write('early');
    stream.send(`${switching(stream.received)}first`);
    const head = await request.head;
    expect(head[':status']).toBe(200);
    expect(head['sec-websocket-protocol']).toBe('chat');
    expect(head['sec-websocket-accept']).toBeUndefined();
    await request.untilIncludes('first');
    await stream.until((s) => body(s.received) === 'early');
    request.stream.end('last');
    await stream.until((s) => s.ended && s.received.endsWith('last'));
    stream.send('bye');
    stream.finish();
    expect(await request.answer).toMatchObject({ text: 'firstbye', code: 0 });
    expect(stand.records).toMatchObject([
      { kind: 'open', status: 101, protocol: 'http/2' },
      { kind: 'close', bytesUp: 9, bytesDown: 8 },
    ]);
  });

  it.each([
    ['does not prove that it read the key', (text: string) => switching(text, 'AAAA')],
    ['answers as if nothing had been asked', () => OK],
    ['switches to something else', () => 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\n'],
  ])('is refused when the origin %s', async (_, response) => {
    const { request, stream } = await ask(fields, false);
    stream.send(response(stream.received));
    expect((await request.answer).status).toBe(502);
    expect(stream.resetWith).toBe(RESET.CANCELLED);
  });

  it('is denied where the origin denies it', async () => {
    const { request, stream } = await ask(fields, false);
    stream.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    expect(await request.answer).toMatchObject({ status: 403, text: 'no' });
  });

  it('breaks when the origin breaks', async () => {
    const { request, stream } = await ask(fields, false);
    stream.send(switching(stream.received));
    await request.head;
    stream.break(RESET.TUNNEL_LOST);
    expect((await request.answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it('may be silent for hours, but not half-closed and silent', async () => {
    const { request, stream } = await ask(fields, false);
    stream.send(switching(stream.received));
    await request.head;
    clock.advance(3 * 3_600_000);
    expect(stream.resetWith).toBeUndefined();
    request.stream.end();
    await stream.until((s) => s.ended);
    clock.advance(130_000);
    expect((await request.answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it.each([
    ['plain CONNECT', { ':method': 'CONNECT', ':path': undefined, ':scheme': undefined }],
    ['CONNECT for anything else', { ':method': 'CONNECT', ':protocol': 'connect-udp' }],
  ])('is not %s', async (_, other) => {
    const all: OutgoingHttpHeaders = { ':authority': 'app.test', ':scheme': 'https', ':path': '/', ...other };
    for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
    const stream = session.request(all);
    const head = await new Promise<{ ':status'?: number }>((resolve) => stream.once('response', resolve));
    stream.on('error', () => {}).resume();
    expect(head[':status']).toBe(501);
    expect(tunnels.streams.length).toBe(0);
  });
});

describe('an HTTP/2 connection', () => {
  it('says goodbye when the node drains, and ends after its last response', async () => {
    const { request, stream } = await ask();
    const goodbyes: number[] = [];
    const last = new Promise<void>((resolve) =>
      session.on('goaway', (_code, id) => {
        goodbyes.push(id);
        if (goodbyes.length === 2) resolve();
      }),
    );
    const drained = stand.proxy.drain(60_000);
    await last;
    expect(goodbyes).toEqual([2 ** 31 - 1, 1]);
    stream.send(OK);
    expect((await request.answer).text).toBe('ok');
    await drained;
  });

  it('loses the requests of a route that ends, and no others', async () => {
    routes.push(routeTo(targetAt(4000), 'other.test'));
    const begun = await ask();
    begun.stream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel');
    await begun.request.untilIncludes('hel');
    const waiting = await ask();
    const other = await ask({ ':authority': 'other.test' });
    stand.proxy.endRoutes({ ended: ['service-app.test'], endedTargets: new Map() });
    expect((await begun.request.answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect((await waiting.request.answer).status).toBe(503);
    other.stream.send(OK);
    expect((await other.request.answer).text).toBe('ok');
  });

  it('takes its requests with it when it is lost', async () => {
    const { stream } = await ask();
    session.socket.destroy();
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect(stand.records).toMatchObject([{ status: 0, protocol: 'http/2' }]);
    expect(stand.proxy.stats.exchanges).toBe(0);
  });
});
