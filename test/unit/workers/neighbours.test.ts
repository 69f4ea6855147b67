import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeDetour, encodeDetour } from '../../../edge/workers/detour.ts';
import { Neighbours } from '../../../edge/workers/neighbours.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import type { StreamHandler, TunnelStream } from '../../../shared/node/stream.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';

const OPEN = Buffer.from('what the agent is asked for');

/** A visitor's end of a stream; it takes what comes unless told to hold back. */
class Visitor implements StreamHandler {
  stream: TunnelStream | undefined;
  readonly chunks: Buffer[] = [];
  readonly events: string[] = [];
  takes = true;
  owed = 0;
  #changed = (): void => {};

  onOpened(): void {
    this.#note('opened');
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.chunks.push(Buffer.from(buffer.subarray(start, end)));
    if (this.takes) this.stream?.consumed(end - start);
    else this.owed += end - start;
    this.#changed();
  }

  onEnd(): void {
    this.#note('end');
  }

  onReset(code: number): void {
    this.#note(`reset ${code}`);
  }

  onWritable(): void {
    this.#note('writable');
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  until(wanted: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (wanted()) resolve();
      };
      this.#changed();
    });
  }

  #note(event: string): void {
    this.events.push(event);
    this.#changed();
  }
}

let folder: string;
let near: Neighbours;
let far: Neighbours;
let agents: FakeTunnels;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'porthole-neighbours-'));
  const around = { clock: systemClock, logger: silentLogger };
  near = new Neighbours({ index: 0, ...around });
  far = new Neighbours({ index: 1, ...around });
  agents = new FakeTunnels();
  far.over(agents);
  await far.listen(join(folder, 'far'));
  near.learn([['agent', [1]]]);
});
afterEach(() => {
  near.close();
  far.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A stream of the near worker's to the agent that has a link to the far one only. */
async function detour(): Promise<{ visitor: Visitor; stream: TunnelStream }> {
  near.follow([{ index: 1, path: join(folder, 'far') }]);
  const visitor = new Visitor();
  for (;;) {
    const stream = near.open('agent', OPEN, visitor);
    if (typeof stream !== 'string') {
      visitor.stream = stream;
      return { visitor, stream };
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a stream by way of a neighbour', () => {
  it('carries every byte both ways, and both ends of it', async () => {
    const { visitor, stream } = await detour();
    stream.write(Buffer.from('a question'));
    const origin = await agents.stream(1);
    await origin.untilReceived('a question');
    origin.opened();
    origin.send('an answer');
    await visitor.until(() => visitor.received.length === 9);
    stream.end();
    await origin.until((o) => o.ended);
    origin.send(', after all');
    origin.finish();
    await visitor.until(() => visitor.events.includes('end'));
    expect(visitor.received.toString()).toBe('an answer, after all');
    expect(visitor.events[0]).toBe('opened');
    await origin.until((o) => o.unpaid === 0);
    expect(near.detours).toBe(1);
  });

  it('is held up from end to end by whoever does not read', async () => {
    const { visitor, stream } = await detour();
    visitor.takes = false;
    stream.write(Buffer.from('go'));
    const origin = await agents.stream(1);
    await origin.untilReceived('go');
    origin.opened();
    const sent = Array.from({ length: 64 }, () => randomBytes(16 * 1024));
    for (const bytes of sent) {
      origin.send(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // No credit for more than fits into the stream between the workers.
    expect(origin.unpaid).toBeGreaterThan(512 * 1024);
    visitor.takes = true;
    stream.consumed(visitor.owed);
    await visitor.until(() => visitor.received.length === sent.length * 16 * 1024);
    expect(visitor.received.equals(Buffer.concat(sent))).toBe(true);
    await origin.until((o) => o.unpaid === 0);
  });

  it('gives credit to the visitor only for what the agent has room for', async () => {
    const { visitor, stream } = await detour();
    stream.write(Buffer.from('x'));
    const origin = await agents.stream(1);
    origin.opened();
    origin.reads = false;
    let written = 0;
    const block = randomBytes(32 * 1024);
    while (written < 64 && stream.writable) {
      stream.write(block);
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(64);
    origin.drain();
    await visitor.until(() => visitor.events.includes('writable'));
    await origin.until((o) => o.received.length === 1 + written * block.length);
  });

  it('breaks on both sides, for the same reason', async () => {
    const first = await detour();
    first.stream.write(Buffer.from('x'));
    const origin = await agents.stream(1);
    origin.break(RESET.REFUSED);
    await first.visitor.until(() => first.visitor.events.includes(`reset ${RESET.REFUSED}`));
    const second = await detour();
    second.stream.write(Buffer.from('y'));
    const other = await agents.stream(2);
    second.stream.reset(RESET.CANCELLED);
    await other.until((o) => o.resetWith === RESET.CANCELLED);
    const third = await detour();
    third.stream.write(Buffer.from('z'));
    (await agents.stream(3)).break(RESET.TUNNEL_LOST);
    await third.visitor.until(() => third.visitor.events.includes(`reset ${RESET.GOING_AWAY}`));
  });

  it('is told when the agent has left the neighbour meanwhile, or has no room', async () => {
    agents.refusals.push('agent_offline', 'busy');
    const gone = await detour();
    await gone.visitor.until(() => gone.visitor.events.includes(`reset ${RESET.GOING_AWAY}`));
    const full = await detour();
    await full.visitor.until(() => full.visitor.events.includes(`reset ${RESET.LIMIT}`));
  });

  it('is waited for by a worker that ends, until both ends of it have come', async () => {
    await far.drain(60_000);
    const { visitor, stream } = await detour();
    stream.write(Buffer.from('x'));
    const origin = await agents.stream(1);
    await origin.untilReceived('x');
    let drained = false;
    const draining = far.drain(60_000).then(() => {
      drained = true;
    });
    origin.finish();
    await visitor.until(() => visitor.events.includes('end'));
    expect(drained).toBe(false);
    stream.end();
    await draining;
    expect(origin.ended).toBe(true);
  });

  it('is lost with the neighbour, and none is opened to one that is not there', async () => {
    const { visitor, stream } = await detour();
    stream.write(Buffer.from('x'));
    await agents.stream(1);
    far.close();
    await visitor.until(() => visitor.events.some((event) => event.startsWith('reset')));
    near.follow([]);
    expect(near.open('agent', OPEN, new Visitor())).toBe('agent_offline');
  });

  it('is not taken where the agent has a link of its own, and never to an agent that nobody knows', () => {
    const own = new FakeTunnels();
    near.over(own);
    expect(near.open('agent', OPEN, new Visitor())).toBe(own.streams[0]);
    own.refusals.push('busy', 'agent_offline');
    expect(near.open('agent', OPEN, new Visitor())).toBe('busy');
    expect(near.open('stranger', OPEN, new Visitor())).toBe('agent_offline');
    near.learn([['agent', []]]);
    own.refusals.push('agent_offline');
    expect(near.open('agent', OPEN, new Visitor())).toBe('agent_offline');
    expect(near.detours).toBe(0);
  });
});

describe('what opens a detour', () => {
  it('says which agent, and what it is asked for', () => {
    const bytes = encodeDetour('01m7ycdxjc5a590869bgyvstw8', OPEN);
    expect(decodeDetour(bytes)).toEqual({ agentId: '01m7ycdxjc5a590869bgyvstw8', open: new Uint8Array(OPEN) });
  });

  it.each([[[]], [[0, 1]], [[65, ...new Array(80).fill(97)]], [[5, 97, 97]], [[1, 97]]])(
    'is nothing else: %j',
    (bytes) => {
      expect(decodeDetour(Uint8Array.from(bytes))).toBeUndefined();
    },
  );
});
