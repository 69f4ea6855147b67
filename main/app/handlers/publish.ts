import { isIP } from 'node:net';
import type { NewTarget, ServiceView } from '../../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { isDialHost } from '../../../shared/domain/hostname.ts';
import { type Because, because } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import {
  isPort,
  parseName,
  parseNamePrefix,
  type ServiceMode,
  suggestName,
  suggestSocketName,
  type Target,
} from '../../../shared/domain/service.ts';
import { isUnixPath } from '../../../shared/domain/unix-path.ts';
import type { Agent } from '../../agent/agent.ts';
import type { AllowedTarget, Place } from '../../agent/allow-list.ts';
import type { Membership } from '../membership.ts';
import type { Context, Parsed } from './context.ts';
import { refuseOwn } from './own-port.ts';

type PublishInput = Parsed<'services:publish'>;
/** Names that are tried when the user gave none: `vite-5173`, `vite-5173-2` … */
const NAMES_TRIED = 20;

/** A publication whose every part was checked. */
interface Plan {
  readonly mode: ServiceMode;
  readonly target: Omit<NewTarget, 'subnet'> & Pick<Target, 'type' | 'host' | 'port' | 'protocol' | 'subnet'>;
  readonly listenPort: number | undefined;
  readonly name: string | undefined;
  readonly namePrefix: string | undefined;
  readonly source: 'permanent' | 'ephemeral';
  readonly auth: PublishInput['auth'];
  readonly restrictions: PublishInput['restrictions'];
}

/** Checks everything that can be checked without the edge, so that a mistake changes nothing anywhere. */
export function planPublication(input: PublishInput): Result<Plan, Failure> {
  const place = planPlace(input);
  if (!place.ok) return place;
  const path = input.path ?? '/';
  if (!/^\/[\x21-\x7e]*$/.test(path) || /[?#\\]/.test(path))
    return err(failure('input_invalid', { reason: because('publish_path', { path }) }, 'path'));
  const name = input.name === undefined ? undefined : parseName(input.name);
  if (name?.ok === false) return name;
  const namePrefix = input.namePrefix === undefined ? undefined : parseNamePrefix(input.namePrefix);
  if (namePrefix?.ok === false) return namePrefix;
  if (name !== undefined && namePrefix !== undefined)
    return err(failure('input_invalid', { reason: because('name_or_prefix_for_one') }, 'namePrefix'));
  const { protocol = 'http', listenPort } = input;
  const mode = protocol === 'https' ? 'http' : protocol;
  const misfit = refuseMisfits(mode, input);
  if (misfit !== undefined) return err(misfit);
  return ok({
    mode,
    target: {
      ...place.value,
      port: input.port,
      protocol: protocol === 'tls' ? 'tcp' : protocol,
      path,
      ...(input.idleTimeout === undefined ? {} : { idleTimeout: input.idleTimeout }),
      ...(input.proxyProtocol === undefined ? {} : { proxyProtocol: input.proxyProtocol }),
      ...(input.http2 === undefined ? {} : { http2: input.http2 }),
    },
    listenPort,
    name: name?.value,
    namePrefix: namePrefix?.value,
    source: input.source ?? 'permanent',
    auth: input.auth,
    restrictions: input.restrictions,
  });
}

/** Where the server is, in one spelling. What a subnet may be, the edge says. */
function planPlace(input: PublishInput): Result<Pick<Target, 'type' | 'host' | 'subnet'>, Failure> {
  const { type, subnet } = input;
  if ((type === 'unix') !== (input.port === 0) || (type !== 'unix' && !isPort(input.port)))
    return err(failure('port_invalid', { port: input.port }, 'port'));
  if (type === 'unix') {
    const reason = because('publish_socket_path');
    if (!isUnixPath(input.host ?? '')) return err(failure('input_invalid', { reason }, 'host'));
    return ok({ type, host: input.host ?? '' });
  }
  const host = input.host?.trim() ?? '';
  if (host !== '' && !isDialHost(host)) return err(failure('host_invalid', { host }, 'host'));
  const dialled = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (type !== undefined) return ok({ type, host: dialled, ...(subnet === undefined ? {} : { subnet }) });
  return ok(isOwnMachine(host) ? { type: 'agent', host: 'localhost' } : { type: 'host', host: dialled });
}

/** What goes with some protocols only. */
function refuseMisfits(mode: ServiceMode, input: PublishInput): Failure | undefined {
  const refuse = (reason: Because, field: string): Failure => failure('input_invalid', { reason }, field);
  if (input.listenPort !== undefined && !isPort(input.listenPort))
    return failure('port_invalid', { port: input.listenPort }, 'listenPort');
  if (input.type === 'unix' && mode !== 'http' && mode !== 'tcp')
    return refuse(because('publish_socket', { mode }), 'host');
  if (mode !== 'http' && input.http2 !== undefined) return refuse(because('publish_http2', { mode }), 'http2');
  if (mode !== 'http')
    return (input.path ?? '/') === '/' ? undefined : refuse(because('publish_paths', { mode }), 'path');
  if (input.listenPort !== undefined) return refuse(because('publish_port'), 'listenPort');
  if (input.idleTimeout !== undefined) return refuse(because('publish_idle_timeout'), 'idleTimeout');
  return input.proxyProtocol === undefined ? undefined : refuse(because('publish_proxy_protocol'), 'proxyProtocol');
}

/** What has to be allowed on this laptop for `target` of `service` to be reached. */
export const allowanceOf = (service: string, target: TargetPlace): AllowedTarget => ({ service, ...placeOf(target) });

type TargetPlace = Pick<Target, 'type' | 'host' | 'port' | 'protocol' | 'subnet'>;

/** Where `target` is. */
export const placeOf = (target: TargetPlace): Place => ({
  type: target.type,
  host: target.host,
  port: target.port,
  ...(target.protocol === 'udp' ? { udp: true } : {}),
  ...(target.subnet === undefined ? {} : { subnet: target.subnet }),
});

/** Hosts that mean this machine's loopback. */
function isOwnMachine(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return bare === '' || bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare === '127.0.0.1');
}

/**
 * Creates the service at the edge, then allows it, and no other one, the target that was asked for here. Its id is the
 * edge's to choose, so that nobody can make a service under an id that was allowed something once; first visitors who
 * come before the answer wait for it. A service whose allowance can't be kept is removed again.
 */
export async function publish(context: Context, input: PublishInput): Promise<Result<ServiceView, Failure>> {
  const plan = planPublication(input);
  if (!plan.ok) return plan;
  const agent = await context.agent();
  if (!agent.ok) return agent;
  const membership = context.membership();
  const own = refuseOwn(context, plan.value.target, 'port');
  if (own !== undefined) return err(own);
  const decided = membership.allowed.expect(placeOf(plan.value.target));
  try {
    const created = await create(context, agent.value, plan.value);
    if (!created.ok) return created;
    const allowed = allow(membership, plan.value, created.value.id);
    if (allowed.ok) return created;
    await agent.value.control.removeService(created.value.id);
    return allowed;
  } finally {
    decided();
  }
}

function allow(membership: Membership, { source, target }: Plan, service: string): Result<null, Failure> {
  const { allowed } = membership;
  const allowance = allowanceOf(service, target);
  const done = source === 'ephemeral' ? allowed.allowForNow(allowance) : allowed.allow(allowance);
  if (!done) return err(listFull());
  const kept = source === 'ephemeral' ? ok(null) : membership.keepAllowed();
  if (!kept.ok) allowed.revoke(allowance);
  return kept;
}

export const listFull = (): Failure => failure('input_invalid', { reason: because('targets_allowed_many') });

async function create(context: Context, agent: Agent, plan: Plan): Promise<Result<ServiceView, Failure>> {
  const { target, source, namePrefix } = plan;
  const { mode, listenPort, auth, restrictions } = plan;
  const body = {
    targets: [target],
    source,
    ...(mode === 'http' ? {} : { mode }),
    ...(auth === undefined ? {} : { auth }),
    ...(restrictions === undefined ? {} : { restrictions }),
    // Whoever exposes something for a moment is better off with another port than with none.
    ...(listenPort === undefined ? {} : { listenPort, portFallback: source === 'ephemeral' }),
  };
  if (plan.name !== undefined) return agent.control.createService({ ...body, subdomain: plan.name });
  // An exposure without a name gets a random one: nobody should guess it while it is open.
  if (namePrefix !== undefined) return agent.control.createService({ ...body, namePrefix });
  if (source === 'ephemeral') return agent.control.createService(body);
  const known = context.state().ports.find((p) => p.port === target.port)?.process;
  const base =
    target.type === 'unix'
      ? suggestSocketName(target.host)
      : suggestName(target.port, target.type === 'agent' && mode !== 'udp' ? known : undefined);
  let created: Result<ServiceView, Failure> | undefined;
  for (let n = 1; n <= NAMES_TRIED; n++) {
    created = await agent.control.createService({ ...body, subdomain: n === 1 ? base : `${base}-${n}` });
    if (created.ok || created.error.code !== 'domain_taken') return created;
  }
  return agent.control.createService({ ...body, namePrefix: base.slice(0, 32).replace(/-+$/, '') });
}
