import { createStore, type StoreApi } from 'zustand/vanilla';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import { announcements } from './announce.ts';

/** What the screens read. The snapshot is main's; nothing here changes it. */
export interface Mirror {
  readonly state: AgentState | undefined;
  readonly connection: Connection;
  /** What a screen reader is told next; replaced, never queued. */
  readonly announcement: string;
}

/**
 * The mirror after main pushed `snapshot`: an older revision is stale and ignored, unless this is the first one since
 * the connection opened (`fresh`), because a main that was started anew counts from the beginning.
 */
export function applySnapshot(mirror: Mirror, snapshot: AgentState, fresh: boolean): Mirror {
  if (!fresh && mirror.state !== undefined && snapshot.revision < mirror.state.revision) return mirror;
  const said = announcements(mirror.state, snapshot);
  return { ...mirror, state: snapshot, announcement: said.length > 0 ? said.join(' ') : mirror.announcement };
}

/**
 * What can be said of a snapshot: once main is gone the last one is out of date, and nothing in it counts as live.
 */
export function believable(state: AgentState | undefined, connection: Connection): AgentState | undefined {
  if (state === undefined || connection === 'open' || connection === 'connecting') return state;
  const { edge } = state;
  return { ...state, edge: { ...edge, link: { state: 'down', since: edge.link.since } } };
}

/** A mirror that follows `transport` until `stop` is called. */
export function createMirror(transport: Transport): { readonly store: StoreApi<Mirror>; readonly stop: () => void } {
  const store = createStore<Mirror>(() => ({ state: undefined, connection: 'connecting', announcement: '' }));
  let fresh = true;
  const apply = (snapshot: AgentState): void => {
    store.setState((mirror) => applySnapshot(mirror, snapshot, fresh), true);
    fresh = false;
  };
  const stopState = transport.on('state', apply);
  const stopConnection = transport.onConnection((connection) => {
    store.setState({ connection });
    fresh = true;
    if (connection !== 'open') return;
    void transport.call('state:get', undefined).then((reply) => {
      if (reply.ok) apply(reply.value);
    });
  });
  return {
    store,
    stop() {
      stopState();
      stopConnection();
    },
  };
}
