import type { GuestService, ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import type { InspectedService } from '../../agent/inspect/inspector.ts';
import type { Context, Handlers, Parsed } from './context.ts';

type InspectorChannel = 'inspector:set' | 'inspector:list' | 'inspector:get' | 'inspector:clear' | 'inspector:replay';

/** The inspector of requests: off until somebody switches it on for a service, and in memory only. */
export function inspectorHandlers(context: Context): Handlers<InspectorChannel> {
  const { inspector } = context;
  return {
    async 'inspector:set'({ serviceId, enabled }) {
      const { services } = context.state();
      const service = services.find(({ id }) => id === serviceId);
      if (enabled && service === undefined) return err(failure('service_not_found', { service: serviceId }));
      if (enabled && service?.mode !== 'http')
        return err(failure('input_invalid', { reason: because('inspect_http') }));
      inspector.set(serviceId, enabled);
      return ok(null);
    },
    'inspector:list': async ({ serviceId, before, limit }) =>
      ok(
        inspector.list({
          limit,
          ...(serviceId === undefined ? {} : { serviceId }),
          ...(before === undefined ? {} : { before }),
        }),
      ),
    'inspector:get': ({ id }) => inspector.get(id),
    async 'inspector:clear'({ serviceId }) {
      inspector.clear(serviceId);
      return ok(null);
    },
    async 'inspector:replay'({ id, edit }) {
      const agent = await context.agent();
      return agent.ok ? inspector.replay(id, editOf(edit), agent.value.dialOrigin) : agent;
    },
  };
}

const editOf = (edit: Parsed<'inspector:replay'>['edit']) =>
  edit === undefined
    ? undefined
    : { ...edit, body: edit.body === undefined ? undefined : Buffer.from(edit.body, 'base64') };

/** What the inspector needs to know of the services whose requests come here. */
export const inspectedServices = (
  services: readonly ServiceView[],
  guests: readonly GuestService[],
): readonly InspectedService[] => [
  ...services.map(({ id, targets, auth }) => ({
    id,
    secretHeaders: [
      ...targets.flatMap(({ customHeaders = [] }) => customHeaders.map(({ name }) => name.toLowerCase())),
      ...(auth?.headers ?? []).map(({ name }) => name.toLowerCase()),
    ],
  })),
  ...guests.map(({ id }) => ({ id, secretHeaders: [] })),
];
