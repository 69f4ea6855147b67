import type { Failure } from '../../shared/domain/failure.ts';
import { createBackoff } from '../../shared/node/backoff.ts';
import { type Clock, pause } from '../../shared/node/clock.ts';
import { needsAPerson, SLOW } from './needs-a-person.ts';

export interface FeedOptions {
  /** Follows the stream until it is over; calls `opened` once the edge has accepted it. */
  readonly follow: (opened: () => void, signal: AbortSignal) => Promise<Failure | undefined>;
  readonly onState: (state: { readonly live: boolean; readonly failure?: Failure }) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

/** Keeps one stream of the control API open. */
export interface EdgeFeed {
  /** Tries again at once if it is waiting to. */
  hurry(): void;
  /** Opens the stream anew whatever its state: after sleep it may hang on a connection that no longer exists. */
  restart(): void;
  /** Ends it; also when its signal aborts. */
  close(): void;
}

/** Follows a stream for ever: again after every end, with growing delays while it won't open. */
export function keepFeed(options: FeedOptions): EdgeFeed {
  const closing = new AbortController();
  const signal = AbortSignal.any([options.signal, closing.signal]);
  const backoff = createBackoff(options.random);
  let wait = new AbortController();
  let turn = new AbortController();

  async function run(): Promise<void> {
    while (!signal.aborted) {
      turn = new AbortController();
      const given = AbortSignal.any([signal, turn.signal]);
      const failure = await options.follow(() => {
        backoff.reset();
        if (!given.aborted) options.onState({ live: true });
      }, given);
      if (signal.aborted) return;
      if (turn.signal.aborted) continue;
      options.onState(failure === undefined ? { live: false } : { live: false, failure });
      const slow = failure !== undefined && needsAPerson(failure);
      wait = new AbortController();
      await pause(options.clock, slow ? SLOW : backoff.next(), AbortSignal.any([signal, wait.signal]));
    }
  }

  void run();
  return {
    hurry() {
      backoff.reset();
      wait.abort();
    },
    restart() {
      backoff.reset();
      turn.abort();
      wait.abort();
    },
    close: () => closing.abort(),
  };
}
