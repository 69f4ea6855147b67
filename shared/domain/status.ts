import type { Explanation } from './failure.ts';
import { type Because, because, type ReasonKey } from './reason.ts';
import { type Service, type ServiceMode, type Target, targetLabel } from './service.ts';

/** What people see of a service. */
export type ServiceStatus =
  | 'pending'
  | 'certificate_pending'
  | 'active'
  | 'tunnel_not_created'
  | 'certificate_failed'
  | 'error'
  | 'disabled';

/** Why a target cannot be reached, as the agent or a failed dial reports it. */
export type TargetProblem =
  | 'origin_refused'
  | 'origin_unresolved'
  | 'origin_untrusted'
  | 'origin_timeout'
  | 'origin_not_allowed';

/** What the nodes of a cluster know, as seen from one service. */
export interface StatusFacts {
  /** Nodes whose route table holds this service. */
  readonly routed: boolean;
  /** The certificate for the service's domain. */
  readonly certificate:
    | { readonly state: 'ready' }
    | { readonly state: 'pending' }
    | { readonly state: 'failed'; readonly reason: Explanation; readonly nextTryAt?: number };
  /** The port of its own that the service listens on, if it has one: opened, about to be, or not to be had. */
  readonly listener?:
    | { readonly state: 'ready' }
    | { readonly state: 'pending' }
    | { readonly state: 'failed'; readonly reason: Explanation };
  /** Agents with at least one tunnel to any node. */
  readonly agentUp: (agentId: string) => boolean;
  /** What is wrong with a target, if anything. */
  readonly targetProblem: (targetId: string) => TargetProblem | undefined;
}

const OFFLINE = {
  http: 'service_offline',
  tcp: 'service_offline_stream',
  tls: 'service_offline_stream',
  udp: 'service_offline_udp',
} as const satisfies Record<ServiceMode, ReasonKey>;

/** A target inside a sentence. */
const nameOf = (target: Target): string | Because =>
  target.type === 'agent' ? because('at_port', { port: target.port }) : targetLabel(target);

/** The status of `service` and its reason, derived from facts alone: same facts, same answer. */
export function deriveStatus(
  service: Service,
  facts: StatusFacts,
): { readonly status: ServiceStatus; readonly reason?: Explanation } {
  if (!service.enabled) return { status: 'disabled' };
  if (!facts.routed) return { status: 'pending' };
  if (service.mode === 'http') {
    if (facts.certificate.state === 'failed') return { status: 'certificate_failed', reason: facts.certificate.reason };
    if (facts.certificate.state === 'pending') return { status: 'certificate_pending' };
  }
  if (facts.listener?.state === 'pending') return { status: 'pending' };
  if (facts.listener?.state === 'failed') return { status: 'error', reason: facts.listener.reason };
  const targets = service.targets.filter((t) => t.enabled);
  if (targets.length === 0) return { status: 'error', reason: because('service_targets_off') };
  if (!targets.some((t) => facts.agentUp(t.agentId)))
    return { status: 'tunnel_not_created', reason: because(OFFLINE[service.mode]) };
  const cut = targets.find((t) => !facts.agentUp(t.agentId));
  if (cut !== undefined) return { status: 'error', reason: because('service_target_offline', { path: cut.path }) };
  for (const target of targets) {
    const problem = facts.targetProblem(target.id);
    if (problem !== undefined)
      return { status: 'error', reason: because(`service_${problem}`, { target: nameOf(target) }) };
  }
  return { status: 'active' };
}
