import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { newServiceSchema, servicePatchSchema } from '../../shared/contract/control-api.ts';
import type { ServiceAuth } from '../../shared/domain/auth.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { isUnder } from '../../shared/domain/hostname.ts';
import { createId } from '../../shared/domain/id.ts';
import { because } from '../../shared/domain/reason.ts';
import { checkRestrictions } from '../../shared/domain/restriction-rules.ts';
import type { Restrictions } from '../../shared/domain/restrictions.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import {
  EXPOSURE_LIFETIME,
  parseName,
  parseNamePrefix,
  randomName,
  type Service,
} from '../../shared/domain/service.ts';
import { changeMethods, type PreparedAuth } from './auth-change.ts';
import { checkPort, type PortRules } from './port-rules.ts';
import { changeTargets, makeTargets } from './targets.ts';

type ServiceInput = z.output<typeof newServiceSchema>;
type ServiceChange = z.output<typeof servicePatchSchema>;

/** What the rules need to know of their surroundings. */
export interface RuleContext {
  /** The cluster domain, lower-case. */
  readonly domain: string;
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly ports: PortRules;
}

/**
 * The service that `input` of agent `agentId` asks for, at `listenPort` (chosen by `port-choice.ts`). Fails with
 * `name_invalid`, `domain_foreign`, `host_invalid`, `header_invalid`, `input_invalid`. Whether domain and port are free, the store decides.
 */
export function makeService(
  context: RuleContext,
  agentId: string,
  input: ServiceInput,
  listenPort?: number,
  prepared?: PreparedAuth,
): Result<Service, Failure> {
  const auth = methodsAfter(undefined, input.auth, prepared);
  if (!auth.ok) return auth;
  const restrictions = restrictionsAfter(undefined, input.restrictions);
  if (!restrictions.ok) return restrictions;
  const { mode = 'http' } = input;
  const label = chooseLabel(context, input);
  if (!label.ok) return label;
  const domain = domainOf(context, label.value);
  if (!domain.ok) return domain;
  const targets = makeTargets(context, mode, agentId, input.targets);
  if (!targets.ok) return targets;
  const createdAt = context.now();
  return ok({
    id: createId(createdAt, context.random),
    name: input.name ?? label.value,
    mode,
    domain: domain.value,
    targets: targets.value,
    ...(listenPort === undefined ? {} : { listenPort }),
    enabled: input.enabled,
    passHostHeader: mode === 'http' && input.passHostHeader,
    ...(mode === 'http' && input.rewriteRedirects === true ? { rewriteRedirects: true } : {}),
    ...(auth.value === undefined ? {} : { auth: auth.value }),
    ...(restrictions.value === undefined ? {} : { restrictions: restrictions.value }),
    source: input.source,
    ownerId: agentId,
    createdAt,
    ...(input.source === 'ephemeral' ? { expiresAt: createdAt + EXPOSURE_LIFETIME } : {}),
  });
}

/** Whether the name of a service came out of a hat, so that another draw is as good when it is taken. */
export const isRandomName = (input: ServiceInput): boolean => input.subdomain === undefined;

/**
 * `service` with `change` made, its methods as `prepared` has them; the very same value when nothing differs. Fails as
 * `makeService` does.
 */
export function changeService(
  context: RuleContext,
  service: Service,
  change: ServiceChange,
  prepared?: PreparedAuth,
): Result<Service, Failure> {
  const auth = methodsAfter(service.auth, change.auth, prepared);
  if (!auth.ok) return auth;
  const restrictions = restrictionsAfter(service.restrictions, change.restrictions);
  if (!restrictions.ok) return restrictions;
  let { domain } = service;
  if (change.subdomain !== undefined) {
    const label = parseSubdomain(context, change.subdomain);
    if (!label.ok) return label;
    const moved = domainOf(context, label.value);
    if (!moved.ok) return moved;
    domain = moved.value;
  }
  const targets = changeTargets(context, service, change);
  if (!targets.ok) return targets;
  const port = change.listenPort === undefined ? ok(service.listenPort) : movePort(context, service, change.listenPort);
  if (!port.ok) return port;
  const { name = service.name, enabled = service.enabled } = change;
  const passHostHeader = service.mode === 'http' && (change.passHostHeader ?? service.passHostHeader);
  const { listenPort: _port, rewriteRedirects: before = false, auth: _auth, restrictions: _rules, ...rest } = service;
  const rewriteRedirects = service.mode === 'http' && (change.rewriteRedirects ?? before);
  const next: Service = {
    ...rest,
    name,
    domain,
    targets: targets.value,
    ...(port.value === undefined ? {} : { listenPort: port.value }),
    enabled,
    passHostHeader,
    ...(rewriteRedirects ? { rewriteRedirects } : {}),
    ...(auth.value === undefined ? {} : { auth: auth.value }),
    ...(restrictions.value === undefined ? {} : { restrictions: restrictions.value }),
  };
  return ok(isDeepStrictEqual(next, service) ? service : next);
}

function methodsAfter(
  before: ServiceAuth | undefined,
  patch: ServiceChange['auth'],
  prepared: PreparedAuth | undefined,
): Result<ServiceAuth | undefined, Failure> {
  if (patch === undefined) return ok(before);
  if (prepared !== undefined) return changeMethods(before, prepared);
  // Fail closed: what can't be enforced must not look as if it were.
  return err(failure('input_invalid', { reason: because('no_secret_key') }, 'auth'));
}

function restrictionsAfter(
  before: Restrictions | undefined,
  input: ServiceChange['restrictions'],
): Result<Restrictions | undefined, Failure> {
  if (input === undefined) return ok(before);
  return input === null ? ok(undefined) : checkRestrictions(input);
}

/** A port that stays is not looked at again: the edge's own settings may have changed since it was given. */
function movePort({ ports }: RuleContext, service: Service, wanted: number): Result<number | undefined, Failure> {
  return wanted === service.listenPort ? ok(wanted) : checkPort(ports, service.mode, wanted);
}

function chooseLabel(context: RuleContext, input: ServiceInput): Result<string, Failure> {
  if (input.subdomain !== undefined) {
    if (input.namePrefix !== undefined)
      return err(failure('input_invalid', { reason: because('name_or_prefix') }, 'namePrefix'));
    return parseSubdomain(context, input.subdomain);
  }
  if (input.namePrefix === undefined) return ok(randomName(context.random));
  const prefix = parseNamePrefix(input.namePrefix);
  return prefix.ok ? ok(randomName(context.random, prefix.value)) : prefix;
}

/** A label, or a whole domain under the cluster's, as people paste it. The cluster's own name is the edge's. */
function parseSubdomain(context: RuleContext, text: string): Result<string, Failure> {
  const typed = text.trim().toLowerCase().replace(/\.$/, '');
  if (typed === context.domain)
    return err(failure('name_invalid', { name: text, reason: because('name_of_edge') }, 'subdomain'));
  const under = typed.includes('.') && isUnder(typed, context.domain);
  if (typed.includes('.') && !under)
    return err(failure('domain_foreign', { domain: text, cluster: context.domain }, 'subdomain'));
  const label = parseName(under ? typed.slice(0, -context.domain.length - 1) : typed);
  return label.ok ? label : err({ ...label.error, field: 'subdomain' });
}

function domainOf(context: RuleContext, label: string): Result<string, Failure> {
  const domain = `${label}.${context.domain}`;
  if (domain.length <= 253) return ok(domain);
  const reason = because('name_with_cluster', { limit: 253 });
  return err(failure('name_invalid', { name: label, reason }, 'subdomain'));
}
