/** Origins that speak HTTP/2, over a real tunnel with the agent's own dialler behind it. */
import { once } from 'node:events';
import http from 'node:http';
import http2, { type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { RouteTarget } from '../../../edge/visit.ts';
import { createOriginDialler } from '../../../main/agent/origin.ts';
import { serveOrigin } from '../../../main/agent/origin-stream.ts';
import type { Clock } from '../../../shared/node/clock.ts';
import { encodeOpen } from '../../../shared/wire/open.ts';
import { selfSigned } from '../../support/certificate.ts';
import { H2Request, h2Session } from '../../support/h2-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, RawVisitor, routeTo, targetAt } from '../../support/proxy-stand.ts';
import { openerOver, tunnelPair } from '../../support/tunnel-pair.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  cleanups.push(() => server.close());
  return address.port;
}

interface Origin {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  readonly streams: ServerHttp2Stream[];
}

type Answer = (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

/** An HTTP/2 origin that answers with `answer`. */
async function h2Origin(answer: Answer, server: Http2Server = http2.createServer()): Promise<Origin> {
  const sessions: ServerHttp2Session[] = [];
  const streams: ServerHttp2Stream[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
    cleanups.push(() => session.destroy());
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    streams.push(stream);
    stream.on('error', () => {});
    answer(stream, headers);
  });
  return { port: await listen(server), sessions, streams };
}

const says = (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void => {
  stream.respond({ ':status': 200 });
  stream.end(JSON.stringify(headers));
};

/** A target that is known to speak HTTP/2 without TLS. */
const prior = (port: number): RouteTarget => ({ ...targetAt(port), http2: 'prior' });
/** An https target that is asked what it speaks. */
function asked(port: number): RouteTarget {
  const target = targetAt(port);
  const open = {
    type: 'agent',
    host: 'localhost',
    port,
    tls: true,
    skipTlsVerify: true,
    connectTimeout: 5000,
  } as const;
  return {
    ...target,
    open: encodeOpen(open),
    http2: 'alpn',
    openHttp2: encodeOpen({ ...open, service: 's1', http2: true }),
  };
}

async function standFor(target: RouteTarget, secure = true, clock?: Clock): Promise<ProxyStand & { opened(): number }> {
  const all = { isAllowed: () => true, awaited: () => undefined, onChange: () => () => {} };
  const dialler = createOriginDialler(all, new AbortController().signal);
  let opened = 0;
  const datagrams = {
    serve(): never {
      throw new Error('no datagrams here');
    },
  };
  const pair = await tunnelPair('tls', {
    onOpen(stream, payload) {
      opened++;
      return serveOrigin(stream, payload, (open, signal) => dialler.dial(open, signal), datagrams);
    },
  });
  const tunnels = openerOver(() => pair.edge);
  const stand = await proxyStand({
    tunnels,
    routes: [routeTo(target)],
    secure,
    ...(clock === undefined ? {} : { clock }),
  });
  cleanups.push(() => pair.sockets.close());
  cleanups.push(() => stand.close());
  return { ...stand, opened: () => opened };
}

async function visit(stand: ProxyStand): Promise<http2.ClientHttp2Session> {
  const session = await h2Session(stand.port);
  cleanups.push(() => session.destroy());
  return session;
}

describe('an origin that speaks HTTP/2', () => {
  it('gets the request as one, from visitors of either version, over one connection', async () => {
    const origin = await h2Origin(says);
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    const fields = { ':path': '/a?b', te: 'trailers', cookie: ['a=1', 'b=2'], 'x-own': 'caf\u00e9' };
    const { text, status } = await new H2Request(session, fields).answer;
    expect(status).toBe(200);
    expect(JSON.parse(Buffer.from(text, 'latin1').toString())).toMatchObject({
      ':method': 'GET',
      ':scheme': 'http',
      ':authority': `localhost:${origin.port}`,
      ':path': '/a?b',
      te: 'trailers',
      cookie: 'a=1; b=2',
      'x-own': 'caf\u00e9',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
    });
    const old = await RawVisitor.connect(stand.port, true);
    old.send('GET /c HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
    await old.ended;
    expect(old.text).toMatch(/^HTTP\/1\.1 200 \r\n/);
    expect(old.text).toContain('":path":"/c"');
    expect([origin.sessions.length, stand.opened()]).toEqual([1, 1]);
  });

  it('gets bodies of every framing whole, and trailers; and so does the visitor', async () => {
    const origin = await h2Origin((stream) => {
      let body = '';
      let trailers = {};
      stream.on('trailers', (last) => {
        trailers = { ...last };
      });
      stream.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'x-got': String(body.length) }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', ...trailers }));
        stream.end(body);
      });
    });
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    const big = 'x'.repeat(300_000);
    const request = new H2Request(session, { ':method': 'POST' }, false);
    request.stream.end(big);
    expect(await request.answer).toMatchObject({ text: big, trailers: { 'x-sum': 'abc' }, code: 0 });
    const old = await RawVisitor.connect(stand.port, true);
    old.send(
      'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\r\n',
    );
    old.send('3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Mine: 1\r\n\r\n');
    await old.untilIncludes('\r\n0\r\n');
    expect(await old.untilIncludes('x-mine: 1\r\n\r\n')).toMatch(
      /x-got: 5\r\n(?:.+\r\n)*\r\n5\r\nabcde\r\n0\r\nx-sum: abc\r\n/,
    );
    old.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwxyz');
    await old.ended;
    expect(old.text).toContain('4\r\nwxyz\r\n');
    expect(origin.sessions.length).toBe(1);
  });

  it('may say its length, or that there is no body', async () => {
    const origin = await h2Origin((stream, headers) => {
      const path = headers[':path'];
      if (path === '/length') {
        stream.respond({ ':status': 200, 'content-length': 2 });
        stream.end('ok');
      } else if (path === '/none') stream.respond({ ':status': 204 }, { endStream: true });
      else stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true });
    });
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    const get = (fields: http2.OutgoingHttpHeaders) => new H2Request(session, fields).answer;
    expect(await get({ ':path': '/length' })).toMatchObject({ text: 'ok', headers: { 'content-length': '2' } });
    expect(await get({ ':path': '/length', ':method': 'HEAD' })).toMatchObject({ text: '', status: 200 });
    expect(await get({ ':path': '/none' })).toMatchObject({ status: 204, text: '' });
    expect(await get({ ':path': '/empty' })).toMatchObject({ status: 200, headers: { 'grpc-status': '5' }, code: 0 });
  });

  it('talks both ways at once', async () => {
    const origin = await h2Origin((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('data', (chunk: Buffer) => stream.write(`<${chunk}>`));
      stream.on('end', () => stream.end('bye'));
    });
    const stand = await standFor(prior(origin.port));
    const request = new H2Request(await visit(stand), { ':method': 'POST' }, false);
    for (const word of ['one', 'two', 'three']) {
      request.stream.write(word);
      await request.untilIncludes(`<${word}>`);
    }
    request.stream.end();
    expect((await request.answer).text).toBe('<one><two><three>bye');
  });

  it('is asked whether it wants the body, and gets it then', async () => {
    const server = http2.createServer((_request, response) => response.end('never'));
    server.on('checkContinue', (request, response) => {
      response.writeContinue();
      request.pipe(response);
    });
    server.on('session', (session) => cleanups.push(() => session.destroy()));
    const stand = await standFor(prior(await listen(server as unknown as net.Server)));
    const visitor = await RawVisitor.connect(stand.port, true);
    visitor.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await visitor.untilIncludes('HTTP/1.1 100 \r\n\r\n');
    visitor.send('body');
    expect(await visitor.untilIncludes('body')).toContain('HTTP/1.1 200 ');
  });

  it('may send interim responses', async () => {
    const origin = await h2Origin((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    const stand = await standFor(prior(origin.port));
    const request = new H2Request(await visit(stand));
    expect(await request.answer).toMatchObject({ text: 'ok' });
    expect(request.interims).toMatchObject([{ ':status': 103, link: '</a.css>; rel=preload' }]);
  });

  it('waits for a visitor who reads slowly, and keeps no more than a bound', { timeout: 90_000 }, async () => {
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024);
    const origin = await h2Origin((stream) => {
      stream.respond({ ':status': 200 });
      const more = (): void => {
        while (sent < 32 * 1024 * 1024) {
          sent += piece.length;
          if (!stream.write(piece)) return void stream.once('drain', more);
        }
        stream.end();
      };
      more();
    });
    const stand = await standFor(prior(origin.port));
    const slow = await RawVisitor.connect(stand.port, true);
    slow.socket.pause();
    slow.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    // The sending stops by itself: what it was a moment ago it still is.
    let before = -1;
    await expect
      .poll(
        () => {
          const still = sent > 0 && sent === before;
          before = sent;
          return still;
        },
        { interval: 200, timeout: 40_000 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    let read = 0;
    slow.socket.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    slow.socket.resume();
    await expect.poll(() => read, { timeout: 40_000 }).toBeGreaterThan(32 * 1024 * 1024);
  });

  it('takes an upload no faster than it reads it', { timeout: 90_000 }, async () => {
    const taken = Promise.withResolvers<ServerHttp2Stream>();
    const origin = await h2Origin((stream) => {
      stream.pause();
      taken.resolve(stream);
    });
    const stand = await standFor(prior(origin.port));
    const visitor = await RawVisitor.connect(stand.port, true);
    const size = 48 * 1024 * 1024;
    visitor.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${size}\r\n\r\n`);
    let sent = 0;
    const piece = Buffer.alloc(256 * 1024);
    const more = (): void => {
      while (sent < size) {
        sent += piece.length;
        if (!visitor.socket.write(piece)) return void visitor.socket.once('drain', more);
      }
    };
    more();
    const stream = await taken.promise;
    let before = -1;
    await expect
      .poll(
        () => {
          const still = sent === before;
          before = sent;
          return still;
        },
        { interval: 200, timeout: 40_000 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(size / 2);
    let read = 0;
    stream.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    stream.resume();
    await once(stream, 'end');
    stream.respond({ ':status': 200 }, { endStream: true });
    await visitor.untilIncludes('HTTP/1.1 200');
    expect(read).toBe(size);
  });

  it.each([
    ['a field that is too long', { 'x-long': 'x'.repeat(100_000) }],
    ['too many fields', Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, '1']))],
  ])('is not believed a response with %s, and serves on', async (_, fields) => {
    const origin = await h2Origin((stream, headers) => {
      stream.respond({ ':status': 200, ...(headers[':path'] === '/bad' ? fields : {}) });
      stream.end('ok');
    });
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    expect(await new H2Request(session, { ':path': '/bad' }).answer).toMatchObject({ status: 502 });
    expect(await new H2Request(session).answer).toMatchObject({ status: 200, text: 'ok' });
  });

  it('hears at once that a visitor has gone', async () => {
    const origin = await h2Origin((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
    });
    const stand = await standFor(prior(origin.port));
    const request = new H2Request(await visit(stand));
    await request.untilIncludes('begun');
    const stream = origin.streams[0];
    if (stream === undefined) throw new Error('not asked');
    const closed = once(stream, 'close');
    request.stream.close(http2.constants.NGHTTP2_CANCEL);
    await closed;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    expect(origin.sessions[0]?.closed).toBe(false);
  });

  it('breaks off its response, and the visitor notices', async () => {
    const origin = await h2Origin((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => stream.destroy(new Error('broken')));
    });
    const stand = await standFor(prior(origin.port));
    expect((await new H2Request(await visit(stand)).answer).code).not.toBe(0);
    const record = await stand.recorded((r) => r.failure !== undefined);
    expect(record.failure).toBe('origin_closed');
  });
});

describe('a request that an HTTP/2 origin has not begun with', () => {
  it('is sent again, whatever it is', async () => {
    let count = 0;
    const origin = await h2Origin((stream) => {
      if (++count === 1) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else stream.respond({ ':status': 201 }, { endStream: true });
    });
    const stand = await standFor(prior(origin.port));
    expect(await new H2Request(await visit(stand), { ':method': 'POST' }).answer).toMatchObject({ status: 201 });
    expect(count).toBe(2);
  });

  it('is not sent a third time', async () => {
    let count = 0;
    const origin = await h2Origin((stream) => {
      count++;
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    });
    const stand = await standFor(prior(origin.port));
    expect(await new H2Request(await visit(stand)).answer).toMatchObject({ status: 502 });
    expect(count).toBe(2);
  });

  it('goes by a new connection after a GOAWAY, and what was begun before it ends in order', async () => {
    const waiting: ServerHttp2Stream[] = [];
    const origin = await h2Origin((stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/slow') waiting.push(stream);
      else stream.end('fast');
    });
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    const slow = new H2Request(session, { ':path': '/slow' });
    await slow.head;
    const [first] = origin.sessions;
    first?.goaway(http2.constants.NGHTTP2_NO_ERROR);
    await expect
      .poll(async () => {
        await new H2Request(session).answer;
        return origin.sessions.length;
      })
      .toBe(2);
    waiting[0]?.end('done');
    expect(await slow.answer).toMatchObject({ text: 'done', code: 0 });
  });

  it('goes by HTTP/1.1 when the origin asks for that', async () => {
    const secure = selfSigned();
    const server = http2.createSecureServer({ ...secure, allowHTTP1: true });
    server.on('stream', (stream) => stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED));
    server.on('request', (request, response) => {
      if (request.httpVersion === '1.1') response.end('in 1.1');
    });
    server.on('session', (session) => cleanups.push(() => session.destroy()));
    const stand = await standFor(asked(await listen(server as unknown as net.Server)));
    const session = await visit(stand);
    for (const method of ['POST', 'GET'])
      expect((await new H2Request(session, { ':method': method }).answer).text).toBe('in 1.1');
  });

  it('is repeated when it met a connection that was just closing, and only if that is safe', async () => {
    let close = false;
    const origin = await h2Origin((stream) => {
      if (close) {
        close = false;
        stream.session?.destroy();
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    const stand = await standFor(prior(origin.port));
    const session = await visit(stand);
    const statuses: number[] = [];
    for (const method of ['GET', 'POST']) {
      await new H2Request(session).answer;
      close = true;
      statuses.push((await new H2Request(session, { ':method': method }).answer).status);
    }
    expect(statuses).toEqual([200, 502]);
  });
});

describe('an https origin', () => {
  it('is spoken to in what it chooses', async () => {
    const secure = selfSigned();
    const two = await h2Origin(says, http2.createSecureServer(secure) as unknown as Http2Server);
    const stand = await standFor(asked(two.port));
    const { text } = await new H2Request(await visit(stand)).answer;
    expect(JSON.parse(text)).toMatchObject({ ':scheme': 'https' });
    const one = https.createServer(secure, (request, response) => response.end(request.httpVersion));
    const old = await standFor(asked(await listen(one)));
    cleanups.push(() => one.closeAllConnections());
    const session = await visit(old);
    // Several at once, before it is known what it speaks; then another one, after it is.
    const answers = await Promise.all([1, 2, 3].map(() => new H2Request(session).answer));
    expect(answers.map((a) => a.text)).toEqual(['1.1', '1.1', '1.1']);
    const before = old.opened();
    expect((await new H2Request(session).answer).text).toBe('1.1');
    expect(old.opened()).toBe(before);
  });

  it('gets bodies that were sent before it had chosen', async () => {
    const one = https.createServer(selfSigned(), (request, response) => void request.pipe(response));
    cleanups.push(() => one.closeAllConnections());
    const stand = await standFor(asked(await listen(one)));
    const request = new H2Request(await visit(stand), { ':method': 'POST' }, false);
    request.stream.end('x'.repeat(200_000));
    expect((await request.answer).text.length).toBe(200_000);
  });

  it('carries WebSockets in HTTP/1.1 beside', async () => {
    const server = http2.createSecureServer({ ...selfSigned(), allowHTTP1: true }, (request, response) =>
      response.end(request.httpVersion),
    );
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (ws) => ws.on('message', (data) => ws.send(`echo ${data}`))),
    );
    server.on('session', (session) => cleanups.push(() => session.destroy()));
    const stand = await standFor(asked(await listen(server as unknown as net.Server)));
    expect((await new H2Request(await visit(stand)).answer).text).toBe('2.0');
    const socket = new WebSocket(`wss://127.0.0.1:${stand.port}/`, {
      rejectUnauthorized: false,
      headers: { host: 'app.test' },
    });
    await once(socket, 'open');
    socket.send('hi');
    const [data] = await once(socket, 'message');
    expect(String(data)).toBe('echo hi');
    socket.terminate();
    sockets.close();
  });

  it('is not believed to be there when it is not', async () => {
    const gone = net.createServer();
    const port = await listen(gone);
    gone.close();
    const stand = await standFor(asked(port));
    expect(await new H2Request(await visit(stand)).answer).toMatchObject({ status: 502 });
    expect(stand.dials).toEqual(['origin_refused']);
  });
});

it('says that a server speaks no HTTP/2 which was said to', async () => {
  const server = http.createServer((_, response) => response.end());
  const stand = await standFor(prior(await listen(server)));
  expect(await new H2Request(await visit(stand)).answer).toMatchObject({ status: 502 });
  const { failure } = await stand.recorded(() => true);
  expect(failure).toBe('origin_bad_response');
});

it('gives up a connection without requests after a while, and not before', async () => {
  const clock = new ManualClock();
  const origin = await h2Origin((stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] !== '/slow') stream.end('ok');
  });
  const stand = await standFor(prior(origin.port), true, clock);
  const session = await visit(stand);
  const slow = new H2Request(session, { ':path': '/slow' });
  await slow.head;
  clock.advance(60_000);
  await new H2Request(session).answer;
  expect(stand.opened()).toBe(1);
  const [first] = origin.streams;
  if (first === undefined) throw new Error('not asked');
  const gone = once(first, 'close');
  slow.stream.close();
  await gone;
  await expect
    .poll(() => {
      clock.advance(10_000);
      return origin.sessions[0]?.destroyed;
    })
    .toBe(true);
  expect((await new H2Request(session).answer).text).toBe('ok');
  expect(stand.opened()).toBe(2);
});

it('opens another connection when one has no room', async () => {
  const waiting: ServerHttp2Stream[] = [];
  const server = http2.createServer({ settings: { maxConcurrentStreams: 2 } });
  const origin = await h2Origin((stream) => waiting.push(stream), server);
  const stand = await standFor(prior(origin.port));
  const session = await visit(stand);
  const first = new H2Request(session);
  await expect.poll(() => waiting.length).toBe(1);
  const more = [1, 2, 3].map(() => new H2Request(session));
  await expect.poll(() => waiting.length).toBe(4);
  expect(origin.sessions.length).toBe(2);
  for (const stream of waiting) {
    stream.respond({ ':status': 200 });
    stream.end('ok');
  }
  for (const request of [first, ...more]) expect((await request.answer).text).toBe('ok');
});
