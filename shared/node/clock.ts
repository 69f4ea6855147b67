import { performance } from 'node:perf_hooks';

/** Undoes a timer. Idempotent. */
export type CancelTimer = () => void;

/** Time as a port, so that tests can hold it still. All values in milliseconds. */
export interface Clock {
  /** Wall clock since the epoch. May jump. */
  now(): number;
  /** Never goes back; the origin means nothing. */
  monotonic(): number;
  setTimeout(callback: () => void, delay: number): CancelTimer;
  setInterval(callback: () => void, delay: number): CancelTimer;
}

/** The machine's clock. Its timers keep the process alive until cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, delay) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
  setInterval(callback, delay) {
    const timer = setInterval(callback, delay);
    return () => clearInterval(timer);
  },
};

/** Resolves true after `delay` ms, or false as soon as `signal` aborts. Never rejects. */
export function pause(clock: Clock, delay: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve(false);
    const onAbort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(true);
    }, delay);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
