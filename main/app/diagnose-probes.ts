import type { LinkState } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { authority, type Target } from '../../shared/domain/service.ts';
import { RESET } from '../../shared/wire/codes.ts';
import type { Agent } from '../agent/agent.ts';
import type { AllowList } from '../agent/allow-list.ts';
import { glanceAt } from '../agent/edge-about.ts';
import { describeEdge } from '../agent/edge-address.ts';
import { LoopbackMemory } from '../agent/loopback.ts';
import { dialOrigin } from '../agent/origin-dial.ts';
import type { FindWay } from '../agent/proxy-choice.ts';
import { openOf } from '../agent/target-health.ts';
import { fail, type OriginProbe, type Probe, type Probes, STEP_LIMIT, type Verdict } from './diagnose.ts';
import { createWayProbes } from './diagnose-way.ts';
import { allowanceOf } from './handlers/publish.ts';
import type { EdgePlace } from './membership.ts';

/** Milliseconds that this laptop's clock may differ from the edge's before certificates and sessions suffer. */
export const CLOCK_TOLERANCE = 60_000;

/** What the probes look at. */
export interface DiagnoseFacts {
  readonly place: EdgePlace | undefined;
  readonly agent: Pick<Agent, 'control'> | undefined;
  readonly link: LinkState;
  /** This laptop's own, and what others want from it. */
  readonly services: readonly Pick<ServiceView, 'id' | 'name' | 'enabled' | 'targets'>[];
  readonly agentIds: ReadonlySet<string>;
  readonly allowed: AllowList;
  readonly findWay: FindWay;
  readonly now: () => number;
}

const NOT_RUNNING: Verdict = { state: 'fail', finding: 'edge_not_running' };
const NO_WAY: Pick<Probes, 'proxy' | 'name' | 'port'> = {
  proxy: async () => ({ state: 'ok', finding: 'proxy_none' }),
  name: async () => NOT_RUNNING,
  port: async () => NOT_RUNNING,
};

/** The real probes: they dial, and send the edge nothing but what the agent sends it anyway. */
export function createProbes(facts: DiagnoseFacts): Probes {
  const { place, link } = facts;
  let offset: number | undefined;

  return {
    ...(place === undefined ? NO_WAY : createWayProbes(place.address, facts.findWay)),
    async certificate(signal) {
      if (place === undefined) return NOT_RUNNING;
      const seen = await glanceAt(place.address, place.trust, signal, facts.findWay);
      const at = describeEdge(place.address);
      if (!seen.ok) {
        const untrusted = seen.error.code === 'edge_untrusted';
        return fail(untrusted ? 'certificate_untrusted' : 'certificate_failed', { at, reason: seen.error });
      }
      offset = seen.value.date === undefined ? undefined : facts.now() - seen.value.date;
      const isPublic = seen.value.certificate.kind === 'public';
      return { state: 'ok', finding: isPublic ? 'certificate_public' : 'certificate_private', values: { at } };
    },
    clock: async () => judgeClock(offset),
    credential: () => askWithCredential(facts.agent),
    tunnel: async () => judgeLink(link),
    origins: originProbes(facts),
  };
}

/** `offset`: how far this clock is ahead of the edge's, in milliseconds. */
export function judgeClock(offset: number | undefined): Verdict {
  if (offset === undefined) return { state: 'warn', finding: 'clock_untold' };
  const seconds = Math.round(offset / 1000);
  // Positive: ahead.
  if (Math.abs(offset) > CLOCK_TOLERANCE) return { state: 'fail', finding: 'clock_wrong', values: { seconds } };
  return { state: 'ok', finding: 'clock_ok' };
}

async function askWithCredential(agent: DiagnoseFacts['agent']): Promise<Verdict> {
  if (agent === undefined) return fail('credential_none');
  const asked = await agent.control.cluster();
  if (asked.ok) return { state: 'ok', finding: 'credential_ok' };
  if (asked.error.code === 'credential_unknown') return fail('credential_unknown');
  return fail('credential_failed', { reason: asked.error });
}

export function judgeLink(link: LinkState): Verdict {
  if (link.state === 'up')
    return {
      state: 'ok',
      finding: 'tunnel_up',
      ...(link.roundTrip === undefined ? {} : { values: { ms: Math.max(1, Math.round(link.roundTrip)) } }),
    };
  if (link.state === 'paused') return { state: 'warn', finding: 'tunnel_paused' };
  if (link.failure !== undefined) return fail('tunnel_down', { reason: link.failure });
  return { state: 'warn', finding: 'tunnel_connecting' };
}

function originProbes({ services, agentIds, allowed }: DiagnoseFacts): readonly OriginProbe[] {
  return services
    .filter((service) => service.enabled)
    .flatMap(({ id, name, targets }) =>
      targets
        .filter((target) => target.enabled && agentIds.has(target.agentId))
        .map((target) => ({
          id: target.id,
          service: name,
          target: describeTarget(target),
          look: originProbe(id, target, allowed),
        })),
    );
}

const describeTarget = ({ type, host, port }: Target): string =>
  type === 'unix' ? host : authority(type === 'agent' ? 'localhost' : host, port);

function originProbe(service: string, target: Target, allowed: AllowList): Probe {
  const values = { target: describeTarget(target) };
  return async (signal) => {
    if (!allowed.isAllowed(allowanceOf(service, target))) return fail('origin_forbidden', values);
    if (target.protocol === 'udp') return { state: 'skipped', finding: 'origin_udp', values };
    const open = { ...openOf(service, target), connectTimeout: Math.min(target.connectTimeout, STEP_LIMIT) };
    const dialled = await dialOrigin(open, signal, new LoopbackMemory());
    if (dialled.ok) {
      dialled.value.socket.on('error', () => {}).destroy();
      return { state: 'ok', finding: 'origin_ok', values };
    }
    const { code, reason } = dialled.error;
    if (code === RESET.REFUSED) return fail('origin_refused', values);
    if (code === RESET.TIMEOUT) return fail('origin_silent', values);
    return fail('origin_failed', { ...values, reason });
  };
}
