import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { bestReadMode, type OwnedRead, type ReadMode, readOwned } from '../../shared/node/owned-read.ts';
import { type SocketPair, socketPair, type Transport } from '../support/socket-pair.ts';

/** Everything that a reader was told, and a way to wait for more. */
class Recorder {
  readonly buffers: Buffer[];
  readonly read: OwnedRead;
  readonly log: string[] = [];
  length = 0;
  readonly #chunks: Buffer[] = [];
  /** What `onRead` answers. */
  wanted = true;
  reads = 0;
  /** Told of each read before it is answered. */
  onRead: () => void = () => {};
  #next = 0;
  #changed = Promise.withResolvers<void>();

  /** Reads into buffers of these `sizes` in turn. */
  constructor(socket: Socket, mode: ReadMode, sizes: readonly number[] = [4096]) {
    this.buffers = sizes.map((size) => Buffer.alloc(size));
    this.read = readOwned(
      socket,
      {
        buffer: () => this.buffers[this.#next % this.buffers.length] ?? Buffer.alloc(1),
        onRead: (buffer, length) => {
          this.reads++;
          this.length += length;
          this.#chunks.push(Buffer.from(buffer.subarray(0, length)));
          this.#next++;
          this.onRead();
          this.#tell();
          return this.wanted;
        },
        onEnd: () => this.#note('end'),
        onError: () => this.#note('error'),
        onClose: () => this.#note('close'),
      },
      mode,
    );
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }

  #note(event: string): void {
    this.log.push(event);
    this.#tell();
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}

let pair: SocketPair | undefined;

afterEach(() => {
  pair?.close();
  pair = undefined;
});

async function setUp(transport: Transport, end: 'accepted' | 'dialled'): Promise<{ near: Socket; far: Socket }> {
  const made = await socketPair(transport);
  pair = made;
  const [near, far] = end === 'accepted' ? [made.accepted, made.dialled] : [made.dialled, made.accepted];
  far.on('error', () => far.destroy());
  return { near, far };
}

it('finds the internals that it needs in this Node', () => {
  expect(bestReadMode).toBe('onread');
});

const MODES: readonly ReadMode[] = ['onread', 'data'];
const ENDS = [
  ['tcp', 'accepted'],
  ['tcp', 'dialled'],
  ['tls', 'accepted'],
  ['tls', 'dialled'],
] as const;

describe.each(MODES)('owned reads by %s', (mode) => {
  describe.each(ENDS)('over %s, %s', (transport, end) => {
    it('reads every byte in order, into buffers of any size', async () => {
      const { near, far } = await setUp(transport, end);
      const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
      const recorder = new Recorder(near, mode, [1, 4096, 65_536, 17]);
      far.end(sent);
      await recorder.until(() => recorder.log.includes('end'));
      expect(recorder.bytes.equals(sent)).toBe(true);
    });

    it('begins with what was read before and put back', async () => {
      const { near, far } = await setUp(transport, end);
      far.write('hello ');
      const [first] = await once(near, 'data');
      near.pause();
      near.removeAllListeners('data');
      near.unshift(first);
      const recorder = new Recorder(near, mode);
      far.write('world');
      await recorder.until(() => recorder.length === 11);
      expect(recorder.bytes.toString()).toBe('hello world');
    });

    it('reports half-close once, and can still write', async () => {
      const { near, far } = await setUp(transport, end);
      const recorder = new Recorder(near, mode);
      far.end('bye');
      await recorder.until(() => recorder.log.includes('end'));
      expect(recorder.bytes.toString()).toBe('bye');
      expect(recorder.log).toEqual(['end']);
      const answer = once(far, 'data');
      near.end('answer');
      expect(String((await answer)[0])).toBe('answer');
      await recorder.until(() => recorder.log.includes('close'));
      expect(recorder.log).toEqual(['end', 'close']);
    });

    it('stops when told to, and loses nothing until it goes on', async () => {
      const { near, far } = await setUp(transport, end);
      const recorder = new Recorder(near, mode, [65_536]);
      recorder.wanted = false;
      const size = 24 * 1024 * 1024;
      far.write(Buffer.alloc(size, 1));
      await recorder.until(() => recorder.reads > 0);
      // A round trip in the other direction: by then whatever would come, has.
      const echo = once(far, 'data');
      near.write('x');
      await echo;
      expect(recorder.length).toBeLessThan(size / 4);
      recorder.wanted = true;
      recorder.read.resume();
      await recorder.until(() => recorder.length === size);
    });

    it('goes on when the last of several reads in a row is answered with true', async () => {
      const { near, far } = await setUp(transport, end);
      const recorder = new Recorder(near, mode, [4096]);
      const size = 2 * 1024 * 1024;
      far.write(Buffer.alloc(size, 1));
      // Every other answer is false. Where another read follows at once, as records of TLS do, its true is the last word.
      recorder.onRead = () => {
        recorder.wanted = recorder.reads % 2 === 0;
        const { reads } = recorder;
        if (recorder.wanted) return;
        setImmediate(() => {
          if (recorder.reads === reads) recorder.read.resume();
        });
      };
      await recorder.until(() => recorder.length === size);
    });

    it('pauses and resumes from outside', async () => {
      const { near, far } = await setUp(transport, end);
      const recorder = new Recorder(near, mode);
      recorder.read.pause();
      far.write('late');
      const echo = once(far, 'data');
      near.write('x');
      await echo;
      expect(recorder.length).toBe(0);
      recorder.read.resume();
      await recorder.until(() => recorder.length === 4);
      expect(recorder.bytes.toString()).toBe('late');
    });

    it('reports the close of a socket that is destroyed, once', async () => {
      const { near } = await setUp(transport, end);
      const recorder = new Recorder(near, mode);
      near.destroy();
      await recorder.until(() => recorder.log.includes('close'));
      expect(recorder.log).toEqual(['close']);
    });

    it('reports an error before the close', async () => {
      const { near } = await setUp(transport, end);
      const recorder = new Recorder(near, mode);
      near.destroy(new Error('broken'));
      await recorder.until(() => recorder.log.includes('close'));
      expect(recorder.log).toEqual(['error', 'close']);
    });

    it('reports the close of a socket that was gone already', async () => {
      const { near } = await setUp(transport, end);
      near.destroy();
      await once(near, 'close');
      const recorder = new Recorder(near, mode);
      await recorder.until(() => recorder.log.includes('close'));
      expect(recorder.log).toEqual(['close']);
    });
  });
});
