import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FrameQueue, GATHER_TURNS, WORTH_WRITING } from '../../../shared/node/frame-queue.ts';
import { FRAME, HEADER } from '../../../shared/wire/frame.ts';

/** A queue over a socket that takes each write in the next turn, as TLS does, and notes how long it was. */
function stand(): { readonly queue: FrameQueue; readonly writes: number[] } {
  const writes: number[] = [];
  const socket = new Duplex({
    read() {},
    write(bytes: Buffer, _, done) {
      writes.push(bytes.length);
      setImmediate(done);
    },
  });
  // All that a queue uses of a socket is the stream that it is.
  const queue = new FrameQueue(socket as unknown as Socket, true, () => {});
  return { queue, writes };
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 3 * GATHER_TURNS; i++) await turn();
};

describe('the queue of frames', () => {
  it('writes data at the end of the turn', async () => {
    const { queue, writes } = stand();
    queue.bytes(FRAME.DATA, 1, Buffer.alloc(10), 0, 10);
    queue.bytes(FRAME.DATA, 2, Buffer.alloc(20), 0, 20);
    expect(writes).toEqual([]);
    await turn();
    expect(writes).toEqual([2 * HEADER + 30]);
  });

  it('lets a lone stream go after one more turn', async () => {
    const { queue, writes } = stand();
    queue.bytes(FRAME.OPEN, 1, Buffer.alloc(12), 0, 12);
    await turn();
    expect(writes).toEqual([]);
    await turn();
    expect(writes).toEqual([HEADER + 12]);
  });

  it.each([FRAME.OPENED, FRAME.FIN, FRAME.RESET, FRAME.OPEN])(
    'gathers streams that come or go one a turn: %i',
    async (type) => {
      const { queue, writes } = stand();
      for (let i = 1; i <= GATHER_TURNS; i++) {
        queue.empty(type, i);
        await turn();
      }
      await settled();
      expect(writes).toEqual([GATHER_TURNS * HEADER]);
    },
  );

  it('waits for no more than so many turns, however long more comes, and goes on so after a write', async () => {
    const { queue, writes } = stand();
    const frames = 10 * GATHER_TURNS;
    for (let i = 1; i <= frames; i++) {
      queue.empty(FRAME.FIN, i);
      await turn();
    }
    await settled();
    expect(writes.reduce((sum, length) => sum + length, 0)).toBe(frames * HEADER);
    expect(Math.max(...writes)).toBeLessThanOrEqual((GATHER_TURNS + 3) * HEADER);
    expect(writes.length).toBeLessThanOrEqual(11);
  });

  it('waits with nothing that is worth a write of its own', async () => {
    const { queue, writes } = stand();
    queue.empty(FRAME.OPEN, 1);
    queue.bytes(FRAME.DATA, 1, Buffer.alloc(WORTH_WRITING), 0, WORTH_WRITING);
    await turn();
    expect(writes).toEqual([2 * HEADER + WORTH_WRITING]);
  });

  it('writes data behind a write in flight as soon as that is done', async () => {
    const { queue, writes } = stand();
    queue.bytes(FRAME.DATA, 1, Buffer.alloc(10), 0, 10);
    await turn();
    queue.bytes(FRAME.DATA, 1, Buffer.alloc(20), 0, 20);
    await turn();
    await turn();
    expect(writes).toEqual([HEADER + 10, HEADER + 20]);
  });

  it('writes nothing once it is closed, though it was waiting', async () => {
    const { queue, writes } = stand();
    queue.empty(FRAME.OPEN, 1);
    queue.close();
    await settled();
    expect([writes, queue.queued]).toEqual([[], 0]);
  });
});
