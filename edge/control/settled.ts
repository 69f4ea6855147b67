import type { Clock } from '../../shared/node/clock.ts';
import type { Store } from '../store/store.ts';
import type { Facts } from './facts.ts';

/** Milliseconds that an answer waits at most for what it says to be routed. */
const LIMIT = 5_000;

/**
 * Resolves once this node routes everything that has been written so far, in all its processes: whoever is told that a
 * service exists, or doesn't any more, finds it so at once. After five seconds it resolves all the same.
 */
export async function settled(
  store: Pick<Store, 'revision'>,
  facts: Pick<Facts, 'routed' | 'watch'>,
  clock: Clock,
): Promise<void> {
  const newest = await store.revision();
  if (!newest.ok || facts.routed >= newest.value) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      stop();
      resolve();
    };
    const cancel = clock.setTimeout(done, LIMIT);
    const stop = facts.watch((change) => {
      if (change === 'routed' && facts.routed >= newest.value) done();
    });
  });
}
