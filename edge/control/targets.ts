import type { z } from 'zod';
import type { newTargetSchema, servicePatchSchema, targetPatchSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { createId } from '../../shared/domain/id.ts';
import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type Service, type ServiceMode, TARGETS_PER_SERVICE, type Target } from '../../shared/domain/service.ts';
import { makeTarget } from './target-rules.ts';

type TargetInput = z.output<typeof newTargetSchema>;
type TargetPatch = z.output<typeof targetPatchSchema>;
type ServiceChange = z.output<typeof servicePatchSchema>;

interface Surroundings {
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** A target that is wanted: where in the input it was said, and which one it was before, if that is known. */
interface Wanted {
  readonly input: TargetInput;
  readonly field: string;
  readonly id?: string;
}

/**
 * The targets of a new service of agent `owner`. Fails with `host_invalid`, `header_invalid`, `input_invalid`; whether
 * the agents that they name exist, the caller has found out.
 */
export function makeTargets(
  around: Surroundings,
  mode: ServiceMode,
  owner: string,
  inputs: readonly TargetInput[],
): Result<Target[], Failure> {
  return build(around, mode, owner, named(inputs, 'targets'), []);
}

/** The targets of `service` after `change`; the very same ones when it says nothing of them. Fails as `makeTargets` does. */
export function changeTargets(
  around: Surroundings,
  service: Service,
  change: ServiceChange,
): Result<readonly Target[], Failure> {
  const { targets, addTargets = [], changeTargets: changes = [], removeTargets = [] } = change;
  const single = addTargets.length + changes.length + removeTargets.length > 0;
  if (targets !== undefined && single) return invalid(because('targets_or_changes'), 'targets');
  if (targets !== undefined)
    return build(around, service.mode, service.ownerId, named(targets, 'targets'), service.targets);
  if (!single) return ok(service.targets);
  const unknown = firstUnknown(service, change);
  if (unknown !== undefined) return unknown;
  const kept = service.targets.filter((target) => !removeTargets.includes(target.id));
  if (kept.length + addTargets.length === 0) return invalid(because('targets_last'), 'removeTargets');
  const wanted = kept.map((target, at): Wanted => {
    const index = changes.findIndex((patch) => patch.id === target.id);
    const patch = changes[index];
    const field = patch === undefined ? `targets.${at}` : `changeTargets.${index}`;
    return { input: patched(target, patch), field, id: target.id };
  });
  return build(around, service.mode, service.ownerId, [...wanted, ...named(addTargets, 'addTargets')], service.targets);
}

const invalid = (reason: Because, field: string): Result<never, Failure> =>
  err(failure('input_invalid', { reason }, field));

const named = (inputs: readonly TargetInput[], list: string): Wanted[] =>
  inputs.map((input, index) => ({ input, field: `${list}.${index}` }));

/** The refusal of a change that names a target which isn't there, or one twice. */
function firstUnknown(service: Service, change: ServiceChange): Result<never, Failure> | undefined {
  const ids = new Set(service.targets.map((target) => target.id));
  const named = [
    ...(change.changeTargets ?? []).map(({ id }, index) => ({ id, field: `changeTargets.${index}.id` })),
    ...(change.removeTargets ?? []).map((id, index) => ({ id, field: `removeTargets.${index}` })),
  ];
  for (const { id, field } of named) if (!ids.delete(id)) return invalid(because('target_unknown'), field);
  return undefined;
}

/** `target` as somebody would have asked for it, with what `patch` names instead. */
function patched(target: Target, patch: TargetPatch | undefined): TargetInput {
  const { id: _, customHeaders, ...before } = target;
  const input: Record<string, unknown> = { ...before, customHeaders };
  // What speaks TLS to the origin decides anew whether that is verified, unless it is said.
  if (patch?.protocol !== undefined && patch.protocol !== target.protocol) delete input.skipTlsVerify;
  if (patch?.type !== undefined && patch.type !== 'subnet') delete input.subnet;
  for (const [key, value] of Object.entries(patch ?? {}))
    if (key !== 'id' && value !== undefined) input[key] = value ?? undefined;
  // Every key of a target and of its patch is one of the input's, with a value that was parsed as such.
  return input as unknown as TargetInput;
}

/** Targets that are the same as before keep their id, and with it what is known of them. */
function build(
  around: Surroundings,
  mode: ServiceMode,
  owner: string,
  wanted: readonly Wanted[],
  before: readonly Target[],
): Result<Target[], Failure> {
  if (mode !== 'http' && wanted.length !== 1) return invalid(because('targets_one', { mode }), 'targets');
  if (wanted.length > TARGETS_PER_SERVICE)
    return invalid(because('targets_many', { limit: TARGETS_PER_SERVICE }), 'addTargets');
  const targets: Target[] = [];
  for (const { input, field, id } of wanted) {
    const made = makeTarget(mode, input, field);
    if (!made.ok) return made;
    const agentId = input.agentId ?? owner;
    const { path, type, host, port, protocol } = made.value;
    if (targets.some((t) => t.path === path)) return invalid(because('target_path_twice', { path }), `${field}.path`);
    const same = before.find(
      (t) =>
        t.agentId === agentId &&
        t.path === path &&
        t.type === type &&
        t.host === host &&
        t.port === port &&
        t.protocol === protocol,
    );
    targets.push({ id: id ?? same?.id ?? createId(around.now(), around.random), agentId, ...made.value });
  }
  return ok(targets);
}
