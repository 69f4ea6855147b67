import type { z } from 'zod';
import type { newTargetSchema, ServiceView } from '../../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Target } from '../../../shared/domain/service.ts';
import type { AllowedTarget } from '../../agent/allow-list.ts';
import type { Membership } from '../membership.ts';
import type { Context, Parsed } from './context.ts';
import { refuseOwnPort } from './own-port.ts';
import { allowanceOf } from './publish.ts';

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
    return err(failure('input_invalid', { reason: 'An exposure keeps the target that it was made with.' }, 'patch'));
  const membership = context.membership();
  const own = asked.filter(({ target }) => (target.agentId ?? before?.ownerId) === before?.ownerId);
  for (const { target, field } of own) {
    const refused = refuseOwnPort(context.ownPorts(), target, `${field}.port`);
    if (refused !== undefined) return err(refused);
  }
  const added = allowAll(
    membership,
    own.map(({ target }) => allowance(target)),
  );
  if (!added.ok) return added;
  const updated = await agent.value.control.updateService(id, patch);
  const targets = updated.ok ? updated.value.targets : [];
  const live = updated.ok ? targets.filter((t) => t.agentId === updated.value.ownerId) : [];
  // Which laptop a name meant shows only now. An edge that answers with other targets than asked for gets none allowed.
  const liveKeys = new Set(live.map((t) => entryKey(allowanceOf(t))));
  const byName = asked.map(({ target }) => allowance(target)).filter((target) => liveKeys.has(entryKey(target)));
  allowAll(membership, byName);
  const gone = before?.targets.filter((t) => t.agentId === before.ownerId && !targets.some((n) => n.id === t.id)) ?? [];
  const unneeded = updated.ok ? [...added.value, ...moved(before, live), ...gone.map(allowanceOf)] : added.value;
  const still = updated.ok ? live : (before?.targets ?? []);
  disallow(membership, unneeded, [...neededBesides(context, id), ...still.map(allowanceOf)]);
  return updated.ok ? updated : err(inPatch(updated.error));
}

/** A refusal of the edge, whose input was the patch. */
const inPatch = (error: Failure): Failure =>
  error.field === undefined ? error : { ...error, field: `patch.${error.field}` };

/** Where targets that are still there led before. */
const moved = (before: ServiceView | undefined, live: readonly Target[]): AllowedTarget[] =>
  (before?.targets ?? []).filter((t) => live.some((n) => n.id === t.id)).map(allowanceOf);

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

const allowance = ({ subnet, ...target }: TargetInput): AllowedTarget =>
  allowanceOf({ ...target, ...(subnet === undefined ? {} : { subnet }) });

/** Allows `targets` for good; yields those that were not allowed before. Nothing stays allowed that can't be kept. */
function allowAll(membership: Membership, targets: readonly AllowedTarget[]): Result<AllowedTarget[], Failure> {
  const { allowed } = membership;
  const before = new Set(allowed.entries().map(entryKey));
  const added = targets.filter((target) => !before.has(entryKey(target)));
  if (added.length === 0) return ok([]);
  const takeBack = (): void => {
    for (const target of added) allowed.revoke(target);
  };
  // What isn't a target at all is left to the edge, which says why.
  for (const target of added) allowed.allow(target);
  const kept = membership.keepAllowed();
  if (kept.ok) return ok(added);
  takeBack();
  return kept;
}

function disallow(membership: Membership, targets: readonly AllowedTarget[], needed: readonly AllowedTarget[]): void {
  const keep = new Set(needed.map(entryKey));
  const gone = targets.filter((target) => !keep.has(entryKey(target)));
  for (const target of gone) membership.allowed.revoke(target);
  if (gone.length > 0) membership.keepAllowed();
}

/** One spelling of what an entry allows. */
const entryKey = ({ type, host, port, udp, subnet }: AllowedTarget): string =>
  JSON.stringify([type, type === 'agent' ? '' : host.toLowerCase(), port, udp === true, subnet ?? '']);

/** Lets another laptop's service reach what it wants on this one, or no more. */
export function allowGuest(context: Context, id: string, allow: boolean): Result<null, Failure> {
  const guest = context.state().guests?.find((g) => g.id === id);
  if (guest === undefined) return err(failure('service_not_found', { service: id }));
  const membership = context.membership();
  const targets = guest.targets.map(allowanceOf);
  if (allow) {
    for (const target of guest.targets) {
      const refused = refuseOwnPort(context.ownPorts(), target, 'id');
      if (refused !== undefined) return err(refused);
    }
    const added = allowAll(membership, targets);
    return added.ok ? ok(null) : added;
  }
  disallow(membership, targets, neededBesides(context, id));
  return ok(null);
}

/** What this laptop's services besides `id` need, those of others that it allows among them. */
function neededBesides(context: Context, id: string): AllowedTarget[] {
  const { services, guests = [] } = context.state();
  const own = services.flatMap((s) => s.targets.filter((t) => s.id !== id && t.agentId === s.ownerId));
  const others = guests.filter((g) => g.id !== id && g.allowed).flatMap((g) => g.targets);
  return [...own, ...others].map(allowanceOf);
}
