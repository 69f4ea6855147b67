/** Bounds of a real edge, set by `--limit`: what is refused there, and what the metrics and the log say of it. */

import { createSocket } from 'node:dgram';
import { constants } from 'node:http2';
import { afterAll, describe, expect, it } from 'vitest';
import { DatagramReader } from '../../shared/wire/datagram.ts';
import { block, FRAME, type Frame, frame, RawH2 } from '../support/h2-client.ts';
import {
  call,
  EMBEDDED,
  joinEdge,
  linkLaptop,
  probe,
  publish,
  type RunningEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

async function edgeWith(...limits: readonly string[]): Promise<RunningEdge> {
  const folder = stack.use(temporaryFolder());
  return stack.use(await startEdge(folder.path, [...EMBEDDED, ...limits.flatMap((limit) => ['--limit', limit])]));
}

async function refused(edge: RunningEdge, bound: string): Promise<number> {
  const { body } = await probe(edge, '/metrics');
  return Number(new RegExp(`^porthole_refused_total\\{bound="${bound}"\\} (\\d+)$`, 'm').exec(body)?.[1]);
}

/** What the log says of `bound`, line by line. */
const linesOf = (edge: RunningEdge, bound: string): unknown[] =>
  edge
    .log()
    .split('\n')
    .filter((line) => line.includes('"a bound was reached"'))
    .map((line) => JSON.parse(line) as { readonly bound: string })
    .filter((line) => line.bound === bound);

/** A UDP service of a laptop that takes nothing until it is told to, and a visitor who sends numbered datagrams. */
async function slowDatagrams(edge: RunningEdge) {
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  const received: number[] = [];
  const reader = new DatagramReader();
  let owed = 0;
  let catchUp = (): void => {};
  let reads = false;
  await linkLaptop(edge, joined, undefined, (stream) => {
    stream.opened(1);
    catchUp = () => {
      reads = true;
      stream.consumed(owed);
      owed = 0;
    };
    return {
      onData(buffer, start, end) {
        reader.push(buffer, start, end, (datagram) => received.push(Buffer.from(datagram).readUInt32BE(0)));
        if (reads) stream.consumed(end - start);
        else owed += end - start;
      },
      onEnd() {},
      onReset() {},
      onWritable() {},
    };
  });
  const input = { subdomain: 'datagrams', mode: 'udp', targets: [{ port: 9 }] };
  const { value } = await call(edge, 'POST', '/services', joined.credential, input);
  const { listenPort } = value as { readonly listenPort: number };
  const visitor = createSocket('udp4');
  stack.defer(() => void visitor.close());
  let sent = 0;
  /** The next datagram of `size` bytes, its number in front. When it returns the edge has read it. */
  const send = async (size: number): Promise<void> => {
    const datagram = Buffer.alloc(size);
    datagram.writeUInt32BE(++sent);
    await new Promise<void>((resolve) => visitor.send(datagram, listenPort, '127.0.0.1', () => resolve()));
    // Its loop has gone round: what came before this question was read.
    await probe(edge, '/healthz/live');
  };
  const first = async (): Promise<number> => {
    await send(4);
    return received.length;
  };
  await expect.poll(first, { timeout: 10_000 }).toBeGreaterThan(0);
  return { send, received, sent: () => sent, catchUp: () => catchUp() };
}

describe('datagrams for a slow laptop', () => {
  it('beyond udp-queue push out the oldest, counted and told in few lines', async () => {
    const edge = await edgeWith('udp-queue=8');
    const { send, received, sent, catchUp } = await slowDatagrams(edge);
    for (let n = 0; n < 400; n++) await send(2_000);
    expect(await refused(edge, 'udp-queue')).toBeGreaterThan(20);
    const [line, ...more] = linesOf(edge, 'udp-queue');
    expect(line).toMatchObject({ limit: 8, address: '127.0.0.1' });
    // One in ten seconds, however slow this machine is.
    expect(more.length).toBeLessThan(5);
    const last = sent();
    catchUp();
    await expect.poll(() => received.at(-1), { timeout: 10_000 }).toBe(last);
    // The newest have waited; those in front of them are gone, and nothing has changed its place.
    expect(received.slice(-8)).toEqual(Array.from({ length: 8 }, (_, n) => last - 7 + n));
    expect(last - received.length).toBeGreaterThan(20);
    expect(received).toEqual([...received].sort((a, b) => a - b));
  });

  it('beyond udp-queue-size push out the oldest, however few they are', async () => {
    const edge = await edgeWith('udp-queue=65536', 'udp-queue-size=64KiB');
    const { send, received, sent, catchUp } = await slowDatagrams(edge);
    // Three of them fit.
    for (let n = 0; n < 30; n++) await send(20_000);
    const last = sent();
    catchUp();
    await expect.poll(() => received.at(-1), { timeout: 10_000 }).toBe(last);
    expect(received.slice(-3)).toEqual([last - 2, last - 1, last]);
    expect(received).not.toContain(last - 3);
    expect(last - received.length).toBeGreaterThan(10);
  });
});

describe('streams of one HTTP/2 connection', () => {
  const fields = block([
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', 'held.localhost'],
  ]);
  const request = (stream: number): Buffer => frame(FRAME.HEADERS, 5, stream, fields);
  const isAnswer = (stream: number) => (f: Frame) => f.type === FRAME.HEADERS && f.stream === stream;

  it('beyond h2-streams are refused, told so that they may come again, and do when there is room', async () => {
    const edge = await edgeWith('h2-streams=3');
    const held: (() => void)[] = [];
    const app = stack.use(await startApp((_, response) => void held.push(() => response.end('here'))));
    const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
    await linkLaptop(edge, joined);
    await publish(edge, joined, 'held', [{ port: app.port }]);
    const visitor = await RawH2.connect(edge.ready.httpsPort, true, 'held.localhost');
    stack.defer(() => void visitor.socket.destroy());
    visitor.send(...[1, 3, 5, 7].map(request));
    const refusal = await visitor.frame((f) => f.type === FRAME.RST_STREAM);
    expect([refusal.stream, refusal.payload.readUInt32BE(0)]).toEqual([7, constants.NGHTTP2_REFUSED_STREAM]);
    await expect.poll(() => held.length).toBe(3);
    held[0]?.();
    await visitor.frame(isAnswer(1));
    visitor.send(request(9));
    await expect.poll(() => held.length).toBe(4);
    for (const answer of held) answer();
    for (const stream of [3, 5, 9]) await visitor.frame(isAnswer(stream));
  });
});
