import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import type { Target } from '../../../shared/domain/service.ts';
import type { Context, Handlers } from './context.ts';
import { allowanceOf, publish } from './publish.ts';
import { allowGuest, updateService } from './service-update.ts';

type ServiceChannel =
  | 'services:publish'
  | 'services:setEnabled'
  | 'services:rename'
  | 'services:update'
  | 'services:allow'
  | 'services:remove'
  | 'services:renew';

/** Publishing local ports, and what can be done with a service afterwards. */
export function serviceHandlers(context: Context): Handlers<ServiceChannel> {
  /** Service id of an exposure → under which name its target is allowed. Bounded by the edge's limit a laptop. */
  const exposures = new Map<string, string>();
  const find = (id: string): ServiceView | undefined => context.state().services.find((s) => s.id === id);

  /** Takes back what was allowed for a service that is gone, unless another one needs it. */
  function disallow(id: string, service: ServiceView | undefined): void {
    const membership = context.membership();
    const { allowed } = membership;
    const owner = exposures.get(id);
    exposures.delete(id);
    if (owner !== undefined) allowed.release(owner);
    if (service === undefined || service.source === 'ephemeral') return;
    const { services, guests = [] } = context.state();
    const others = [
      ...services.filter((s) => s.id !== id && s.source === 'permanent'),
      ...guests.filter((g) => g.allowed),
    ];
    const needed = new Set(others.flatMap((s) => s.targets).map(targetKey));
    const unneeded = service.targets.filter((t) => t.agentId === service.ownerId && !needed.has(targetKey(t)));
    for (const target of unneeded) allowed.revoke(allowanceOf(target));
    if (unneeded.length > 0) membership.keepAllowed();
  }

  /** Exposures that ended without us (expired, or removed elsewhere) leave no allowance behind. */
  function sweep(): void {
    const { servicesKnown, services } = context.state();
    if (!servicesKnown || exposures.size < 32) return;
    const live = new Set(services.map((s) => s.id));
    for (const id of exposures.keys()) if (!live.has(id)) disallow(id, undefined);
  }

  return {
    'services:publish': (input) => {
      sweep();
      return publish(context, exposures, input);
    },
    async 'services:setEnabled'({ id, enabled }) {
      const agent = await context.agent();
      return agent.ok ? agent.value.control.updateService(id, { enabled }) : agent;
    },
    async 'services:rename'({ id, name }) {
      const trimmed = name.trim();
      if (trimmed === '')
        return err(failure('input_invalid', { reason: 'The name is empty. Give the service one.' }, 'name'));
      const agent = await context.agent();
      return agent.ok ? agent.value.control.updateService(id, { name: trimmed }) : agent;
    },
    'services:update': ({ id, patch }) => updateService(context, find(id), id, patch),
    'services:allow': async ({ id, allowed }) => allowGuest(context, id, allowed),
    async 'services:remove'({ id }) {
      const service = find(id);
      const agent = await context.agent();
      if (!agent.ok) return agent;
      const removed = await agent.value.control.removeService(id);
      if (!removed.ok && removed.error.code !== 'service_not_found') return removed;
      disallow(id, service);
      return removed.ok ? ok(null) : removed;
    },
    async 'services:renew'({ id }) {
      const agent = await context.agent();
      if (!agent.ok) return agent;
      const renewed = await agent.value.control.renewService(id);
      if (!renewed.ok) {
        if (['exposure_expired', 'service_not_found'].includes(renewed.error.code)) disallow(id, undefined);
        return renewed;
      }
      // What the edge says the targets are allows none of them: only the publication did, with what the user named.
      return renewed;
    },
  };
}

const targetKey = (target: Target): string => JSON.stringify(allowanceOf(target));
