/** The bounds of one visitor's HTTP, driven against a real edge. */
import { expect } from 'vitest';
import { block, FRAME, frame, RawH2 } from '../support/h2-client.ts';
import { RawVisitor } from '../support/proxy-stand.ts';
import { type RunningEdge, startApp } from './edge-stand.ts';
import { driveBounds, LimitedEdge, times } from './limits-stand.ts';

// Long enough that whatever doesn't wait for one of the times is over before it, where this machine stands still too.
const low = new LimitedEdge(
  'header-size=2KiB',
  'header-fields=10',
  'header-time=6s',
  'idle-time=6s',
  'body-idle-time=6s',
  'body-rate=1MiB',
  'read-idle-time=6s',
);

let published: Promise<void> | undefined;

/** An app at `app.localhost` that takes whole bodies and says `here`. */
async function publishApp(): Promise<void> {
  const app = await startApp((request, response) => {
    request
      .resume()
      .on('error', () => {})
      .once('end', () => response.end('here'));
  });
  low.defer(async () => app[Symbol.asyncDispose]());
  await low.publish('app', app.port);
}

/** `count` visitors of the app over plain HTTP, who have sent `text`. */
async function visitors(edge: RunningEdge, count: number, text: string): Promise<RawVisitor[]> {
  published ??= publishApp();
  await published;
  return times(count, async () => {
    const visitor = await RawVisitor.connect(edge.ready.httpPort ?? 0);
    visitor.send(text);
    return visitor;
  });
}

/** All of them are told `status`, and their connections end. */
async function allTold(all: readonly RawVisitor[], status: number): Promise<void> {
  for (const visitor of all) {
    await visitor.untilIncludes(`HTTP/1.1 ${status} `);
    expect(visitor.text).toMatch(/\r\nConnection: close\r\n/i);
    await visitor.ended;
    visitor.socket.destroy();
  }
}

const GET = 'GET / HTTP/1.1\r\nHost: app.localhost\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 1000\r\n\r\n';
const told = { address: '127.0.0.1' };

driveBounds('http', {
  headerSize: {
    edge: low,
    seen: '431, and the connection ends',
    times: 5,
    told,
    go: async (edge) => allTold(await visitors(edge, 5, `${GET}X: ${'x'.repeat(2048)}`), 431),
  },
  headerFields: {
    edge: low,
    seen: '431',
    times: 5,
    told,
    async go(edge) {
      const all = await visitors(edge, 5, `${GET}${'X: y\r\n'.repeat(10)}\r\n`);
      for (const visitor of all) await visitor.untilIncludes('HTTP/1.1 431 ');
      for (const { socket } of all) socket.destroy();
    },
  },
  headerTime: {
    edge: low,
    seen: '408, or the end of an HTTP/2 connection that does not begin',
    times: 6,
    told,
    async go(edge) {
      const mute = await RawH2.connect(edge.ready.httpsPort, false, 'app.localhost');
      await allTold(await visitors(edge, 5, GET), 408);
      await mute.closed;
    },
  },
  idleTime: {
    edge: low,
    seen: 'the connection ends in order',
    uncounted: true,
    async go(edge) {
      const [visitor] = await visitors(edge, 1, `${GET}\r\n`);
      await visitor?.untilIncludes('here');
      await visitor?.ended;
      expect(visitor?.error).toBeUndefined();
      visitor?.socket.destroy();
    },
  },
  bodyIdleTime: {
    edge: low,
    seen: '408, and the connection ends',
    times: 5,
    told,
    go: async (edge) => allTold(await visitors(edge, 5, POST), 408),
  },
  bodyRate: {
    edge: low,
    seen: '408, and the connection ends, though bytes keep coming',
    times: 5,
    told,
    async go(edge) {
      const all = await visitors(edge, 5, POST);
      const drip = setInterval(() => {
        for (const visitor of all) if (visitor.text === '') visitor.send('x');
      }, 100);
      try {
        await allTold(all, 408);
      } finally {
        clearInterval(drip);
      }
    },
  },
  readIdleTime: {
    edge: low,
    seen: 'the stream is reset',
    times: 5,
    told,
    async go(edge) {
      await visitors(edge, 0, '');
      const visitor = await RawH2.connect(edge.ready.httpsPort, true, 'app.localhost');
      const fields = block([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/'],
        [':authority', 'app.localhost'],
      ]);
      // No stream may send a byte of a body.
      visitor.send(frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 0, 0, 0)));
      const streams = [1, 3, 5, 7, 9];
      visitor.send(...streams.map((stream) => frame(FRAME.HEADERS, 5, stream, fields)));
      for (const stream of streams) await visitor.frame((f) => f.type === FRAME.RST_STREAM && f.stream === stream);
      expect(visitor.frames.some((f) => f.type === FRAME.DATA && f.payload.length > 0)).toBe(false);
      visitor.socket.destroy();
    },
  },
});
