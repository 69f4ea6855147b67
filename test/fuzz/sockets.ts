/** Fuzz cases that need a server: each starts one for all of its rounds. A server that falls over fails the round. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { FakeTunnels } from '../support/fake-tunnels.ts';
import { block, FRAME, frame, getFields, RawH2 } from '../support/h2-client.ts';
import { proxyStand, RawVisitor, routeTo, targetAt } from '../support/proxy-stand.ts';
import { Bench } from '../unit/control/bench.ts';
import type { Chance } from './chance.ts';
import type { FuzzCase } from './fuzz.ts';
import { anyRequest } from './http1.ts';

export interface SocketCases extends AsyncDisposable {
  readonly cases: readonly FuzzCase[];
}

/** Starts the servers. */
export async function socketCases(): Promise<SocketCases> {
  await using cleanup = new AsyncDisposableStack();
  const routes = [routeTo(targetAt(3000)), routeTo(targetAt(3000), 'fuzzing.localhost')];
  const plain = await proxyStand({ tunnels: answering(), routes });
  cleanup.defer(() => plain.close());
  const secure = await proxyStand({ tunnels: answering(), routes, secure: true });
  cleanup.defer(() => secure.close());
  const bench = await Bench.start();
  cleanup.defer(() => bench.stop());
  const { credential } = await bench.join();
  const cases = [visitorSplits(plain.port), http2Garbage(secure.port), controlApi(bench, credential)];
  const running = cleanup.move();
  return { cases, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Origins that answer every empty line with what they were sent so far, but for what differs each time. */
function answering(): FakeTunnels {
  const tunnels = new FakeTunnels();
  const open = tunnels.open.bind(tunnels);
  tunnels.open = (agentId, request, handler) => {
    const stream = open(agentId, request, handler);
    const played = tunnels.streams.at(-1);
    // A long run must not remember every stream.
    tunnels.streams.length = 0;
    if (played !== undefined) {
      void played.untilReceived('\r\n\r\n').then(() =>
        setImmediate(() => {
          const text = played.received.replaceAll(/^X-Request-Id: .*\r\n/gm, '');
          played.send(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
        }),
      );
    }
    return stream;
  };
  return tunnels;
}

const LAST = 'GET /last HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';

/** A head that comes in pieces is read as if it had come at once. */
const visitorSplits = (port: number): FuzzCase => ({
  name: 'visitor-splits',
  async run(chance) {
    const request = anyRequest(chance);
    const head = request.slice(0, request.indexOf('\r\n\r\n') + 4);
    // What the origin has of a body when it answers hangs on time: only heads are compared.
    if (/^(?:content-length:[ \t]*0*[1-9]|transfer-encoding|expect)/im.test(head)) return 'a body';
    const bytes = Buffer.from(`${head}${LAST}`, 'latin1');
    const whole = await talk(port, [bytes]);
    const cuts = chance.cuts(bytes.length);
    const parts = cuts.slice(1).map((cut, at) => bytes.subarray(cuts[at], cut));
    assert.deepEqual(await talk(port, parts), whole);
    return whole[0] ?? 'nothing';
  },
});

/** Sends the parts one after the other; the status of each answer until the connection ends. */
async function talk(port: number, parts: readonly Buffer[]): Promise<readonly string[]> {
  const visitor = await RawVisitor.connect(port);
  for (const part of parts) {
    visitor.send(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  visitor.socket.end();
  await visitor.closed;
  return [...visitor.text.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => match[1] ?? '');
}

const GOOD_FRAMES = (chance: Chance): readonly Buffer[] => {
  const stream = chance.pick([0, 1, 3, 5, chance.below(2 ** 31)]);
  return [
    frame(FRAME.HEADERS, chance.pick([4, 5, 0, 1, 0x2c]), stream, getFields()),
    frame(
      FRAME.HEADERS,
      5,
      stream,
      block([
        ['x', 'y'],
        [':path', '/'],
        ['content-length', '5'],
      ]),
    ),
    frame(FRAME.DATA, chance.below(256), stream, chance.bytes(chance.below(50))),
    frame(FRAME.CONTINUATION, chance.below(8), stream, chance.bytes(chance.below(30))),
    frame(FRAME.WINDOW_UPDATE, 0, stream, chance.bytes(4)),
    frame(FRAME.RST_STREAM, 0, stream, chance.bytes(4)),
    frame(FRAME.SETTINGS, chance.below(2), 0, chance.bytes(6 * chance.below(5))),
    frame(FRAME.PING, chance.below(2), 0, chance.bytes(8)),
    frame(FRAME.PRIORITY, 0, stream, chance.bytes(5)),
    frame(FRAME.GOAWAY, 0, 0, chance.bytes(8 + chance.below(20))),
    frame(chance.below(256), chance.below(256), stream, chance.bytes(chance.below(60))),
  ];
};

/** Whatever frames come, the next visitor is served. */
const http2Garbage = (port: number): FuzzCase => ({
  name: 'http2-garbage',
  async run(chance) {
    const raw = await RawH2.connect(port, !chance.oneIn(10));
    const sent = Array.from({ length: 1 + chance.below(20) }, () =>
      chance.corrupted(chance.pick(GOOD_FRAMES(chance)), 2),
    );
    raw.send(...sent);
    raw.socket.end();
    await Promise.race([raw.closed, once(raw.socket, 'end').catch(() => {})]);
    raw.socket.destroy();
    const next = await RawH2.connect(port);
    next.send(frame(FRAME.HEADERS, 5, 1, getFields()));
    const answer = await next.frame((f) => f.stream === 1 && (f.type === FRAME.HEADERS || f.type === FRAME.RST_STREAM));
    next.socket.destroy();
    assert.equal(answer.type, FRAME.HEADERS);
    return raw.frames.some((f) => f.type === FRAME.GOAWAY) ? 'refused' : 'taken';
  },
});

const CALLS: readonly (readonly [method: string, path: string, body: unknown])[] = [
  ['POST', '/join', { token: 'phj_x', name: 'laptop' }],
  ['POST', '/services', { subdomain: 'shop', targets: [{ port: 3000 }] }],
  ['POST', '/services', { subdomain: 'db', mode: 'tcp', targets: [{ port: 5432 }] }],
  ['PATCH', '/services/x', { enabled: false }],
  ['DELETE', '/services/x', undefined],
  ['POST', '/exposures', { protocol: 'http', port: 3000 }],
  ['GET', '/services?limit=5', undefined],
  ['GET', '/log?status=2xx&cursor=x', undefined],
  ['GET', '/agents', undefined],
];
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  65_536,
  '',
  'x'.repeat(5000),
  '\0',
  '../..',
  '__proto__',
  [],
  {},
  [[[]]],
  { constructor: 1 },
  '\ud800',
  'ⅷ',
  'a\r\nb',
];
const PIECES: readonly string[] = [
  ...'{}[]",:\\/?#%&=0129 ',
  '%00',
  '%2e%2e/',
  '"__proto__":{"a":1},',
  '\u0000',
  '\ud800',
  '//',
  '%ff',
  '?a=b&a=b',
];

/** Whatever is asked of it, the API answers in JSON, and never with a fault of its own. */
const controlApi = (bench: Bench, credential: string): FuzzCase => ({
  name: 'control-api',
  async run(chance) {
    const [method, path, body] = chance.pick(CALLS);
    const place = chance.oneIn(3) ? asTarget(chance.mutated(path, PIECES)) : path;
    const sent = chance.oneIn(2)
      ? { body: altered(chance, body) }
      : { body: chance.mutated(JSON.stringify(body) ?? '{}', PIECES) };
    const reply = await bench.call(method, place, {
      ...(method === 'GET' ? {} : sent),
      ...(chance.oneIn(5) ? {} : { as: credential }),
    });
    assert.ok(reply.status < 500, `${method} ${place}: ${reply.status} ${reply.text}`);
    if (reply.status >= 400 && reply.headers['content-type']?.includes('json') === true)
      assert.equal(typeof reply.json.error, 'object', reply.text);
    return String(reply.status);
  },
});

/** Node's client sends no targets with other characters. */
const asTarget = (path: string): string => path.replaceAll(/[^\x21-\x7e]/g, '%20');

/** The input with one of its values replaced, at some depth, or one more. */
function altered(chance: Chance, input: unknown): unknown {
  if (typeof input !== 'object' || input === null || chance.oneIn(6)) return chance.pick(VALUES);
  const copy: Record<string, unknown> | unknown[] = Array.isArray(input) ? [...input] : { ...input };
  const key = chance.oneIn(5)
    ? chance.pick(['__proto__', 'constructor', 'x', 'id', 'toString'])
    : chance.pick([...Object.keys(copy), 'x']);
  Object.defineProperty(copy, key, {
    value: altered(chance, Reflect.get(copy, key)),
    enumerable: true,
    configurable: true,
  });
  return copy;
}
