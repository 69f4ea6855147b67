import type { z } from 'zod';
import type { newTargetSchema, ServiceView } from '../../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { type AllowedTarget, type KeptTarget, placeKey } from '../../agent/allow-list.ts';
import type { Membership } from '../membership.ts';
import type { Context, Parsed } from './context.ts';
import { refuseOwn } from './own-port.ts';
import { allowanceOf, listFull } from './publish.ts';

type Patch = Parsed<'services:update'>['patch'];
type TargetInput = Pick<z.output<typeof newTargetSchema>, 'agentId' | 'type' | 'host' | 'port' | 'protocol' | 'subnet'>;

/** A target that a patch asks for, and where it says so. */
interface Asked {
  readonly target: TargetInput;
  readonly field: string;
}

/**
 * Changes a service. Whoever asks for a target on this laptop is its user, so it is allowed first, as with publishing:
 * it must be reachable once it is live. What the edge refuses is taken back, as is what the service no longer has.
 */
export async function updateService(
  context: Context,
  before: ServiceView | undefined,
  id: string,
  patch: Patch,
): Promise<Result<ServiceView, Failure>> {
  const agent = await context.agent();
  if (!agent.ok) return agent;
  const asked = before === undefined ? [] : askedTargets(before, patch);
  if (before?.source === 'ephemeral' && (asked.length > 0 || patch.removeTargets !== undefined))
    return err(failure('input_invalid', { reason: because('exposure_target') }, 'patch'));
  const membership = context.membership();
  const own = asked.filter(({ target }) => (target.agentId ?? before?.ownerId) === before?.ownerId);
  for (const { target, field } of own) {
    const refused = refuseOwn(context, target, `${field}.port`);
    if (refused !== undefined) return err(refused);
  }
  const added = allowAll(
    membership,
    own.map(({ target }) => allowance(id, target)),
  );
  if (!added.ok) return added;
  const updated = await agent.value.control.updateService(id, patch);
  if (!updated.ok) {
    disallow(membership, added.value, before === undefined ? [] : ownPlaces(before));
    return err(inPatch(updated.error));
  }
  const live = ownPlaces(updated.value);
  // Which laptop a name meant shows only now. An edge that answers with other targets than asked for gets none allowed.
  const liveKeys = new Set(live.map(placeKey));
  const byName = asked.map(({ target }) => allowance(id, target)).filter((target) => liveKeys.has(placeKey(target)));
  allowAll(membership, byName);
  disallow(membership, [...added.value, ...(before === undefined ? [] : ownPlaces(before))], live);
  return updated;
}

/** What the laptop that owns `service` has to allow it. */
const ownPlaces = ({ id, ownerId, targets }: ServiceView): AllowedTarget[] =>
  targets.filter((target) => target.agentId === ownerId).map((target) => allowanceOf(id, target));

/** A refusal of the edge, whose input was the patch. */
const inPatch = (error: Failure): Failure =>
  error.field === undefined ? error : { ...error, field: `patch.${error.field}` };

/** The targets that `patch` makes or moves. */
function askedTargets(before: ServiceView, patch: Patch): Asked[] {
  const listed = (list: 'targets' | 'addTargets'): Asked[] =>
    (patch[list] ?? []).map((target, index) => ({ target, field: `patch.${list}.${index}` }));
  const changed = (patch.changeTargets ?? []).flatMap((change, index): Asked[] => {
    const target = before.targets.find((t) => t.id === change.id);
    const { agentId, type, host, port, protocol } = change;
    if (target === undefined || [agentId, type, host, port, protocol, change.subnet].every((v) => v === undefined))
      return [];
    const subnet = change.subnet === undefined ? target.subnet : (change.subnet ?? undefined);
    const next = {
      agentId: agentId ?? target.agentId,
      type: type ?? target.type,
      host: host ?? target.host,
      port: port ?? target.port,
      protocol: protocol ?? target.protocol,
      subnet,
    };
    return [{ target: next, field: `patch.changeTargets.${index}` }];
  });
  return [...listed('targets'), ...listed('addTargets'), ...changed];
}

const allowance = (service: string, { subnet, ...target }: TargetInput): AllowedTarget =>
  allowanceOf(service, { ...target, ...(subnet === undefined ? {} : { subnet }) });

/** Allows `targets` for good; yields those that were not allowed before. Nothing stays allowed that can't be kept. */
function allowAll(membership: Membership, targets: readonly AllowedTarget[]): Result<AllowedTarget[], Failure> {
  const { allowed } = membership;
  const before = new Set(allowed.entries().map(entryKey));
  const added = targets.filter((target) => !before.has(entryKey(target)));
  if (added.length === 0) return ok([]);
  // What isn't a target at all is left to the edge, which says why.
  const full = added.some((target) => placeKey(target) !== undefined && !allowed.allow(target));
  const kept = full ? err(listFull()) : membership.keepAllowed();
  if (kept.ok) return ok(added);
  for (const target of added) allowed.revoke(target);
  return kept;
}

/** Takes back those of `targets` that are not among `needed`. */
function disallow(membership: Membership, targets: readonly AllowedTarget[], needed: readonly AllowedTarget[]): void {
  const keep = new Set(needed.map(entryKey));
  const gone = targets.filter((target) => !keep.has(entryKey(target)));
  for (const target of gone) membership.allowed.revoke(target);
  if (gone.length > 0) membership.keepAllowed();
}

const entryKey = (target: KeptTarget): string => `${target.service ?? ''} ${placeKey(target) ?? ''}`;

/**
 * Lets another laptop's service reach what it wants on this one, or no more. A service of this laptop's own gets back
 * what it needs the same way, should the list have been lost.
 */
export function allowService(context: Context, id: string, allow: boolean): Result<null, Failure> {
  const { services, guests = [] } = context.state();
  const guest = guests.find((g) => g.id === id);
  const own = services.find((s) => s.id === id);
  const targets = guest?.targets ?? own?.targets.filter((t) => t.agentId === own.ownerId);
  if (targets === undefined) return err(failure('service_not_found', { service: id }));
  const membership = context.membership();
  if (!allow) {
    membership.allowed.forget(id);
    if (guest !== undefined) noteRefusal(context, id, true);
    return membership.keepAllowed();
  }
  for (const target of targets) {
    const refused = refuseOwn(context, target, 'id');
    if (refused !== undefined) return err(refused);
  }
  const added = allowAll(
    membership,
    targets.map((target) => allowanceOf(id, target)),
  );
  if (added.ok) noteRefusal(context, id, false);
  return added.ok ? ok(null) : added;
}

/** So many services of others are remembered as refused; the oldest are asked about again. */
const MOST_REFUSED = 1000;

/** Remembers that the user said no, so that it isn't asked again. Nothing but that depends on it. */
function noteRefusal(context: Context, id: string, refused: boolean): void {
  const { refusedGuests = [] } = context.settings.get();
  if (refusedGuests.includes(id) === refused) return;
  const rest = refusedGuests.filter((other) => other !== id);
  const kept = context.settings.set({ refusedGuests: refused ? [...rest, id].slice(-MOST_REFUSED) : rest });
  if (!kept.ok) context.logger.warn('A refusal could not be kept.', { reason: kept.error.message });
  context.touch();
}

/** Binds what an earlier version allowed to the services of this laptop that need it; see `AllowList.bind`. */
export function bindAllowances(membership: Membership): void {
  const snapshot = membership.agent?.snapshot();
  if (snapshot?.servicesKnown !== true) return;
  const lasting = snapshot.services.filter((service) => service.source === 'permanent');
  if (membership.allowed.bind(() => lasting.flatMap(ownPlaces))) membership.keepAllowed();
}
