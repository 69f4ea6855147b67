/** The bounds of one visitor's HTTP/2 connection, driven against a real edge. */
import { once } from 'node:events';
import http2, { constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { expect } from 'vitest';
import { proxyHeader, reachTls } from '../support/attacks.ts';
import { dial } from '../support/direct.ts';
import { block, FRAME, type Frame, frame, RawH2 } from '../support/h2-client.ts';
import { linkLaptop, publish, type RunningEdge, startApp } from './edge-stand.ts';
import { driveBounds, LimitedEdge, times } from './limits-stand.ts';

const low = new LimitedEdge('h2-resets=10', 'h2-reset-rate=1', 'h2-control-rate=10', 'h2-held=4MiB');
const lower = new LimitedEdge('h2-streams=3', 'h2-overhead-rate=4KiB');

const fields = (host: string, method = 'GET'): Buffer =>
  block([
    [':method', method],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', host],
  ]);
/** A request that nobody serves: its answer comes at once. */
const request = (stream: number, host = 'nobody.localhost'): Buffer => frame(FRAME.HEADERS, 5, stream, fields(host));
const upload = (stream: number, host = 'nobody.localhost'): Buffer =>
  frame(FRAME.HEADERS, 4, stream, fields(host, 'POST'));
const cancel = (stream: number): Buffer => frame(FRAME.RST_STREAM, 0, stream, Buffer.of(0, 0, 0, 8));
const ping = (mark: number): Buffer => frame(FRAME.PING, 0, 0, Buffer.alloc(8, mark));
const isPong = (mark: number) => (f: Frame) => f.type === FRAME.PING && f.flags === 1 && f.payload[0] === mark;
/** The last frame of the answer in one of `streams`. */
const isEnd =
  (...streams: number[]) =>
  (f: Frame) =>
    (f.type === FRAME.HEADERS || f.type === FRAME.DATA) && (f.flags & 1) === 1 && streams.includes(f.stream);

/** `count` requests that are broken off at once. */
const broken = (from: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, n) => Buffer.concat([upload(from + 2 * n), cancel(from + 2 * n)]));

/** A connection of a visitor from `from`; one whose connections were ended too often would be offered HTTP/1.1 only. */
async function secured(edge: RunningEdge, from: string, host = 'nobody.localhost') {
  const { httpsPort, httpPort = 0 } = edge.ready;
  const socket = await reachTls({ httpsPort, httpPort, tcpPort: 0, udpPort: 0, host, from }, 'h2');
  if (socket === undefined) throw new Error('not taken');
  return socket.on('end', () => socket.destroy());
}

async function visitor(edge: RunningEdge, from: string, host?: string): Promise<RawH2> {
  const raw = new RawH2(await secured(edge, from, host));
  raw.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.SETTINGS, 0, 0));
  return raw;
}

let deaf: Promise<unknown> | undefined;

/** A service at `deaf.localhost`, of a laptop that takes what its windows allow and reads none of it. */
async function publishDeaf(edge: RunningEdge): Promise<void> {
  const joined = await low.joined();
  deaf ??= linkLaptop(edge, joined, undefined, (stream) => {
    stream.opened(1);
    return { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
  }).then(() => publish(edge, joined, 'deaf', [{ port: 9 }]));
  await deaf;
}

/** It was told ENHANCE_YOUR_CALM, or its last bytes were lost with the connection. */
async function isCut(raw: RawH2): Promise<void> {
  expect([constants.NGHTTP2_ENHANCE_YOUR_CALM, -1]).toContain(await raw.goneWith());
}

driveBounds('http2', {
  h2Streams: {
    edge: lower,
    seen: 'one more is refused, told so that it may come again, and does when there is room',
    uncounted: true,
    async go(edge) {
      const held: (() => void)[] = [];
      const app = await startApp((_, response) => void held.push(() => response.end('here')));
      lower.defer(async () => app[Symbol.asyncDispose]());
      await lower.publish('held', app.port);
      const raw = await visitor(edge, '198.51.100.1', 'held.localhost');
      raw.send(...[1, 3, 5, 7].map((stream) => request(stream, 'held.localhost')));
      const refusal = await raw.frame((f) => f.type === FRAME.RST_STREAM);
      expect([refusal.stream, refusal.payload.readUInt32BE(0)]).toEqual([7, constants.NGHTTP2_REFUSED_STREAM]);
      await expect.poll(() => held.length).toBe(3);
      held[0]?.();
      await raw.frame(isEnd(1, 3, 5));
      raw.send(request(9, 'held.localhost'));
      await expect.poll(() => held.length).toBe(4);
      for (const answer of held) answer();
      for (const stream of [1, 3, 5, 9]) await raw.frame(isEnd(stream));
      raw.socket.destroy();
    },
  },
  h2OverheadRate: {
    edge: lower,
    seen: 'the connection is cut when the second is over',
    told: { address: expect.stringMatching(/^198\.51\.101\./) },
    async go(edge) {
      await times(3, async (n) => {
        const raw = await visitor(edge, `198.51.101.${n}`);
        raw.send(...new Array<Buffer>(1000).fill(frame(FRAME.PRIORITY, 0, 3, Buffer.of(0, 0, 0, 0, 16))));
        await isCut(raw);
      });
    },
  },
  h2Resets: {
    edge: low,
    seen: 'the connection is cut',
    told: { address: expect.stringMatching(/^198\.51\.102\./) },
    async go(edge) {
      await times(3, async (n) => {
        const raw = await visitor(edge, `198.51.102.${n}`);
        raw.send(...broken(1, 40));
        await isCut(raw);
      });
    },
  },
  h2ResetRate: {
    edge: low,
    seen: 'the connection is cut, though it never breaks off much at once',
    told: { address: expect.stringMatching(/^198\.51\.103\./) },
    async go(edge) {
      const isWide = (f: Frame): boolean => f.type === FRAME.SETTINGS && f.payload.includes(Buffer.of(0, 4, 0, 16));
      await publishDeaf(edge);
      await times(3, async (n) => {
        const raw = await visitor(edge, `198.51.103.${n}`, 'deaf.localhost');
        raw.send(...broken(1, 8), ping(1));
        await raw.frame(isPong(1));
        // With the next look at the connection, an upload gets a large window: then a second is over.
        raw.send(upload(101, 'deaf.localhost'));
        await raw.frame(isWide);
        // Never ten at once, and too many for some seconds more.
        raw.send(...broken(201, 9));
        await isCut(raw);
      });
    },
  },
  h2ControlRate: {
    edge: low,
    seen: 'the connection is cut',
    told: { address: expect.stringMatching(/^198\.51\.104\./) },
    async go(edge) {
      await times(3, async (n) => {
        const raw = await visitor(edge, `198.51.104.${n}`);
        raw.send(...Array.from({ length: 40 }, (_, i) => ping(i)));
        await isCut(raw);
      });
    },
  },
  h2Held: {
    edge: low,
    seen: 'the connection is cut',
    times: 1,
    told: { address: '198.51.105.1' },
    async go(edge) {
      await publishDeaf(edge);
      const socket = await dial(edge.ready.httpsPort);
      socket.write(proxyHeader('198.51.105.1'));
      const secure = connectTls({ socket, servername: 'deaf.localhost', ca: edge.ca, ALPNProtocols: ['h2'] });
      secure.on('end', () => secure.destroy());
      const session = http2.connect('https://deaf.localhost', { createConnection: () => secure }).on('error', () => {});
      const closed = new Promise((resolve) => session.once('close', resolve));
      await once(session, 'remoteSettings');
      // More than the windows of the tunnel take, wide as some of them begin.
      const body = Buffer.alloc(4 << 20);
      for (let n = 0; n < 100; n++)
        session
          .request({ ':method': 'POST', ':path': '/' })
          .on('error', () => {})
          .end(body);
      await closed;
      socket.destroy();
    },
  },
});
