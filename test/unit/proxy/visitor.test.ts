/** A visitor's connection over real sockets; the origins are played by the test. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOP_LIMIT } from '../../../edge/proxy/limits.ts';
import type { Route } from '../../../edge/visit.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ProxyStand, proxyStand, RawVisitor, routeTo, targetAt } from '../../support/proxy-stand.ts';

let clock: ManualClock;
let tunnels: FakeTunnels;
let routes: Route[];
let stand: ProxyStand;
const visitors: RawVisitor[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  routes = [routeTo(targetAt(3000))];
  stand = await proxyStand({ tunnels, routes: () => routes, clock });
});

afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.socket.destroy();
  await stand.close();
});

async function visitor(): Promise<RawVisitor> {
  const raw = await RawVisitor.connect(stand.port);
  visitors.push(raw);
  return raw;
}

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a request', () => {
  it('reaches the origin with what the hop says about the visitor, and nothing else changed', async () => {
    const v = await visitor();
    v.send('GET /a?b HTTP/1.1\r\nHost: app.test:8443\r\nX-Forwarded-For: 6.6.6.6\r\nX-Own: 1\r\nAccept: */*\r\n\r\n');
    const stream = await tunnels.stream(1);
    await stream.untilReceived('\r\n\r\n');
    const id = /X-Request-Id: ([0-9a-z]{26})\r\n/.exec(stream.received)?.[1];
    expect(stream.received).toBe(
      'GET /a?b HTTP/1.1\r\nHost: localhost:3000\r\nX-Own: 1\r\nAccept: */*\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 443\r\n' +
        'X-Forwarded-Host: app.test:8443\r\nForwarded: for=127.0.0.1;proto=http;host="app.test:8443"\r\n' +
        `X-Request-Id: ${id}\r\nX-Porthole-Hops: 1\r\n\r\n`,
    );
    stream.send(OK);
    await v.untilIncludes('\r\n\r\nok');
    expect((await stand.recorded(() => true)).id).toBe(id);
  });

  it('that comes round to the edge again and again is refused there, and so ends', async () => {
    routes = [{ ...routeTo(targetAt(3000)), passHostHeader: true }];
    let sent = `${GET.slice(0, -2)}X-Porthole-Hops: -9\r\n\r\n`;
    for (let round = 1; round <= HOP_LIMIT; round++) {
      (await visitor()).send(sent);
      const stream = await tunnels.stream(round);
      await stream.untilReceived('\r\n\r\n');
      sent = stream.received;
    }
    const last = await visitor();
    last.send(sent);
    await last.untilIncludes('HTTP/1.1 508 Loop Detected\r\n');
    expect(await stand.recorded(() => true)).toMatchObject({ status: 508, failure: 'loop_detected' });
    expect(tunnels.streams).toHaveLength(HOP_LIMIT);
  });

  it('keeps the Host of the visitor where the service passes it', async () => {
    routes = [{ ...routeTo(targetAt(3000)), passHostHeader: true }];
    const v = await visitor();
    v.send('GET / HTTP/1.1\r\nHost: APP.test:8443\r\n\r\n');
    await (await tunnels.stream(1)).untilReceived('\r\nHost: APP.test:8443\r\n');
  });

  it.each([
    ['/api', '/api', '/'],
    ['/api/x?y', '/api', '/x?y'],
    ['/api?y', '/api', '/?y'],
    ['/api//evil.test/x', '/api', '/evil.test/x'],
    ['//x', '/', '//x'],
  ])('for %s under %s is for %s at the origin', async (path, prefix, forwarded) => {
    routes = [routeTo(targetAt(3000, prefix))];
    const v = await visitor();
    v.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    await (await tunnels.stream(1)).untilReceived(`GET ${forwarded} HTTP/1.1\r\n`);
  });

  it('OPTIONS * goes through as such', async () => {
    const v = await visitor();
    v.send('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await (await tunnels.stream(1)).untilReceived('OPTIONS * HTTP/1.1\r\n');
  });

  it('reads the same in one piece, at every split point, and byte by byte', async () => {
    const text = `\r\nPOST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    const v = await visitor();
    const pieces = Array.from({ length: text.length }, (_, at) => [text.slice(0, at), text.slice(at)]);
    pieces.push([...text]);
    let count = 0;
    for (const split of pieces) {
      for (const piece of split) if (piece !== '') await new Promise((sent) => v.socket.write(piece, 'latin1', sent));
      count++;
      const stream = await tunnels.stream(1);
      await stream.until((s) => s.received.split('0\r\n\r\n').length === count + 1);
      stream.send(OK);
      await v.until((t) => t.split('\r\n\r\nok').length === count + 1);
    }
    expect(tunnels.streams.length).toBe(1);
    expect(new Set(tunnels.streams[0]?.received.replace(/X-Request-Id.*\r\n/g, '').split('POST')).size).toBe(2);
  });
});

describe('requests in a row', () => {
  it('are answered in order when they come all at once', async () => {
    const v = await visitor();
    v.send(
      'GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\nPOST /2 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc' +
        'GET /3 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\nGET /4 HTTP/1.1\r\nHost: app.test\r\n\r\n',
    );
    for (const n of [1, 2, 3]) {
      const stream = await tunnels.stream(1);
      await stream.until((s) => s.received.includes(`/${n} HTTP`) && (n !== 2 || s.received.endsWith('abc')));
      expect(stream.received).not.toContain(`/${n + 1} HTTP`);
      stream.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nr${n}`);
    }
    await v.ended;
    expect(v.text.replace(/HTTP[\s\S]*?\r\n\r\n/g, '')).toBe('r1r2r3');
    expect(v.text).toContain('Connection: close');
    expect(tunnels.streams.length).toBe(1);
  });

  it('take another stream when the first was closed while it rested', async () => {
    const v = await visitor();
    v.send(GET);
    const first = await tunnels.stream(1);
    first.send(OK);
    await v.untilIncludes('ok');
    first.finish();
    v.send(GET);
    (await tunnels.stream(2)).send(OK);
    await v.until((t) => t.split('200 OK').length === 3);
  });

  it('take another stream when the origin sent more than it said', async () => {
    const v = await visitor();
    v.send(GET);
    (await tunnels.stream(1)).send(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    await v.untilIncludes('ok');
    v.send(GET);
    (await tunnels.stream(2)).send(OK);
    await v.until((t) => t.split('200 OK').length === 3);
    expect(v.text).not.toContain('evil');
    expect(tunnels.streams[0]?.resetWith).toBe(RESET.CANCELLED);
  });

  it('take another stream once the old one has rested 4 seconds, or less if the origin says so', async () => {
    const v = await visitor();
    v.send(GET);
    (await tunnels.stream(1)).send(OK);
    await v.untilIncludes('ok');
    expect(stand.proxy.stats.restingStreams).toBe(1);
    clock.advance(5000);
    expect(tunnels.streams[0]?.resetWith).toBe(RESET.CANCELLED);
    expect(stand.proxy.stats.restingStreams).toBe(0);
    v.send(GET);
    (await tunnels.stream(2)).send('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok');
    await v.until((t) => t.split('200 OK').length === 3);
    expect(stand.proxy.stats.restingStreams).toBe(0);
  });

  it('leave no more than 256 resting streams to one target', async () => {
    const all = await Promise.all(Array.from({ length: 260 }, () => visitor()));
    for (const v of all) v.send(GET);
    await tunnels.stream(260);
    for (const stream of tunnels.streams) stream.send(OK);
    await Promise.all(all.map((v) => v.untilIncludes('200 OK')));
    expect(stand.proxy.stats).toMatchObject({ restingStreams: 256, connections: 260, exchanges: 0, requests: 260 });
    expect(tunnels.streams.filter((s) => s.resetWith === RESET.CANCELLED).length).toBe(4);
  });

  it('never mix: a visitor who leaves takes the stream along', async () => {
    const v = await visitor();
    v.send(GET);
    const stream = await tunnels.stream(1);
    v.socket.resetAndDestroy();
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect(await stand.recorded(() => true)).toMatchObject({ status: 0, kind: 'request' });
    expect(stand.proxy.stats.exchanges).toBe(0);
  });
});

describe('a bad head', () => {
  it.each([
    ['CL.TE', 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: app.test\n\n'],
    ['a TLS record', '\x16\x03\x01\x02\x00\x01'],
    ['two empty lines', '\r\n\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n'],
    ['a name of spaces', 'GET / HTTP/1.1\r\nHost : app.test\r\n\r\n'],
  ])('is answered 400 and ends the connection at once: %s', async (_, text) => {
    const v = await visitor();
    v.send(text);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*Connection: close\r\n/);
    expect(tunnels.streams).toEqual([]);
    expect(stand.records).toMatchObject([{ status: 400, failure: 'request_malformed', kind: 'request' }]);
  });

  it('behind a good request ends the connection after the good answer', async () => {
    const v = await visitor();
    v.send(`${GET}GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`);
    (await tunnels.stream(1)).send(OK);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*okHTTP\/1\.1 400/);
  });

  it('of more than 64 KiB is answered 431', async () => {
    const v = await visitor();
    v.send(`GET / HTTP/1.1\r\nHost: app.test\r\n${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(70)}`);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('with a target of more than 16 KiB is answered 414', async () => {
    const v = await visitor();
    v.send(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 414 /);
  });
});

describe('a refusal', () => {
  it('keeps the connection when there is no body', async () => {
    const v = await visitor();
    v.send('GET / HTTP/1.1\r\nHost: nobody.test\r\nAccept: text/html\r\n\r\n');
    await v.untilIncludes('</html>');
    expect(v.text).toMatch(/^HTTP\/1\.1 404 Not Found/);
    v.send(GET);
    (await tunnels.stream(1)).send(OK);
    await v.untilIncludes('200 OK');
  });

  it('keeps the connection when a small body can be thrown away', async () => {
    const v = await visitor();
    v.send('POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 10\r\n\r\n01234');
    await v.untilIncludes('404 Not Found');
    v.send(`56789${GET}`);
    const stream = await tunnels.stream(1);
    await stream.untilReceived('GET / HTTP/1.1');
    expect(stream.received).not.toContain('56789');
  });

  it.each([
    ['large', 'Content-Length: 100000\r\n'],
    ['chunked', 'Transfer-Encoding: chunked\r\n'],
    ['awaited', 'Content-Length: 5\r\nExpect: 100-continue\r\n'],
  ])('ends the connection when the body is %s', async (_, fields) => {
    const v = await visitor();
    v.send(`POST / HTTP/1.1\r\nHost: nobody.test\r\n${fields}\r\n`);
    await v.ended;
    expect(v.text).toMatch(/404 Not Found[\s\S]*Connection: close\r\n/);
  });

  it('follows when a stage fails inside: 500, and the node lives on', async () => {
    const failing = await proxyStand({
      tunnels,
      routes: () => {
        throw new Error('a bug');
      },
      clock,
    });
    const v = await RawVisitor.connect(failing.port);
    visitors.push(v);
    v.send(GET);
    await v.untilIncludes('500 Internal Server Error');
    expect(v.text).not.toContain('a bug');
    expect(failing.records).toMatchObject([{ status: 500, failure: 'internal' }]);
    await failing.close();
  });

  it('of an offline laptop comes at once, with Retry-After', async () => {
    tunnels.refusals.push('agent_offline');
    const v = await visitor();
    v.send(GET);
    await v.untilIncludes('503 Service Unavailable');
    expect(v.text).toMatch(/Retry-After: \d+\r\n/);
    expect(stand.records).toMatchObject([{ status: 503, failure: 'agent_offline', agentId: 'agent-1' }]);
  });

  it.each([
    [RESET.REFUSED, 502, 'origin_refused'],
    [RESET.UNRESOLVED, 502, 'origin_unresolved'],
    [RESET.TIMEOUT, 504, 'origin_timeout'],
    [RESET.NOT_ALLOWED, 502, 'origin_not_allowed'],
    [RESET.UNTRUSTED, 502, 'origin_untrusted'],
  ] as const)('of a failed dial (%i) is a %i, and is reported', async (code, status, failure) => {
    const v = await visitor();
    v.send(GET);
    (await tunnels.stream(1)).break(code);
    await v.untilIncludes(` ${status} `);
    expect(stand.dials).toEqual([failure]);
    expect(stand.records).toMatchObject([{ status, failure }]);
    expect(tunnels.streams.length).toBe(1);
  });

  it('of a flood of pipelined requests waits for the visitor to read', async () => {
    const v = await visitor();
    v.socket.pause();
    const one = 'GET / HTTP/1.1\r\nHost: nobody.test\r\nAccept: text/html\r\n\r\n';
    v.send(one.repeat(20_000));
    v.send('GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n');
    await stand.recorded(() => stand.records.length > 100);
    await turns();
    // Pages of 20,000 requests have 90 MB; what the system buffers of them is a few.
    expect(stand.records.length).toBeLessThan(10_000);
    v.socket.resume();
    await v.ended;
    expect(v.text.split('404 Not Found').length).toBe(20_002);
  });
});

describe('time', () => {
  it('runs out for a head after 10 seconds: 408', async () => {
    const v = await visitor();
    v.send('GET / HTTP/1.1\r\nHost: ');
    await new Promise((sent) => v.socket.write('app', sent));
    v.send('.te');
    await turns();
    clock.advance(12_000);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(stand.records).toMatchObject([{ status: 408, failure: 'request_timeout' }]);
  });

  it('runs out in silence for a connection that never says a word', async () => {
    const v = await visitor();
    await turns();
    clock.advance(12_000);
    await v.ended;
    expect(v.text).toBe('');
    expect(stand.records).toEqual([]);
  });

  it('runs out for a resting connection after 120 seconds, not before', async () => {
    const v = await visitor();
    v.send(GET);
    (await tunnels.stream(1)).send(OK);
    await v.untilIncludes('ok');
    clock.advance(110_000);
    v.send(GET);
    (await tunnels.stream(2)).send(OK);
    await v.until((t) => t.split('200 OK').length === 3);
    clock.advance(122_000);
    await v.ended;
  });

  it('runs out for a body that trickles: 408', async () => {
    const v = await visitor();
    v.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n');
    const stream = await tunnels.stream(1);
    for (let i = 1; i <= 4; i++) {
      v.send('x');
      await stream.untilReceived(`\r\n\r\n${'x'.repeat(i)}`);
      clock.advance(7000);
    }
    clock.advance(4000);
    await v.ended;
    expect(v.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(stream.resetWith).toBe(RESET.CANCELLED);
  });

  it('does not run out for a body that the origin is slow to take', async () => {
    const v = await visitor();
    v.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 20000000\r\n\r\n');
    const stream = await tunnels.stream(1);
    stream.reads = false;
    v.send(Buffer.alloc(20_000_000, 'x'));
    await stream.until((s) => s.unread >= 64 * 1024);
    await turns();
    clock.advance(300_000);
    expect(stream.unread).toBeLessThan(512 * 1024);
    stream.drain();
    await stream.until((s) => s.received.length > 20_000_000);
    stream.send(OK);
    await v.untilIncludes('200 OK');
  });

  it('runs out for a visitor who takes nothing of a response', async () => {
    const v = await visitor();
    v.socket.pause();
    v.send(GET);
    const stream = await tunnels.stream(1);
    stream.send('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
    while (stream.unpaid < 1_000_000) {
      stream.send(Buffer.alloc(256 * 1024));
      await turns();
    }
    clock.advance(300_000);
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    await stream.until((s) => s.loans === 0);
  });

  it('goes on for an origin that thinks long', async () => {
    const v = await visitor();
    v.send(GET);
    const stream = await tunnels.stream(1);
    clock.advance(3_600_000);
    stream.send(OK);
    await v.untilIncludes('200 OK');
  });
});

describe('a visitor who half-closes', () => {
  it('still gets the answer', async () => {
    const v = await visitor();
    v.socket.end(GET);
    (await tunnels.stream(1)).send(OK);
    await v.closed;
    expect(v.text).toContain('200 OK');
  });

  it('still gets all answers to pipelined requests', async () => {
    const v = await visitor();
    v.socket.end(GET + GET);
    for (const n of [1, 2]) {
      const stream = await tunnels.stream(1);
      await stream.until((s) => s.received.split('GET /').length === n + 1);
      stream.send(OK);
    }
    await v.closed;
    expect(v.text.split('200 OK').length).toBe(3);
  });

  it('is taken for gone after 10 more seconds', async () => {
    const v = await visitor();
    v.socket.end(GET);
    const stream = await tunnels.stream(1);
    await turns();
    clock.advance(12_000);
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
  });

  it('in the middle of a body breaks the request off, so that the origin never takes a part for the whole', async () => {
    const v = await visitor();
    v.socket.end('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n01234');
    const stream = await tunnels.stream(1);
    await stream.until((s) => s.resetWith === RESET.CANCELLED);
    expect(stream.ended).toBe(false);
    expect(await stand.recorded(() => true)).toMatchObject({ status: 0, bytesUp: 5 });
  });
});

describe('draining', () => {
  it('ends resting connections at once and others with their response', async () => {
    const resting = await visitor();
    resting.send(GET);
    (await tunnels.stream(1)).send(OK);
    await resting.untilIncludes('ok');
    const busy = await visitor();
    busy.send(GET);
    const stream = tunnels.streams[0];
    await stream?.until((s) => s.received.split('GET /').length === 3);
    const drained = stand.proxy.drain(30_000);
    resting.socket.on('end', () => resting.socket.end());
    busy.socket.on('end', () => busy.socket.end());
    await resting.ended;
    stream?.send(OK);
    await busy.ended;
    expect(busy.text).toContain('Connection: close');
    await drained;
    expect(stand.proxy.stats).toMatchObject({ connections: 0, exchanges: 0 });
  });

  it('cuts what is left at its deadline', async () => {
    const v = await visitor();
    v.send(GET);
    await tunnels.stream(1);
    const drained = stand.proxy.drain(30_000);
    clock.advance(30_000);
    await drained;
    await v.ended;
  });
});

describe('a route that ends', () => {
  it('ends what is under way on it: an answer if none has begun, else a broken one', async () => {
    const waiting = await visitor();
    waiting.send(GET);
    const first = await tunnels.stream(1);
    const streaming = await visitor();
    streaming.send(GET);
    const second = await tunnels.stream(2);
    second.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await streaming.untilIncludes('1\r\na\r\n');
    stand.proxy.endRoutes({ ended: ['service-other.test'], endedTargets: new Map([['service-app.test', ['other']]]) });
    expect(first.resetWith).toBeUndefined();
    stand.proxy.endRoutes({ ended: ['service-app.test'], endedTargets: new Map() });
    await waiting.untilIncludes('503 Service Unavailable');
    await streaming.ended;
    expect(streaming.text).not.toContain('0\r\n\r\n');
    expect(second.resetWith).toBe(RESET.CANCELLED);
  });
});

/** Lets what is on its way over loopback arrive: a round trip of a connection of its own. */
async function turns(): Promise<void> {
  const probe = await RawVisitor.connect(stand.port);
  probe.send('GET / HTTP/1.1\r\nHost: probe.invalid\r\nConnection: close\r\n\r\n');
  await probe.ended;
  probe.socket.destroy();
  await probe.closed;
  const at = stand.records.findIndex((r) => r.host === 'probe.invalid');
  if (at >= 0) stand.records.splice(at, 1);
}
