/**
 * Loaded into a process under test (`node --expose-gc --import memory-probe.ts …`): answers each message of its parent
 * with what the process holds after a full collection. `--expose-gc` is for the processes under test only.
 */
import { readdirSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** What a process holds. Bytes, but for `descriptors`. */
export interface Held {
  readonly heap: number;
  /** Buffers and what C++ objects report, outside of the heap. */
  readonly external: number;
  readonly resident: number;
  readonly descriptors: number;
}

const { gc } = globalThis as { readonly gc?: () => void };

if (isMainThread && process.send !== undefined) {
  process.on('message', () => {
    // Twice: what the first collection finalizes, the second one frees.
    gc?.();
    setImmediate(() => {
      gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      const descriptors = readdirSync('/proc/self/fd').length;
      process.send?.({ heap: heapUsed, external, resident: rss, descriptors } satisfies Held);
    });
  });
  process.channel?.unref();
}
