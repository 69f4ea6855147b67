/**
 * Fuzz cases of what agents and proxies send: frames, sessions, handshakes, datagrams, ClientHello, PROXY headers,
 * answers to a CONNECT.
 */
import assert from 'node:assert/strict';
import { ClientHelloReader } from '../../edge/listen/client-hello.ts';
import { encodeProxyHeader, MAX_PROXY_HEADER, parseProxyHeader } from '../../edge/proxy-header.ts';
import { HEAD_LIMIT, readAnswer } from '../../main/agent/proxy-tunnel.ts';
import { DatagramReader, frameDatagram } from '../../shared/wire/datagram.ts';
import { FrameDecoder } from '../../shared/wire/decode.ts';
import { FRAME, type FrameType, HEADER } from '../../shared/wire/frame.ts';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from '../../shared/wire/handshake.ts';
import { decodeOpen, encodeOpen } from '../../shared/wire/open.ts';
import { alpn, hello, serverName } from '../unit/listen/hello-bytes.ts';
import { type NaiveFrame, naiveDecode, naiveEncode } from '../unit/wire/naive-frames.ts';
import { RecordedSession } from '../unit/wire/session-pair.ts';
import type { Chance } from './chance.ts';
import type { FuzzCase } from './fuzz.ts';

const TYPES = Object.values(FRAME);

/** Lengths of payload that each type may have; of the others any. */
const LENGTHS: Readonly<Record<number, (chance: Chance) => number>> = {
  [FRAME.FIN]: () => 0,
  [FRAME.WINDOW]: () => 4,
  [FRAME.OPENED]: () => 4,
  [FRAME.PING]: () => 8,
  [FRAME.PONG]: () => 8,
  [FRAME.DATA]: (chance) => 1 + chance.below(500),
  [FRAME.OPEN]: (chance) => 1 + chance.below(300),
};

/** Of a kind that a peer with an open tunnel may send, on streams that are likely to be there. */
function likelyFrame(chance: Chance, role: 'edge' | 'agent', next: () => number): NaiveFrame {
  const type = chance.pick([
    FRAME.DATA,
    FRAME.WINDOW,
    FRAME.FIN,
    FRAME.RESET,
    FRAME.PING,
    role === 'edge' ? FRAME.OPENED : FRAME.OPEN,
  ]);
  const length = LENGTHS[type]?.(chance) ?? 1 + chance.below(20);
  const payload = type === FRAME.WINDOW ? [0, 0, chance.below(256), 1] : [...chance.bytes(length)];
  return { type, stream: type === FRAME.PING ? 0 : type === FRAME.OPEN ? next() : 1 + chance.below(3), payload };
}

function anyFrame(chance: Chance): NaiveFrame {
  const type = chance.pick(TYPES);
  const length = chance.pick([0, 1, 2, 4, 8, 12, chance.below(130), chance.below(600)]);
  return { type, stream: chance.pick([0, 1, 2, 3, chance.below(2 ** 31)]), payload: [...chance.bytes(length)] };
}

interface Decoded {
  readonly frames: readonly NaiveFrame[];
  readonly violation: string | undefined;
}

function decode(bytes: Buffer, cuts: readonly number[]): Decoded {
  const frames: NaiveFrame[] = [];
  let data: { stream: number; left: number; payload: number[] } | undefined;
  const decoder = new FrameDecoder<Buffer, undefined>({
    onHeader(type, stream, length) {
      if (type === FRAME.DATA) data = { stream, left: length, payload: [] };
      return undefined;
    },
    onData(piece, start, end) {
      if (data === undefined) throw new Error('data without a header');
      data.payload.push(...piece.subarray(start, end));
      data.left -= end - start;
      assert.ok(data.left >= 0);
      if (data.left === 0) frames.push({ type: FRAME.DATA, stream: data.stream, payload: data.payload });
    },
    onControl(type, stream, payload) {
      frames.push({ type, stream, payload: [...payload] });
      return undefined;
    },
  });
  let violation: string | undefined;
  for (const [at, cut] of cuts.entries()) {
    const start = cuts[at - 1] ?? 0;
    violation = decoder.push(bytes, start, cut, undefined)?.reason;
  }
  return { frames, violation };
}

const frames: FuzzCase = {
  name: 'frames',
  run(chance) {
    const sent = Array.from({ length: 1 + chance.below(6) }, () => anyFrame(chance));
    const bytes = chance.corrupted(Buffer.from(naiveEncode(sent)), 1);
    const whole = decode(bytes, [bytes.length]);
    assert.deepEqual(decode(bytes, chance.cuts(bytes.length)), whole);
    // Whatever was taken is what a plain reading of the layout finds there.
    const length = whole.frames.reduce((sum, frame) => sum + HEADER + frame.payload.length, 0);
    assert.deepEqual(whole.frames, naiveDecode([...bytes.subarray(0, length)]));
    return whole.violation === undefined ? 'taken' : 'refused';
  },
};

/** A session that is fed whatever frames a peer may think of: never throws, and a violation is the end. */
const session: FuzzCase = {
  name: 'session',
  run(chance) {
    const role = chance.pick(['edge', 'agent'] as const);
    const recorded = new RecordedSession(role, { maxStreams: 4 });
    if (role === 'edge') for (let streams = chance.below(4); streams > 0; streams--) recorded.open();
    let received = 0;
    for (let count = 1 + chance.below(30); count > 0; count--) {
      const { type, stream, payload } = chance.oneIn(20)
        ? anyFrame(chance)
        : likelyFrame(chance, role, () => recorded.opened.length + 1);
      recorded.now += chance.below(100);
      const violation = recorded.frame(type as FrameType, stream, [...payload]);
      received += payload.length;
      assert.ok(recorded.opened.length <= received);
      if (violation !== undefined) {
        assert.match(violation.reason, /^[ -~]{1,120}$/);
        return 'refused';
      }
    }
    return 'taken';
  },
};

const HELLO = { protocol: 1, agentId: 'agent-1', credential: 'pha_secret', version: '1.0', name: 'laptop' };
const WELCOME = { protocol: 1, nodeId: 'node-1', version: '1.0', maxStreams: 100 };
const OPEN = {
  type: 'agent',
  host: 'localhost',
  port: 3000,
  tls: false,
  skipTlsVerify: false,
  connectTimeout: 5000,
} as const;
const JSON_PIECES = [
  ...'{}[]",:\\0129e-+ \u0000\u0001\u007f',
  'null',
  'true',
  '"__proto__":',
  '1e999',
  '"\\u0000"',
  '\\ud800',
  'é',
  '{"a":'.repeat(50),
];

/** A handshake's payload is refused or comes out with every part in its bounds. */
const handshake: FuzzCase = {
  name: 'handshake',
  run(chance) {
    const isHello = chance.oneIn(2);
    const frame = isHello
      ? encodeHello({ ...HELLO, link: 'l'.repeat(16) })
      : encodeWelcome({ ...WELCOME, carriers: 4, carrier: 1, workers: 2, worker: 1 });
    const text = Buffer.from(frame.subarray(HEADER)).toString('latin1');
    const payload = Buffer.from(chance.oneIn(3) ? text : chance.mutated(text, JSON_PIECES), 'latin1');
    const bytes = chance.oneIn(3) ? chance.corrupted(payload) : payload;
    if (isHello) {
      const result = decodeHello(bytes);
      if (!result.ok) return 'refused';
      assert.ok(
        result.value.agentId.length <= 64 && result.value.credential.length <= 256 && result.value.name.length <= 255,
      );
      return 'taken';
    }
    const result = decodeWelcome(bytes);
    if (result === undefined || !result.ok) return 'refused';
    assert.ok(Number.isInteger(result.value.maxStreams) && result.value.maxStreams > 0);
    return 'taken';
  },
};

/** What an agent takes for a request to dial is spelled like one. */
const open: FuzzCase = {
  name: 'open',
  run(chance) {
    const service = chance.oneIn(2) ? {} : { service: 'service-1' };
    const type = chance.pick(['agent', 'host', 'domain', 'subnet'] as const);
    const bytes = chance.corrupted(encodeOpen({ ...OPEN, ...service, type, port: 1 + chance.below(65535) }));
    const decoded = decodeOpen(bytes);
    if (decoded === undefined) return 'refused';
    assert.ok(decoded.host.length >= 1 && decoded.host.length <= 253 && /^[ -~]+$/.test(decoded.host));
    assert.deepEqual(decodeOpen(encodeOpen(decoded)), decoded);
    return 'taken';
  },
};

const datagrams: FuzzCase = {
  name: 'datagrams',
  run(chance) {
    const sent = Array.from({ length: 1 + chance.below(6) }, () =>
      chance.bytes(chance.pick([0, 1, chance.below(50), chance.below(3000)])),
    );
    const framed = Buffer.concat(
      sent.map((datagram) => {
        const into = new Uint8Array(datagram.length + 2);
        return into.subarray(0, frameDatagram(datagram, into));
      }),
    );
    assert.deepEqual(readDatagrams(framed, chance.cuts(framed.length)), {
      ok: true,
      read: sent.map((d) => d.toString('hex')),
    });
    const noise = chance.corrupted(framed);
    const whole = readDatagrams(noise, [0, noise.length]);
    assert.deepEqual(readDatagrams(noise, chance.cuts(noise.length)), whole);
    if (!whole.ok) return 'refused';
    return whole.read.length === sent.length ? 'taken' : 'more';
  },
};

function readDatagrams(bytes: Buffer, cuts: readonly number[]): { ok: boolean; read: string[] } {
  const reader = new DatagramReader();
  const read: string[] = [];
  for (const [at, cut] of cuts.entries()) {
    const taken = reader.push(bytes, cuts[at - 1] ?? 0, cut, (datagram) =>
      read.push(Buffer.from(datagram).toString('hex')),
    );
    if (!taken) return { ok: false, read };
  }
  return { ok: true, read };
}

const FAULTS: readonly unknown[] = ['not_tls', 'malformed', 'too_large', undefined];
const HELLOS = [
  hello({ extensions: [serverName('app.example.com'), alpn('h2', 'http/1.1')] }),
  hello({ extensions: [[21, new Uint8Array(300)], alpn('porthole/1+w3', 'porthole/1'), serverName('a.b')] }),
  hello({ bare: true }),
];

const clientHello: FuzzCase = {
  name: 'client-hello',
  run(chance) {
    const bytes = chance.corrupted(chance.pick(HELLOS), 4);
    const whole = readHello(bytes, [0, bytes.length]);
    assert.deepEqual(readHello(bytes, chance.cuts(bytes.length)), whole);
    if (typeof whole !== 'object') {
      assert.ok(FAULTS.includes(whole));
      return whole ?? 'more';
    }
    assert.match(whole.serverName ?? 'none', /^[a-z0-9._-]+$/);
    return 'taken';
  },
};

function readHello(bytes: Buffer, cuts: readonly number[]): ReturnType<ClientHelloReader['push']> {
  const reader = new ClientHelloReader();
  for (const [at, cut] of cuts.entries()) {
    const answer = reader.push(bytes.subarray(cuts[at - 1] ?? 0, cut));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

const PROXY_HEADERS = [
  Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n'),
  Buffer.from('PROXY UNKNOWN\r\n'),
  encodeProxyHeader({ address: '192.0.2.1', port: 56324 }, { address: '198.51.100.1', port: 443 }),
  encodeProxyHeader({ address: '2001:db8::1', port: 1 }, { address: '2001:db8::2', port: 2 }),
];

/** A header that is taken is taken at its last byte and never before, and what follows changes nothing. */
const proxyHeader: FuzzCase = {
  name: 'proxy-header',
  run(chance) {
    const header = chance.corrupted(chance.pick(PROXY_HEADERS));
    const bytes = Buffer.concat([header, chance.bytes(chance.below(20))]);
    const answer = parseProxyHeader(bytes);
    if (typeof answer !== 'object') return answer ?? 'more';
    assert.ok(answer.length <= MAX_PROXY_HEADER && answer.length <= bytes.length);
    for (let length = 0; length < answer.length; length++)
      assert.equal(parseProxyHeader(bytes.subarray(0, length)), undefined);
    assert.deepEqual(parseProxyHeader(bytes.subarray(0, answer.length)), answer);
    const { source } = answer;
    if (source !== undefined) {
      const again = parseProxyHeader(encodeProxyHeader(source, source));
      assert.deepEqual(typeof again === 'object' ? again.source : again, source);
    }
    return 'taken';
  },
};

const PROXY_ANSWERS = [
  Buffer.from('HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n'),
  Buffer.from('HTTP/1.0 200\r\n\r\n'),
  Buffer.from('HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'),
  Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
  Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(HEAD_LIMIT - 30)}\r\n\r\n`),
];

/** An answer to a CONNECT is the same however it comes, is known at the last byte of its head, and has a bound. */
const proxyAnswer: FuzzCase = {
  name: 'proxy-answer',
  run(chance) {
    const bytes = Buffer.concat([chance.corrupted(chance.pick(PROXY_ANSWERS)), chance.bytes(chance.below(20))]);
    const whole = readAnswer(bytes);
    let length = 0;
    while (length < bytes.length && readAnswer(bytes.subarray(0, length)) === 'more') length++;
    const first = readAnswer(bytes.subarray(0, length));
    if (typeof whole === 'string') {
      assert.equal(first, whole);
      return whole;
    }
    assert.ok(length <= HEAD_LIMIT);
    assert.deepEqual(first, { status: whole.status, rest: Buffer.alloc(0) });
    assert.deepEqual(whole.rest, bytes.subarray(length));
    return 'taken';
  },
};

export const WIRE_CASES: readonly FuzzCase[] = [
  frames,
  session,
  handshake,
  open,
  datagrams,
  clientHello,
  proxyHeader,
  proxyAnswer,
];
