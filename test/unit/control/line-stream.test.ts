import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineStream } from '../../../edge/control/line-stream.ts';
import type { CancelTimer, Clock } from '../../../shared/node/clock.ts';

/** Timers that run when told. */
class ManualClock implements Clock {
  readonly timers = new Set<{ at: number; callback: () => void }>();
  time = 0;
  now = (): number => this.time;
  monotonic = (): number => this.time;
  setTimeout(callback: () => void, delay: number): CancelTimer {
    const timer = { at: this.time + delay, callback };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }
  setInterval(): CancelTimer {
    throw new Error('not used');
  }
  advance(by: number): void {
    this.time += by;
    for (const timer of [...this.timers]) {
      if (timer.at > this.time || !this.timers.delete(timer)) continue;
      timer.callback();
    }
  }
}

let clock: ManualClock;
let server: ReturnType<typeof createServer>;
let stream: LineStream;
let reader: IncomingMessage;
/** How often the stream of this test said that it is over. */
let over: { times: number };
beforeEach(async () => {
  clock = new ManualClock();
  const count = { times: 0 };
  over = count;
  server = createServer((_, response: ServerResponse) => {
    stream = new LineStream(response, clock, () => count.times++);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  reader = await new Promise<IncomingMessage>((resolve) =>
    get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, resolve),
  );
});
afterEach(() => {
  reader.destroy();
  server.closeAllConnections();
  server.close();
});

async function nextText(): Promise<string> {
  const [chunk] = await once(reader, 'data');
  return String(chunk);
}
const LINE = JSON.stringify({ text: 'x'.repeat(100_000) });
/** Sends until the reader, who reads nothing, has filled every buffer on the way. */
function fill(): void {
  while (stream.writable) stream.send(LINE);
}

describe('a line stream', () => {
  it('pings after ten seconds of silence, and not sooner after a line', async () => {
    clock.advance(9_000);
    stream.send('{"a":1}');
    expect(await nextText()).toBe('{"a":1}\n');
    clock.advance(9_999);
    expect(clock.timers.size).toBe(1);
    clock.advance(1);
    expect(await nextText()).toBe('{"type":"ping"}\n');
  });

  it('keeps only the last of the lines that make each other obsolete for a slow reader', async () => {
    fill();
    for (let i = 0; i < 1000; i++) stream.latest(`{"state":${i}}`);
    let text = '';
    for await (const chunk of reader) {
      text += chunk;
      if (text.endsWith('{"state":999}\n')) break;
    }
    expect(text.match(/"state":\d+/g)).toEqual(['"state":999']);
  });

  it('cuts a reader who reads nothing for thirty seconds', async () => {
    fill();
    clock.advance(29_000);
    expect(over.times).toBe(0);
    clock.advance(1_000);
    expect(over.times).toBe(1);
  });

  it('cuts a reader for whom a megabyte waits', () => {
    let sent = 0;
    while (over.times === 0 && sent < 1000) {
      stream.send(LINE);
      sent++;
    }
    expect(over.times).toBe(1);
  });

  it('says once that it is over, whoever ends it, and leaves no timer', async () => {
    reader.destroy();
    while (over.times === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    stream.send('late');
    stream.end();
    stream.destroy();
    expect(over.times).toBe(1);
    expect(clock.timers.size).toBe(0);
  });
});
