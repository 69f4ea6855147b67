import type { LocalPort } from '../../shared/contract/agent-state.ts';
import type { ServiceView, TargetReports } from '../../shared/contract/control-api.ts';
import { offersHttp2, type Target } from '../../shared/domain/service.ts';
import type { TargetProblem } from '../../shared/domain/status.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';

/** What was last seen of a target when it was dialled. */
export type DialOutcome = TargetProblem | 'fine';

/** The same place to dial has the same key, whichever service asks. */
export const dialKey = (open: Pick<OpenRequest, 'type' | 'host' | 'port' | 'tls' | 'skipTlsVerify' | 'udp'>): string =>
  `${open.type === 'agent' ? 'localhost' : open.host} ${open.port} ${transportOf(open)}`;

const transportOf = (open: Pick<OpenRequest, 'tls' | 'skipTlsVerify' | 'udp'>): string => {
  if (open.udp === true) return 'udp';
  if (!open.tls) return 'tcp';
  return open.skipTlsVerify ? 'skip' : 'tls';
};

/** The OPEN request that the edge would send for `target` of `service`. */
export const openOf = (service: string, target: Target): OpenRequest => ({
  service,
  type: target.type,
  host: target.host,
  port: target.port,
  tls: target.protocol === 'https',
  skipTlsVerify: target.skipTlsVerify,
  ...(offersHttp2(target) ? { http2: true } : {}),
  ...(target.protocol === 'udp' ? { udp: true } : {}),
  connectTimeout: target.connectTimeout,
});

/** What counts of a service here. */
export type TargetHolder = Pick<ServiceView, 'id' | 'enabled' | 'targets'>;

export interface HealthFacts {
  readonly agentId: string;
  /** This agent's own, and others' with targets on this machine. */
  readonly services: readonly TargetHolder[];
  readonly isAllowed: (target: OpenRequest) => boolean;
  /** The last dial of a target, by `dialKey`. */
  readonly outcomes: ReadonlyMap<string, DialOutcome>;
}

/** A target, and what the edge would send for it. */
export interface HeldTarget {
  readonly target: Target;
  readonly open: OpenRequest;
}

/** The targets of enabled services on this machine: those worth looking after. */
export const ownTargets = (agentId: string, services: readonly TargetHolder[]): HeldTarget[] =>
  services.flatMap(({ id, enabled, targets }) =>
    targets
      .filter((target) => enabled && target.agentId === agentId && target.enabled)
      .map((target) => ({ target, open: openOf(id, target) })),
  );

/** What to report to the edge: same facts, same report, in the order of target ids. */
export function targetProblems(facts: HealthFacts): TargetReports {
  const problems = new Map<string, TargetProblem>();
  for (const { target, open } of ownTargets(facts.agentId, facts.services)) {
    const outcome = facts.outcomes.get(dialKey(open));
    if (!facts.isAllowed(open)) problems.set(target.id, 'origin_not_allowed');
    else if (outcome !== undefined && outcome !== 'fine') problems.set(target.id, outcome);
  }
  const sorted = [...problems].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).slice(0, 10_000);
  return { problems: sorted.map(([targetId, problem]) => ({ targetId, problem })) };
}

/**
 * Targets to dial once to see how they are: those with a problem the last time, and those never dialled, except that
 * a plain loopback port which is listed as listening is taken at its word. A loopback port that was fine and is not
 * listed any more is looked at again (not everything that accepts is listed: containers may be reached by rewriting).
 */
export function targetsToCheck(facts: HealthFacts, ports: readonly LocalPort[] | undefined): OpenRequest[] {
  const listening = new Set(ports?.map((p) => p.port));
  const seen = new Set<string>();
  const worth = ({ target, open }: HeldTarget): boolean => {
    const key = dialKey(open);
    // Whether anybody answers on a UDP port shows only once somebody asks what it serves.
    if (open.udp === true || seen.has(key) || !facts.isAllowed(open)) return false;
    seen.add(key);
    const outcome = facts.outcomes.get(key);
    if (outcome !== undefined && outcome !== 'fine') return true;
    if (target.type !== 'agent') return outcome === undefined;
    if (ports === undefined) return false;
    return !listening.has(target.port) || (outcome === undefined && target.protocol === 'https');
  };
  return ownTargets(facts.agentId, facts.services)
    .filter(worth)
    .map(({ open }) => open);
}
