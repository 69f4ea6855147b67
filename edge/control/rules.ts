import type { z } from 'zod';
import type { newServiceSchema, newTargetSchema, servicePatchSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { isDialHost, isUnder } from '../../shared/domain/hostname.ts';
import { createId } from '../../shared/domain/id.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import {
  DEFAULT_CONNECT_TIMEOUT,
  EXPOSURE_LIFETIME,
  parseName,
  parseNamePrefix,
  randomName,
  type Service,
  type Target,
} from '../../shared/domain/service.ts';

type ServiceInput = z.output<typeof newServiceSchema>;
type ServiceChange = z.output<typeof servicePatchSchema>;
type TargetInput = z.output<typeof newTargetSchema>;

/** What the rules need to know of their surroundings. */
export interface RuleContext {
  /** The cluster domain, lower-case. */
  readonly domain: string;
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

/**
 * The service that `input` of agent `agentId` asks for. Fails with `name_invalid`, `domain_foreign`, `host_invalid`,
 * `input_invalid`. Whether the domain is free, the store decides.
 */
export function makeService(context: RuleContext, agentId: string, input: ServiceInput): Result<Service, Failure> {
  const label = chooseLabel(context, input);
  if (!label.ok) return label;
  const domain = domainOf(context, label.value);
  if (!domain.ok) return domain;
  const targets = makeTargets(context, agentId, input.targets, []);
  if (!targets.ok) return targets;
  const createdAt = context.now();
  return ok({
    id: createId(createdAt, context.random),
    name: input.name ?? label.value,
    mode: 'http',
    domain: domain.value,
    targets: targets.value,
    enabled: input.enabled,
    passHostHeader: input.passHostHeader,
    source: input.source,
    ownerId: agentId,
    createdAt,
    ...(input.source === 'ephemeral' ? { expiresAt: createdAt + EXPOSURE_LIFETIME } : {}),
  });
}

/** Whether the name of a service came out of a hat, so that another draw is as good when it is taken. */
export const isRandomName = (input: ServiceInput): boolean => input.subdomain === undefined;

/** `service` with `change` made; the very same value when nothing differs. Fails as `makeService` does. */
export function changeService(context: RuleContext, service: Service, change: ServiceChange): Result<Service, Failure> {
  let { domain, targets } = service;
  if (change.subdomain !== undefined) {
    const label = parseSubdomain(context, change.subdomain);
    if (!label.ok) return label;
    const moved = domainOf(context, label.value);
    if (!moved.ok) return moved;
    domain = moved.value;
  }
  if (change.targets !== undefined) {
    const made = makeTargets(context, service.ownerId, change.targets, service.targets);
    if (!made.ok) return made;
    targets = made.value;
  }
  const { name = service.name, enabled = service.enabled, passHostHeader = service.passHostHeader } = change;
  const next: Service = { ...service, name, domain, targets, enabled, passHostHeader };
  return ok(JSON.stringify(next) === JSON.stringify(service) ? service : next);
}

function chooseLabel(context: RuleContext, input: ServiceInput): Result<string, Failure> {
  if (input.subdomain !== undefined) {
    if (input.namePrefix !== undefined)
      return err(failure('input_invalid', { reason: 'Give a name or a prefix, not both.' }, 'namePrefix'));
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
    return err(failure('name_invalid', { name: text, reason: 'it belongs to the edge itself.' }, 'subdomain'));
  const under = typed.includes('.') && isUnder(typed, context.domain);
  if (typed.includes('.') && !under)
    return err(failure('domain_foreign', { domain: text, cluster: context.domain }, 'subdomain'));
  const label = parseName(under ? typed.slice(0, -context.domain.length - 1) : typed);
  return label.ok ? label : err({ ...label.error, field: 'subdomain' });
}

function domainOf(context: RuleContext, label: string): Result<string, Failure> {
  const domain = `${label}.${context.domain}`;
  if (domain.length <= 253) return ok(domain);
  const reason = 'with the cluster domain it is longer than 253 characters.';
  return err(failure('name_invalid', { name: label, reason }, 'subdomain'));
}

/** Targets that are the same as before keep their id, and with it what is known of them. */
function makeTargets(
  context: RuleContext,
  agentId: string,
  inputs: readonly TargetInput[],
  before: readonly Target[],
): Result<Target[], Failure> {
  const targets: Target[] = [];
  for (const [index, input] of inputs.entries()) {
    const made = makeTarget(input, `targets.${index}`);
    if (!made.ok) return made;
    const { path, type, host, port, protocol } = made.value;
    if (targets.some((t) => t.path === path)) {
      const reason = `The path ${path} occurs twice. Each target of a service takes another path.`;
      return err(failure('input_invalid', { reason }, `targets.${index}.path`));
    }
    const same = before.find(
      (t) => t.path === path && t.type === type && t.host === host && t.port === port && t.protocol === protocol,
    );
    targets.push({ id: same?.id ?? createId(context.now(), context.random), agentId, ...made.value });
  }
  return ok(targets);
}

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

function makeTarget(input: TargetInput, field: string): Result<Omit<Target, 'id' | 'agentId'>, Failure> {
  const path = parsePath(input.path, `${field}.path`);
  if (!path.ok) return path;
  const host = input.host.trim().toLowerCase().replace(/\.$/, '');
  if (!isDialHost(host)) return err(failure('host_invalid', { host: input.host }, `${field}.host`));
  if (input.type === 'agent' && !LOOPBACK_NAMES.has(host)) {
    const reason = `A target of type "agent" is on the laptop itself; for ${host} use type "host".`;
    return err(failure('input_invalid', { reason }, `${field}.host`));
  }
  return ok({
    type: input.type,
    host: input.type === 'agent' ? 'localhost' : host.replace(/^\[|\]$/g, ''),
    port: input.port,
    protocol: input.protocol,
    path: path.value,
    enabled: input.enabled,
    // Development servers on the laptop's loopback sign their own certificates; elsewhere that is worth a refusal.
    skipTlsVerify: input.protocol === 'https' && (input.skipTlsVerify ?? input.type === 'agent'),
    connectTimeout: input.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT,
  });
}

/** Characters of a path segment that mean themselves, however a server reads them (RFC 3986 `pchar` without `%`, `;`). */
const SEGMENT = /^[A-Za-z0-9._~!$&'()*+,=:@-]+$/;

/**
 * A path prefix in the one form that requests are matched against: no slash at its end, no empty segments. Dots,
 * escapes and parameters are refused, because servers disagree on what they mean.
 */
function parsePath(text: string, field: string): Result<string, Failure> {
  const segments = text.split('/').filter((segment) => segment !== '');
  for (const segment of segments) {
    if (segment === '.' || segment === '..' || !SEGMENT.test(segment)) {
      const reason = `The path "${text.slice(0, 60)}" is not valid. Use letters, digits and plain punctuation between slashes.`;
      return err(failure('input_invalid', { reason }, field));
    }
  }
  return ok(`/${segments.join('/')}`);
}
