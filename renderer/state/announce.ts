import type { AgentState } from '../../shared/contract/agent-state.ts';
import { t } from '../strings/strings.ts';
import { standingOf } from './standing.ts';

/** More than this many changes at once are one sentence to a listener, not a list. */
const MAX_SAID = 3;

/** What changed between two snapshots that a person who doesn't see the screen wants to hear. */
export function announcements(before: AgentState | undefined, after: AgentState): readonly string[] {
  if (before === undefined) return [];
  const said: string[] = [];
  const was = before.edge.link.state;
  const is = after.edge.link.state;
  if (was !== 'up' && is === 'up') said.push(t.link.announceUp);
  if (was === 'up' && is !== 'up') said.push(t.link.announceDown);
  if (was !== is) return said;
  const known = new Map(before.services.map((service) => [service.id, standingOf(service, before).key]));
  const changed = after.services.filter((service) => {
    const old = known.get(service.id);
    return old !== undefined && old !== standingOf(service, after).key;
  });
  for (const service of changed.slice(0, MAX_SAID))
    said.push(t.services.announce(service.name, t.services.status[standingOf(service, after).key]));
  return said;
}
