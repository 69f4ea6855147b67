import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as dialTcp, createServer as listenTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Inspector } from '../../../main/agent/inspect/inspector.ts';
import type { StreamTap } from '../../../main/agent/inspect/stream-tap.ts';
import type { DialOrigin } from '../../../main/agent/origin-stream.ts';
import { MASK } from '../../../shared/contract/inspect.ts';
import { ok } from '../../../shared/domain/result.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { feed, fromBase64, inspectorStand, tapOf, targetAt } from '../../support/inspector-stand.ts';
import { seededRandom } from '../../support/random.ts';

/** Bytes as they passed, in their order. */
type Tape = readonly (readonly [side: 'fromVisitor' | 'fromOrigin', bytes: Buffer])[];

type Answer = (stream: ServerHttp2Stream, fields: Record<string, unknown>, body: Buffer) => void;

/** A server of HTTP/2 that answers when a request is whole. */
async function origin(answer: Answer) {
  const server = createServer({ paddingStrategy: constants.PADDING_STRATEGY_MAX });
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    const parts: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => answer(stream, fields, Buffer.concat(parts)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Lets `talk` talk to a server, and resolves with everything that passed between them. */
async function record(answer: Answer, talk: (session: ClientHttp2Session) => Promise<void>): Promise<Tape> {
  const tape: (readonly ['fromVisitor' | 'fromOrigin', Buffer])[] = [];
  await using server = await origin(answer);
  const proxy = listenTcp((near) => {
    const far = dialTcp(server.port, '127.0.0.1');
    near.on('data', (bytes: Buffer) => {
      tape.push(['fromVisitor', bytes]);
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => {
      tape.push(['fromOrigin', bytes]);
      near.write(bytes);
    });
    near.on('close', () => far.destroy()).on('error', () => undefined);
    far.on('close', () => near.destroy()).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`, { paddingStrategy: constants.PADDING_STRATEGY_MAX });
  await talk(session);
  session.close();
  await once(session, 'close');
  proxy.close();
  await once(proxy, 'close');
  return tape;
}

/** Sends one request and waits until it is over. */
async function ask(session: ClientHttp2Session, fields: Record<string, string | string[]>, body?: string) {
  const stream = session.request(fields, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  stream.on('error', () => undefined).resume();
  // A stream that is reset has its error, too.
  await new Promise((resolve) => stream.on('close', resolve));
}

const play = (tap: StreamTap, tape: Tape, step?: number): void => {
  for (const [side, bytes] of tape) feed(tap, side, bytes, step);
};

/** A frame as it is on the wire. */
function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = frame(4, 0, 0);
/** HEADERS of `GET /`, whole. */
const GET = (stream: number, flags = 5): Buffer => frame(1, flags, stream, Buffer.from([0x82, 0x86, 0x84]));
const OK = (stream: number, flags = 5): Buffer => frame(1, flags, stream, Buffer.from([0x88]));

/** A conversation with everything that has a place in one: bodies, trailers, large heads, resets, many at once. */
async function conversation(): Promise<Tape> {
  const large = 'l'.repeat(40_000);
  return await record(
    (stream, fields, body) => {
      const path = String(fields[':path']);
      if (path === '/reset') return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      if (path === '/large') return stream.respond({ ':status': 200, 'x-large': large }, { endStream: true });
      if (path === '/early') stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      const more = path === '/call' ? { waitForTrailers: true } : {};
      stream.respond({ ':status': path === '/made' ? 201 : 200, 'content-type': 'text/plain; charset=utf-8' }, more);
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5', 'x-session-token': 'S3CRET' }));
      stream.end(fields[':method'] === 'HEAD' ? undefined : `${path} ${body}`);
    },
    async (session) => {
      await ask(session, { ':path': '/first', ':authority': 'shop.example.com', cookie: ['a=1', 'b=2'] });
      await ask(session, { ':path': '/made', ':method': 'POST', authorization: 'Bearer S3CRET' }, 'hello');
      await Promise.all(
        ['/a', '/b', '/c', '/d'].map((path) =>
          ask(session, { ':path': path, ':method': 'PUT', 'x-what': path }, path.repeat(20_000)),
        ),
      );
      await ask(session, { ':path': '/large', 'x-large': large });
      await ask(session, { ':path': '/early' });
      await ask(session, { ':path': '/head', ':method': 'HEAD' });
      await ask(session, { ':path': '/call', ':method': 'POST', 'content-type': 'application/grpc' }, 'grpc');
      await ask(session, { ':path': '/reset' });
      await ask(session, { ':path': '/last?token=S3CRET', 'x-what': '/a' });
    },
  );
}

describe('a connection of HTTP/2', () => {
  it('is read however it is cut into pieces, its secrets kept from view', async () => {
    const tape = await conversation();
    for (const step of [1, 2, 3, 7, 9, 10, 100, Infinity]) {
      const { open, list, detail, told, inspector } = inspectorStand();
      const tap = open();
      tap.opened(1500, false);
      play(tap, tape, step);
      tap.originEnded();
      const rows = list().map((e) => [e.method, e.path, e.status, e.state, e.requestBytes, e.responseBytes]);
      const [last, reset, call, head, early, largest, ...rest] = rows;
      expect([last, reset, call, head, early, largest]).toEqual([
        ['GET', `/last?token=${MASK}`, 200, 'done', 0, 19],
        ['GET', '/reset', undefined, 'broken', 0, 0],
        ['POST', '/call', 200, 'done', 4, 10],
        ['HEAD', '/head', 200, 'done', 0, 0],
        ['GET', '/early', 200, 'done', 0, 7],
        ['GET', '/large', 200, 'done', 0, 0],
      ]);
      expect(
        rest
          .slice(0, 4)
          .map((row) => row.join(' '))
          .sort(),
      ).toEqual(['/a', '/b', '/c', '/d'].map((path) => `PUT ${path} 200 done 40000 40003`));
      expect(rest.slice(4)).toEqual([
        ['POST', '/made', 201, 'done', 5, 11],
        ['GET', '/first', 200, 'done', 0, 7],
      ]);
      const all = await Promise.all(list().map(({ id }) => detail(id)));
      const of = (path: string) => all.find(({ summary }) => summary.path === path);
      expect(JSON.stringify(all)).not.toContain('S3CRET');
      expect(all.every(({ summary }) => summary.http2)).toBe(true);
      expect(of('/first')?.request.headers).toEqual([
        { name: 'host', value: 'shop.example.com' },
        { name: 'cookie', value: `a=${MASK}`, masked: true },
        { name: 'cookie', value: `b=${MASK}`, masked: true },
      ]);
      expect([of('/first')?.timing.connect, of('/made')?.timing.connect]).toEqual([1.5, undefined]);
      expect(fromBase64(of('/made')?.request.body.base64 ?? '')).toBe('hello');
      expect(fromBase64(of('/b')?.request.body.base64 ?? '')).toBe('/b'.repeat(20_000));
      expect(of('/large')?.response?.headers.find(({ name }) => name === 'x-large')?.value).toHaveLength(40_000);
      expect(of('/call')?.response?.trailers).toEqual([
        { name: 'grpc-status', value: '5' },
        { name: 'x-session-token', value: MASK, masked: true },
      ]);
      expect(told()?.unreadable).toEqual([]);
      inspector.clear();
      expect(inspector.used).toBe(0);
    }
  });

  it('is known by its origin’s first words too, and by what was agreed on in the handshake', () => {
    for (const agreed of [false, true]) {
      const { open, list } = inspectorStand();
      const tap = open();
      if (agreed) tap.opened(10, true);
      tap.fromOrigin(SETTINGS, 0, SETTINGS.length);
      play(tap, [
        ['fromVisitor', Buffer.concat([PREFACE, SETTINGS, GET(1)])],
        ['fromOrigin', OK(1)],
      ]);
      expect(list()).toMatchObject([{ path: '/', status: 200, state: 'done', http2: true }]);
    }
  });

  it('that turns out not to be one is said to be unreadable', () => {
    for (const tape of [
      [['fromVisitor', Buffer.concat([PREFACE, GET(1)])]],
      [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, frame(5, 4, 1, '\0\0\0\x02')])]],
      [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, frame(9, 4, 1, '\x82')])]],
      [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, frame(0, 8, 1, '\x09ab')])]],
      [
        ['fromOrigin', SETTINGS],
        ['fromVisitor', Buffer.from('GET / HTTP/1.1\r\n')],
      ],
    ] satisfies Tape[]) {
      const { open, list, told } = inspectorStand();
      play(open(), tape);
      expect([list(), told()?.unreadable]).toEqual([[], ['shop']]);
    }
  });

  it('that cannot be followed any further says so of what was under way, for as long as it is there', () => {
    const { open, list, told } = inspectorStand();
    const tap = open();
    play(tap, [
      ['fromVisitor', Buffer.concat([PREFACE, SETTINGS, GET(1), GET(3)])],
      [
        'fromOrigin',
        Buffer.concat([SETTINGS, OK(1), frame(1, 4, 3, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))]),
      ],
    ]);
    expect(list().map((e) => [e.state, e.status])).toEqual([
      ['lost', undefined],
      ['done', 200],
    ]);
    play(tap, [['fromVisitor', GET(5)]]);
    expect(list()).toHaveLength(2);
    // Another connection is read, which doesn't make this one readable.
    play(open(), [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, GET(1)])]]);
    expect(told()?.unreadable).toEqual(['shop']);
    tap.stop();
    play(open(), [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, GET(1)])]]);
    expect(told()?.unreadable).toEqual([]);
  });

  it('costs no more memory than it is given, whatever it says', () => {
    const many = (make: (at: number) => Buffer, count: number): Buffer =>
      Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));
    for (const words of [
      // A head without an end, in pieces, and in very many of them.
      Buffer.concat([frame(1, 1, 1, '\x82\x86\x84'), many(() => frame(9, 0, 1, 'x'.repeat(16_000)), 5)]),
      Buffer.concat([frame(1, 1, 1, '\x82\x86\x84'), many(() => frame(9, 0, 1), 1000)]),
      frame(1, 4, 1, Buffer.alloc(70_000)),
      // More requests at once than anybody has.
      many((at) => GET(1 + 2 * at), 300),
    ]) {
      const { open, told, inspector } = inspectorStand();
      play(open(), [['fromVisitor', Buffer.concat([PREFACE, SETTINGS, words])]]);
      expect(told()?.unreadable).toEqual(['shop']);
      inspector.clear();
      expect(inspector.used).toBe(0);
    }
  });

  it('has one trailer a side, however many are sent, and none once it is forgotten', () => {
    const { open, inspector } = inspectorStand();
    const tap = open();
    const field = (size: number): Buffer => Buffer.concat([Buffer.from([0, 1, 0x78, size]), Buffer.alloc(size, 'y')]);
    const trailers = (size: number): Buffer => frame(1, 4, 1, field(size));
    play(tap, [
      ['fromVisitor', Buffer.concat([PREFACE, SETTINGS, GET(1, 4)])],
      ['fromOrigin', Buffer.concat([SETTINGS, OK(1, 4)])],
    ]);
    const before = inspector.used;
    for (let i = 0; i < 100; i++)
      play(tap, [
        ['fromVisitor', trailers(100)],
        ['fromOrigin', trailers(10)],
      ]);
    expect(inspector.used - before).toBe(1 + 100 + 64 + 1 + 10 + 64);
    inspector.clear();
    play(tap, [['fromOrigin', trailers(100)]]);
    expect(inspector.used).toBe(0);
  });

  it('may be damaged anywhere, without harm', async () => {
    const tape = await conversation();
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const { open, inspector } = inspectorStand();
      const tap = open();
      for (const [side, bytes] of tape) {
        const copy = Buffer.from(bytes);
        if (random() < 0.1) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
        tap[side](copy, 0, copy.length);
      }
      tap.stop();
      expect(inspector.list({ limit: 200 }).exchanges.every(({ state }) => state !== 'open')).toBe(true);
      inspector.clear();
      expect(inspector.used).toBe(0);
    }
  });
});

describe('a replay over HTTP/2', () => {
  it('sends the same again with its real secrets, body and all, and shows the answer with its trailers', async () => {
    const seen: Record<string, unknown>[] = [];
    await using server = await origin((stream, fields, body) => {
      seen.push({ ...fields, body: body.toString() });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      // More than one window.
      stream.end('x'.repeat(200_000));
    });
    const tape = await record(
      (stream) => stream.respond({ ':status': 200 }, { endStream: true }),
      (session) =>
        ask(
          session,
          { ':method': 'POST', ':path': '/call?token=real', ':authority': 'shop', authorization: 'Bearer real' },
          'y'.repeat(100_000),
        ),
    );
    const inspector = new Inspector(systemClock);
    inspector.set('shop', true);
    play(tapOf(inspector, targetAt(server.port)), tape);
    const dial: DialOrigin = async ({ port }) => {
      const socket = dialTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      return ok({ socket, dialMicros: 10, http2: false });
    };
    const over = new Promise<void>((resolve) => {
      inspector.on(({ changed }) => changed.some((e) => e.id === 2 && e.state !== 'open') && resolve());
    });
    const sent = await inspector.replay(1, undefined, dial);
    expect(sent).toMatchObject({ ok: true, value: { id: 2, replayOf: 1, path: `/call?token=${MASK}`, http2: true } });
    await over;
    expect(seen).toMatchObject([
      {
        ':method': 'POST',
        ':path': '/call?token=real',
        ':authority': 'shop',
        authorization: 'Bearer real',
        te: 'trailers',
        body: 'y'.repeat(100_000),
      },
    ]);
    const got = await inspector.get(2);
    if (!got.ok) throw new Error(got.error.code);
    expect(got.value).toMatchObject({
      summary: { status: 200, state: 'done', responseBytes: 200_000 },
      response: { trailers: [{ name: 'grpc-status', value: '0' }] },
    });
    expect(await inspector.replay(1, { headers: [{ name: 'http2-settings', value: 'a' }] }, dial)).toMatchObject({
      error: { code: 'replay_impossible' },
    });
    inspector.close();
  });
});
