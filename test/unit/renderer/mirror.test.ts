import { describe, expect, it } from 'vitest';
import { announcements } from '../../../renderer/state/announce.ts';
import { applySnapshot, believable, createMirror, type Mirror } from '../../../renderer/state/mirror.ts';
import type { Connection, Transport } from '../../../renderer/transport/transport.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import { aService, aState } from './state.ts';

const mirror: Mirror = { state: aState({ revision: 5 }), connection: 'open', announcement: '' };

describe('the mirror', () => {
  it('takes a newer snapshot and one of the same revision', () => {
    expect(applySnapshot(mirror, aState({ revision: 6 }), false).state?.revision).toBe(6);
    const same = aState({ revision: 5 });
    expect(applySnapshot(mirror, same, false).state).toBe(same);
  });

  it('ignores a stale snapshot', () => {
    expect(applySnapshot(mirror, aState({ revision: 4 }), false)).toBe(mirror);
  });

  it('takes any first snapshot after a reconnection, since main may count from the beginning', () => {
    expect(applySnapshot(mirror, aState({ revision: 1 }), true).state?.revision).toBe(1);
  });

  it('follows a transport through a loss and a restart of main', async () => {
    let push: (state: AgentState) => void = () => undefined;
    let become: (connection: Connection) => void = () => undefined;
    let current = aState({ revision: 9 });
    // The mirror uses three of the transport's five members.
    const transport = {
      on: (_: string, listener: (state: AgentState) => void) => {
        push = listener;
        return () => undefined;
      },
      onConnection: (listener: (connection: Connection) => void) => {
        become = listener;
        listener('connecting');
        return () => undefined;
      },
      call: async () => ({ ok: true, value: current }),
    } as unknown as Transport;
    const { store } = createMirror(transport);
    become('open');
    await Promise.resolve();
    await Promise.resolve();
    expect(store.getState().state?.revision).toBe(9);
    become('lost');
    expect(store.getState()).toMatchObject({ connection: 'lost', state: { revision: 9 } });
    current = aState({ revision: 1 });
    become('open');
    push(aState({ revision: 2 }));
    await Promise.resolve();
    await Promise.resolve();
    expect(store.getState()).toMatchObject({ connection: 'open', state: { revision: 2 } });
  });
});

describe('a snapshot after main is gone', () => {
  it('no longer says that the link is up', () => {
    const state = aState();
    expect(believable(state, 'lost')?.edge.link.state).toBe('down');
    expect(believable(state, 'refused')?.edge.link.state).toBe('down');
    expect(believable(state, 'open')).toBe(state);
    expect(believable(undefined, 'lost')).toBeUndefined();
  });
});

describe('what is announced', () => {
  it('is nothing for the first snapshot', () => {
    expect(announcements(undefined, aState())).toEqual([]);
  });

  it('names a service whose standing changed, but not one that is new', () => {
    const before = aState({ services: [aService('app', { status: 'pending' })] });
    const after = aState({ services: [aService('app'), aService('new')] });
    expect(announcements(before, after)).toEqual(['app: Live.']);
  });

  it('says once that the connection went, instead of naming every service', () => {
    const services = [aService('a'), aService('b')];
    expect(announcements(aState({ services }), aState({ services }, { state: 'down' }))).toEqual(['Connection lost.']);
    expect(announcements(aState({ services }, { state: 'down' }), aState({ services }))).toEqual(['Connected.']);
  });

  it('names at most three services at once', () => {
    const names = ['a', 'b', 'c', 'd'];
    const before = aState({ services: names.map((name) => aService(name)) });
    const after = aState({ services: names.map((name) => aService(name, { status: 'disabled', enabled: false })) });
    expect(announcements(before, after)).toHaveLength(3);
  });
});
