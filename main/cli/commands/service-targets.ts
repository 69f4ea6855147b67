import { type AgentState, offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { NewTarget, ServicePatch, ServiceView, TargetPatch } from '../../../shared/contract/control-api.ts';
import { parseDuration } from '../../../shared/domain/duration.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import type { Restrictions } from '../../../shared/domain/restrictions.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { CustomHeader, Target } from '../../../shared/domain/service.ts';
import {
  type AskedAuth,
  type AuthFlags,
  audience,
  type RestrictionFlags,
  readAuth,
  readRestrictions,
  sayAudience,
} from '../access-flags.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { type Listener, type PlaceFlags, placeOf, portOf } from '../place.ts';
import { knownState, type Session, stateWhen, withSession } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { statusWords, targetUrl } from '../words.ts';
import { findService } from './services.ts';

/** Flags about one target. */
export interface TargetFlags extends PlaceFlags {
  readonly http2?: boolean;
  readonly protocol?: string;
  readonly on?: string;
  readonly preservePath?: boolean;
  readonly verify?: boolean;
  readonly connectTimeout?: string;
  readonly responseTimeout?: string;
  readonly header?: readonly string[];
}

/** Flags of `services add-target`. */
export interface AddTargetFlags extends TargetFlags {
  readonly path: string;
}

/** Flags of `services set`. */
export interface SetFlags extends TargetFlags, AuthFlags, RestrictionFlags {
  readonly displayName?: string;
  readonly rewriteRedirects?: boolean;
  readonly passHostHeader?: boolean;
  readonly target?: string;
  readonly port?: Listener;
  readonly idleTimeout?: string;
  readonly proxyProtocol?: boolean;
  readonly listenPort?: number;
  readonly path?: string;
  readonly enableTarget?: string;
  readonly disableTarget?: string;
  readonly removeTarget?: string;
}

/** Adds a target to a service: a further path, on this machine or another laptop's. */
export function addTarget(
  context: CommandContext,
  name: string,
  from: Listener,
  flags: AddTargetFlags,
): Promise<ExitCode> {
  const { on } = flags;
  checkTimes(flags);
  const target: NewTarget = {
    ...placeOf(from, flags),
    ...(on === undefined ? {} : { agentId: on }),
    port: portOf(from),
    path: flags.path,
    ...commonOptions(flags),
  };
  return update(context, name, () => ok({ addTargets: [target] }));
}

/** Changes a service, or one of its targets, which is named by its path. */
export function set(context: CommandContext, name: string, flags: SetFlags): Promise<ExitCode> {
  const { displayName, rewriteRedirects, passHostHeader, target, port, path, on, listenPort } = flags;
  const change: Omit<TargetPatch, 'id'> = {
    ...newPlace(flags),
    ...(on === undefined ? {} : { agentId: on }),
    ...(port === undefined ? {} : { port: portOf(port) }),
    ...(path === undefined ? {} : { path }),
    ...withoutNone(commonOptions(flags)),
    ...directOptions(flags),
  };
  const changesTarget = Object.keys(change).length > 0;
  checkTimes(flags);
  if (target !== undefined && !changesTarget)
    throw new UsageError('--target says which target, but not what to change.');
  const asked = readAuth(flags);
  const restricts = readRestrictions(flags) !== undefined;
  const service: ServicePatch = {
    ...(asked.auth === undefined ? {} : { auth: asked.auth }),
    ...(displayName === undefined ? {} : { name: displayName }),
    ...(rewriteRedirects === undefined ? {} : { rewriteRedirects }),
    ...(passHostHeader === undefined ? {} : { passHostHeader }),
    ...(listenPort === undefined ? {} : { listenPort }),
  };
  const { enableTarget, disableTarget, removeTarget } = flags;
  const switches = [enableTarget, disableTarget, removeTarget];
  if (!changesTarget && !restricts && Object.keys(service).length === 0 && switches.every((flag) => flag === undefined))
    throw new UsageError('Say what to change.');
  const make = ({ targets, restrictions: before }: ServiceView): Result<ServicePatch, Failure> => {
    const restrictions = readRestrictions(flags, before);
    const changes: TargetPatch[] = [];
    const moved = changesTarget ? chosen(targets, target) : undefined;
    if (moved?.ok === false) return moved;
    if (moved !== undefined) changes.push({ id: moved.value, ...change });
    for (const [flag, enabled] of [
      [enableTarget, true],
      [disableTarget, false],
    ] as const) {
      const found = flag === undefined ? undefined : chosen(targets, flag);
      if (found?.ok === false) return found;
      if (found !== undefined) changes.push({ id: found.value, enabled });
    }
    const gone = removeTarget === undefined ? undefined : chosen(targets, removeTarget);
    if (gone?.ok === false) return gone;
    return ok({
      ...service,
      ...(restrictions === undefined ? {} : { restrictions }),
      ...(changes.length === 0 ? {} : { changeTargets: changes }),
      ...(gone === undefined ? {} : { removeTargets: [gone.value] }),
    });
  };
  return update(context, name, make, asked);
}

/** Shows one service with everything that is set. */
export async function show(context: CommandContext, name: string): Promise<ExitCode> {
  const { terminal, json } = context;
  const found = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    if (!state.ok) return state;
    const service = findService(state.value.services, name);
    return service.ok ? ok({ service: service.value, trust: state.value.trust }) : service;
  });
  if (!found.ok) return fail(context, found.error);
  const { service, trust } = found.value;
  const url = offeredUrl(service.urls, trust);
  if (json) terminal.printJson({ ...service, url });
  else for (const line of describe(context, service, url)) terminal.print(line);
  return EXIT.ok;
}

/** Lets another laptop's service use this machine, or no more. */
export async function allow(context: CommandContext, name: string, allowed: boolean): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    if (!state.ok) return state;
    const wanted = name.trim().toLowerCase().replace(/\.$/, '');
    const known = [...(state.value.guests ?? []), ...state.value.services];
    const guest = known.find((g) => g.id === name || g.domain === wanted || g.domain.split('.')[0] === wanted);
    if (guest === undefined) return err(failure('service_not_found', { service: printable(name) }));
    const reply = await session.call('services:allow', { id: guest.id, allowed });
    return reply.ok ? ok(guest) : reply;
  });
  if (!done.ok) return fail(context, done.error);
  const { id, domain, targets } = done.value;
  if (context.json) context.terminal.printJson({ id, domain, allowed });
  else {
    const where = targets.map((target) => targetUrl({ ...target, path: '/' })).join(', ');
    context.terminal.print(`${domain} may ${allowed ? 'reach' : 'no longer reach'} ${where} from this machine.`);
  }
  return EXIT.ok;
}

/** Finds the service, changes it as `makePatch` says, and shows what it is now. */
async function update(
  context: CommandContext,
  name: string,
  makePatch: (service: ServiceView) => Result<ServicePatch, Failure>,
  asked?: AskedAuth,
): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    if (!state.ok) return state;
    const service = findService(state.value.services, name);
    if (!service.ok) return service;
    const patch = makePatch(service.value);
    if (!patch.ok) return patch;
    const { id } = service.value;
    const reply = await session.call('services:update', { id, patch: patch.value });
    if (!reply.ok) return reply;
    const settled = await settledService(session, reply.value, context.signal);
    return ok({ service: settled ?? reply.value, trust: state.value.trust });
  });
  if (!done.ok) return fail(context, done.error);
  const { service, trust } = done.value;
  const url = offeredUrl(service.urls, trust);
  if (context.json) context.terminal.printJson({ ...service, url, ...asked?.made });
  else {
    for (const line of describe(context, service, url)) context.terminal.print(line);
    if (asked?.auth !== undefined) sayAudience(context.terminal, service, asked.made);
  }
  return EXIT.ok;
}

/** Milliseconds that a change has to reach the edge's routes before it is shown as it is. */
const SETTLE = 2_000;

/** `changed` once the edge routes it; `undefined` when that takes too long. */
async function settledService(
  session: Session,
  changed: ServiceView,
  signal: AbortSignal,
): Promise<ServiceView | undefined> {
  const find = ({ services }: AgentState): ServiceView | undefined => services.find((s) => s.id === changed.id);
  const isRouted = (service: ServiceView | undefined): boolean =>
    service !== undefined && service.status !== 'pending' && (service.revision ?? 0) >= (changed.revision ?? 0);
  const state = await stateWhen(session, (s) => isRouted(find(s)), SETTLE, signal);
  return state === undefined ? undefined : find(state);
}

/** The id of the target that takes `path`; without one, of the only target there is. */
function chosen(targets: readonly Target[], path: string | undefined): Result<string, Failure> {
  const [only] = targets;
  if (path === undefined) {
    if (only !== undefined && targets.length === 1) return ok(only.id);
    const paths = targets.map((target) => target.path).join(', ');
    return err(failure('input_invalid', { reason: `Say which target with --target: ${paths}.` }, 'target'));
  }
  const found = targets.find((target) => target.path === path || target.id === path);
  if (found !== undefined) return ok(found.id);
  const paths = targets.map((target) => target.path).join(', ');
  return err(failure('input_invalid', { reason: `No target takes ${printable(path)}; there are ${paths}.` }, 'target'));
}

/** Where a target moves to; empty when nothing was said of that. */
function newPlace({ port, ...flags }: SetFlags): Pick<TargetPatch, 'type' | 'host' | 'subnet'> {
  const said = [flags.host, flags.domain, flags.subnet].some((flag) => flag !== undefined);
  return said || typeof port === 'object' ? placeOf(port, flags) : {};
}

/** What a change may say of tcp, tls and udp targets. */
const directOptions = ({
  idleTimeout,
  proxyProtocol,
}: SetFlags): Pick<TargetPatch, 'idleTimeout' | 'proxyProtocol'> => ({
  ...(idleTimeout === undefined ? {} : { idleTimeout: orNull(idleTimeout) }),
  ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
});

/** What a new target and a change of one say alike. */
type CommonOptions = Pick<NewTarget, 'protocol' | 'pathRewrite' | 'skipTlsVerify' | 'customHeaders' | 'http2'> & {
  readonly connectTimeout?: string;
  readonly responseTimeout?: string;
};

function commonOptions(flags: TargetFlags): CommonOptions {
  const { protocol, preservePath, verify, connectTimeout, responseTimeout, header, http2 } = flags;
  return {
    ...(protocol === undefined ? {} : { protocol: readScheme(protocol) }),
    ...(preservePath === undefined ? {} : { pathRewrite: preservePath ? 'preserve' : 'strip' }),
    ...(verify === undefined ? {} : { skipTlsVerify: !verify }),
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(responseTimeout === undefined ? {} : { responseTimeout }),
    ...(header === undefined ? {} : { customHeaders: readHeaders(header) }),
    ...(http2 === undefined ? {} : { http2 }),
  };
}

function checkTimes(flags: TargetFlags & Pick<SetFlags, 'idleTimeout'>): void {
  for (const [flag, text] of [
    ['--connect-timeout', flags.connectTimeout],
    ['--response-timeout', flags.responseTimeout],
    ['--idle-timeout', flags.idleTimeout],
  ] as const)
    if (text !== undefined && text !== 'none' && parseDuration(text) === undefined)
      throw new UsageError(`${flag} takes a time such as 5s or 2m, not "${text}".`);
}

/** In a change, `none` takes a timeout back. */
const withoutNone = ({ connectTimeout, responseTimeout, ...rest }: CommonOptions) => ({
  ...rest,
  ...(connectTimeout === undefined ? {} : { connectTimeout: orNull(connectTimeout) }),
  ...(responseTimeout === undefined ? {} : { responseTimeout: orNull(responseTimeout) }),
});
const orNull = (text: string): string | null => (text === 'none' ? null : text);

function readScheme(text: string): 'http' | 'https' {
  if (text === 'http' || text === 'https') return text;
  throw new UsageError(`--protocol takes http or https here, not "${text}".`);
}

/** `Name: value` each; a single empty one takes all of them away. */
function readHeaders(lines: readonly string[]): CustomHeader[] {
  if (lines.length === 1 && lines[0] === '') return [];
  return lines.map((line) => {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new UsageError('--header takes "Name: value".');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  });
}

function describe({ terminal }: CommandContext, service: ServiceView, url: string): string[] {
  const facts = [
    ['URL', url],
    ['Name', printable(service.name)],
    ['Status', statusWords(terminal, service.status)],
    ['Visitors', audience(service.auth, service.restrictions)],
    ...restrictionRows(service.restrictions),
    ...(service.statusReason === undefined ? [] : [['', printable(service.statusReason)]]),
    ...(service.mode === 'http'
      ? [['Redirects', service.rewriteRedirects === true ? 'rewritten' : 'as they are']]
      : []),
    ...(service.mode === 'http' ? [['Host', service.passHostHeader ? "the visitor's" : "the target's"]] : []),
  ];
  const [, ...lines] = table(['', ''], facts);
  const rows = service.targets.map((target) => [
    target.path,
    printable(targetUrl({ ...target, path: '/' })),
    target.enabled ? 'on' : 'off',
    printable(target.agentId === service.ownerId ? 'this laptop' : target.agentId),
    particulars(target).join(', '),
  ]);
  return [...lines, '', ...table(['PATH', 'TARGET', '', 'LAPTOP', ''], rows)];
}

function restrictionRows(restrictions: Restrictions | undefined): string[][] {
  const {
    allowCidrs = [],
    blockCidrs = [],
    allowCountries = [],
    blockCountries = [],
    allowMatch,
    crowdsec,
  } = restrictions ?? {};
  const row = (title: string, entries: readonly string[]): string[][] =>
    entries.length === 0 ? [] : [[title, printable(entries.join(', '))]];
  return [
    ...row('Let in', [...allowCidrs, ...allowCountries]),
    ...row('Kept out', [...blockCidrs, ...blockCountries]),
    ...(allowMatch === 'any' ? [['', 'one match of an allow list is enough']] : []),
    ...(crowdsec === undefined || crowdsec === 'off' ? [] : [['CrowdSec', crowdsec]]),
  ];
}

/** What is set beyond the ordinary. Values of headers may be secrets, so only names are shown. */
function particulars(target: Target): string[] {
  const { pathRewrite, skipTlsVerify, responseTimeout, idleTimeout, proxyProtocol, http2, customHeaders = [] } = target;
  return [
    ...(pathRewrite === 'preserve' ? ['path kept'] : []),
    ...(skipTlsVerify ? ['certificate not verified'] : []),
    ...(responseTimeout === undefined ? [] : [`answers within ${responseTimeout / 1000} s`]),
    ...(idleTimeout === undefined ? [] : [`idle at most ${idleTimeout / 1000} s`]),
    ...(proxyProtocol === true ? ['PROXY protocol'] : []),
    ...(http2 === undefined ? [] : [http2 ? 'HTTP/2' : 'no HTTP/2']),
    ...customHeaders.map(({ name }) => `sets ${name}`),
  ];
}
