import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';

/** Milliseconds between two snapshots that are pushed. */
export const STATE_PERIOD = 50;

export interface StateHub {
  /** The newest snapshot. */
  get(): AgentState;
  /** Something may have changed: a snapshot follows, now or when the period since the last one is over. */
  touch(): void;
  on(listener: (state: AgentState) => void): () => void;
  close(): void;
}

/**
 * Makes snapshots by `compose` and pushes them, at most one a period; those in between are skipped. The revision
 * grows with every change of content, and across restarts, since it starts at the time of day.
 */
export function createStateHub(compose: () => Omit<AgentState, 'revision'>, clock: Clock): StateHub {
  const listeners = new Set<(state: AgentState) => void>();
  let revision = clock.now();
  let text = '';
  let state: AgentState | undefined;
  let pushed = Number.NEGATIVE_INFINITY;
  let pushedRevision = 0;
  let cancel: CancelTimer | undefined;

  function get(): AgentState {
    const next = compose();
    const nextText = JSON.stringify(next);
    if (state !== undefined && nextText === text) return state;
    text = nextText;
    revision++;
    state = { ...next, revision };
    return state;
  }
  function push(): void {
    cancel = undefined;
    const now = get();
    pushed = clock.monotonic();
    if (now.revision === pushedRevision) return;
    pushedRevision = now.revision;
    for (const listener of [...listeners]) listener(now);
  }
  return {
    get,
    touch() {
      cancel ??= clock.setTimeout(push, Math.max(0, pushed + STATE_PERIOD - clock.monotonic()));
    },
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      cancel?.();
      cancel = () => undefined;
      listeners.clear();
    },
  };
}
