import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { MarkState } from '../controls/mark.tsx';
import { sayStatus } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';

/** A service's status as it is right now: the edge's word, or what the broken link makes of it. */
export type StandingKey = keyof typeof t.services.status;

export interface Standing {
  readonly key: StandingKey;
  readonly mark: MarkState;
  readonly tone: 'live' | 'quiet' | 'warn' | 'bad';
  /** What it means, in a sentence; absent when there is nothing to say. */
  readonly reason: string | undefined;
}

const LOOK: Record<StandingKey, Pick<Standing, 'mark' | 'tone'>> = {
  active: { mark: 'on', tone: 'live' },
  pending: { mark: 'connecting', tone: 'quiet' },
  certificate_pending: { mark: 'connecting', tone: 'quiet' },
  reconnecting: { mark: 'connecting', tone: 'warn' },
  unreachable: { mark: 'attention', tone: 'warn' },
  tunnel_not_created: { mark: 'attention', tone: 'warn' },
  certificate_failed: { mark: 'error', tone: 'bad' },
  error: { mark: 'error', tone: 'bad' },
  disabled: { mark: 'off', tone: 'quiet' },
};

type EdgeOf = Pick<AgentState, 'edge'>;

function keyOf(service: ServiceView, { edge }: EdgeOf): StandingKey {
  if (service.status === 'disabled' || !service.enabled) return 'disabled';
  if (edge.link.state === 'up' && edge.process !== 'stopped') return service.status;
  return edge.link.state === 'connecting' || edge.process === 'starting' ? 'reconnecting' : 'unreachable';
}

function reasonOf(key: StandingKey, service: ServiceView): string | undefined {
  if (key === 'active' || key === 'disabled') return undefined;
  if (key === 'reconnecting' || key === 'unreachable') return t.services.reason[key];
  return sayStatus(service) ?? t.services.reason[key];
}

/**
 * How `service` stands. While the link to the edge is not up, the edge's last word is out of date and is not repeated:
 * the standing is then the link's.
 */
export function standingOf(service: ServiceView, state: EdgeOf): Standing {
  const key = keyOf(service, state);
  return { key, ...LOOK[key], reason: reasonOf(key, service) };
}
