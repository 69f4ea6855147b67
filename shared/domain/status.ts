import { type Service, type ServiceMode, targetLabel } from './service.ts';

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
    | { readonly state: 'failed'; readonly reason: string; readonly nextTryAt?: number };
  /** The port of its own that the service listens on, if it has one: opened, about to be, or not to be had. */
  readonly listener?:
    | { readonly state: 'ready' }
    | { readonly state: 'pending' }
    | { readonly state: 'failed'; readonly reason: string };
  /** Agents with at least one tunnel to any node. */
  readonly agentUp: (agentId: string) => boolean;
  /** What is wrong with a target, if anything. */
  readonly targetProblem: (targetId: string) => TargetProblem | undefined;
}

const PROBLEM_WORDS: Record<TargetProblem, (target: string) => string> = {
  origin_refused: (t) => `Nothing listens on ${t}. Start your server, or change the port.`,
  origin_unresolved: (t) => `The name of ${t} cannot be resolved on the laptop. Check the host.`,
  origin_untrusted: (t) => `The certificate of ${t} is not trusted by the laptop. Trust it, or skip its verification.`,
  origin_timeout: (t) => `${t} does not answer. Check that it is reachable from the laptop.`,
  origin_not_allowed: (t) => `${t} waits to be allowed on the laptop.`,
};

const OFFLINE_WORDS: Record<ServiceMode, string> = {
  http: 'The laptop is not connected. Visitors see an "offline" page.',
  tcp: 'The laptop is not connected. Connections of visitors are closed.',
  tls: 'The laptop is not connected. Connections of visitors are closed.',
  udp: 'The laptop is not connected. What visitors send is lost.',
};

/** The status of `service` and its reason in words, derived from facts alone: same facts, same answer. */
export function deriveStatus(
  service: Service,
  facts: StatusFacts,
): { readonly status: ServiceStatus; readonly reason?: string } {
  if (!service.enabled) return { status: 'disabled' };
  if (!facts.routed) return { status: 'pending' };
  if (service.mode === 'http') {
    if (facts.certificate.state === 'failed') return { status: 'certificate_failed', reason: facts.certificate.reason };
    if (facts.certificate.state === 'pending') return { status: 'certificate_pending' };
  }
  if (facts.listener?.state === 'pending') return { status: 'pending' };
  if (facts.listener?.state === 'failed') return { status: 'error', reason: facts.listener.reason };
  const targets = service.targets.filter((t) => t.enabled);
  if (targets.length === 0) return { status: 'error', reason: 'Every target is switched off.' };
  if (!targets.some((t) => facts.agentUp(t.agentId)))
    return { status: 'tunnel_not_created', reason: OFFLINE_WORDS[service.mode] };
  const cut = targets.find((t) => !facts.agentUp(t.agentId));
  if (cut !== undefined)
    return {
      status: 'error',
      reason: `The laptop behind ${cut.path} is not connected. Visitors see an "offline" page there.`,
    };
  for (const target of targets) {
    const problem = facts.targetProblem(target.id);
    if (problem !== undefined)
      return {
        status: 'error',
        reason: PROBLEM_WORDS[problem](targetLabel(target)),
      };
  }
  return { status: 'active' };
}
