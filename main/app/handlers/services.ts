import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import type { Context, Handlers } from './context.ts';
import { publish } from './publish.ts';
import { allowService, updateService } from './service-update.ts';

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
  const find = (id: string): ServiceView | undefined => context.state().services.find((s) => s.id === id);
  /** Exposures that were made here. Bounded by the edge's limit a laptop, and swept. */
  const exposures = new Set<string>();

  /** Takes back what a service that is gone was allowed. */
  function disallow(id: string): void {
    const membership = context.membership();
    exposures.delete(id);
    const before = membership.allowed.entries().length;
    membership.allowed.forget(id);
    if (membership.allowed.entries().length < before) membership.keepAllowed();
  }

  /** Exposures that ended without us (expired, or removed elsewhere) leave no allowance behind. */
  function sweep(): void {
    const { servicesKnown, services } = context.state();
    if (!servicesKnown || exposures.size < 32) return;
    const live = new Set(services.map((s) => s.id));
    for (const id of exposures) if (!live.has(id)) disallow(id);
  }

  return {
    async 'services:publish'(input) {
      sweep();
      const published = await publish(context, input);
      if (published.ok && input.source === 'ephemeral') exposures.add(published.value.id);
      return published;
    },
    async 'services:setEnabled'({ id, enabled }) {
      const agent = await context.agent();
      return agent.ok ? agent.value.control.updateService(id, { enabled }) : agent;
    },
    async 'services:rename'({ id, name }) {
      const trimmed = name.trim();
      if (trimmed === '') return err(failure('input_invalid', { reason: because('name_missing') }, 'name'));
      const agent = await context.agent();
      return agent.ok ? agent.value.control.updateService(id, { name: trimmed }) : agent;
    },
    'services:update': ({ id, patch }) => updateService(context, find(id), id, patch),
    'services:allow': async ({ id, allowed }) => allowService(context, id, allowed),
    async 'services:remove'({ id }) {
      const agent = await context.agent();
      if (!agent.ok) return agent;
      const removed = await agent.value.control.removeService(id);
      if (!removed.ok && removed.error.code !== 'service_not_found') return removed;
      disallow(id);
      return removed.ok ? ok(null) : removed;
    },
    async 'services:renew'({ id }) {
      const agent = await context.agent();
      if (!agent.ok) return agent;
      const renewed = await agent.value.control.renewService(id);
      if (!renewed.ok) {
        if (['exposure_expired', 'service_not_found'].includes(renewed.error.code)) disallow(id);
        return renewed;
      }
      // What the edge says the targets are allows none of them: only the publication did, with what the user named.
      return renewed;
    },
  };
}
