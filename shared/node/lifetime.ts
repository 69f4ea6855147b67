/** Something that runs until it is disposed of or its signal aborts. */
export interface Lifetime extends AsyncDisposable {
  /** Aborts when the end begins; hand it to whatever should end along. */
  readonly signal: AbortSignal;
  /** Registers a step of the end. Steps run last first, one after the other; one that fails doesn't stop the rest. */
  defer(step: () => void | Promise<void>): void;
}

/**
 * A lifetime that ends when `parent` aborts or when it is disposed of, whichever comes first, and exactly once: every
 * call waits for the same end. Steps deferred after the end began run at once. When steps failed, disposing rejects
 * with an AggregateError of what they threw; an end brought about by `parent` reports that to `onFailure`.
 */
export function createLifetime(parent?: AbortSignal, onFailure: (error: unknown) => void = () => {}): Lifetime {
  const controller = new AbortController();
  const steps: (() => void | Promise<void>)[] = [];
  let ended: Promise<void> | undefined;

  const end = async (): Promise<void> => {
    parent?.removeEventListener('abort', onAbort);
    controller.abort();
    const errors: unknown[] = [];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'the end of a lifetime failed');
  };
  const dispose = (): Promise<void> => {
    ended ??= end();
    return ended;
  };
  const onAbort = (): void => {
    dispose().catch(onFailure);
  };
  if (parent?.aborted === true) onAbort();
  else parent?.addEventListener('abort', onAbort, { once: true });

  return {
    signal: controller.signal,
    defer(step) {
      if (ended === undefined) steps.push(step);
      else Promise.resolve().then(step).catch(onFailure);
    },
    [Symbol.asyncDispose]: dispose,
  };
}
