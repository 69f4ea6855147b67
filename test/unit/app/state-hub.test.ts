import { expect, it } from 'vitest';
import { createStateHub, STATE_PERIOD } from '../../../main/app/state-hub.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function hub() {
  const clock = new ManualClock();
  let phase: AgentState['phase'] = 'starting';
  const states: AgentState[] = [];
  const made = createStateHub(() => ({ phase }) as Omit<AgentState, 'revision'>, clock);
  made.on((state) => states.push(state));
  const set = (next: AgentState['phase']): void => {
    phase = next;
    made.touch();
  };
  return { clock, hub: made, set, states };
}

it('pushes the newest of many changes, once a period', () => {
  const { clock, set, states } = hub();
  set('ready');
  clock.advance(0);
  expect(states.map((s) => s.phase)).toEqual(['ready']);
  set('starting');
  set('stopping');
  clock.advance(STATE_PERIOD - 1);
  expect(states).toHaveLength(1);
  clock.advance(1);
  expect(states.map((s) => s.phase)).toEqual(['ready', 'stopping']);
});

it('grows the revision with every change and across restarts', () => {
  const { clock, hub: first, set } = hub();
  const before = first.get().revision;
  set('ready');
  const after = first.get().revision;
  expect(after).toBeGreaterThan(before);
  expect(first.get().revision).toBe(after);
  clock.advance(10_000);
  expect(
    createStateHub(() => ({ phase: 'ready' }) as Omit<AgentState, 'revision'>, clock).get().revision,
  ).toBeGreaterThan(after);
});

it('says nothing when nothing changed, and nothing after its end', () => {
  const { clock, hub: made, set, states } = hub();
  set('ready');
  clock.advance(STATE_PERIOD);
  made.touch();
  clock.advance(STATE_PERIOD);
  expect(states).toHaveLength(1);
  made.close();
  set('stopping');
  clock.advance(STATE_PERIOD);
  expect(states).toHaveLength(1);
  expect(clock.timers).toBe(0);
});
