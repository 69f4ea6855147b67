/** What `promise` comes to; `undefined` when `limit` milliseconds pass, `signal` aborts or it rejects before that. */
export function within<T>(promise: Promise<T>, limit: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve) => {
    const settle = (value: T | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      resolve(value);
    };
    const giveUp = (): void => settle(undefined);
    const timer = setTimeout(giveUp, limit);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    promise.then(settle, giveUp);
  });
}
