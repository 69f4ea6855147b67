import { type AgentState, offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import {
  type AuthFlags,
  audience,
  type RestrictionFlags,
  readAuth,
  readRestrictions,
  sayAudience,
} from '../access-flags.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type Listener, type PlaceFlags, publishedPlace } from '../place.ts';
import { readProtocol } from '../protocol.ts';
import { knownState, type Session, withSession } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { asMet, internalUrl, statusWords, targetUrl } from '../words.ts';

type Outcome<T> = Promise<Result<T, Failure>>;

/** Lists the services of this machine. */
export async function list(context: CommandContext): Promise<ExitCode> {
  const { terminal, json, signal } = context;
  const listed = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, signal);
    return state.ok ? ok({ state: state.value, alone: session.own !== undefined }) : state;
  });
  if (!listed.ok) return fail(context, listed.error);
  const { state, alone } = listed.value;
  const { trust, edge } = state;
  // An app of this command's own ends with it.
  const services = state.services.map((service) => asMet(service, edge.link.state === 'up' && !alone));
  if (json) for (const service of services) terminal.printJson({ ...service, url: offeredUrl(service.urls, trust) });
  else if (services.length === 0)
    terminal.print('Nothing of this machine is public. Publish a port with "porthole services add PORT".');
  else {
    for (const line of describe(context, services, trust)) terminal.print(line);
    if (alone) terminal.say(ALONE);
    else if (edge.link.failure !== undefined) terminal.say(edge.link.failure.message);
  }
  if (!json) for (const line of guestLines(state)) terminal.print(line);
  return EXIT.ok;
}

/** What other laptops' services want on this one. */
function guestLines({ guests = [] }: AgentState): string[] {
  if (guests.length === 0) return [];
  const rows = guests.map((guest) => [
    guest.domain,
    guest.allowed ? 'allowed' : 'waits for you',
    printable(guest.ownerName),
    guest.targets.map((target) => targetUrl({ ...target, path: '/' })).join(', '),
  ]);
  const help = 'Let one in with "porthole services allow NAME", take it back with "porthole services disallow NAME".';
  return [
    '',
    'Services of other laptops that want to reach something on this one:',
    ...table(['SERVICE', '', 'OF', 'TARGET'], rows),
    help,
  ];
}

/** Said where nothing goes on after the command. */
const ALONE = 'Visitors get through while Porthole runs here: start it with "porthole up", or open the app.';

function describe(
  { terminal }: CommandContext,
  services: readonly ServiceView[],
  trust: AgentState['trust'],
): string[] {
  const rows = services.map((s) => [
    offeredUrl(s.urls, trust),
    statusWords(terminal, s.status),
    printable(s.name),
    audience(s.auth, s.restrictions),
    internalUrl(s),
    printable(s.statusReason ?? ''),
  ]);
  return table(['URL', 'STATUS', 'NAME', 'VISITORS', 'TARGET', ''], rows);
}

/** Flags of `services add`. */
export interface AddOptions extends PlaceFlags, AuthFlags, RestrictionFlags {
  readonly name?: string;
  readonly http2?: boolean;
  readonly protocol: string;
  readonly path: string;
  readonly listenPort?: number;
  readonly idleTimeout?: string;
  readonly proxyProtocol?: boolean;
}

/** Publishes a port until it is removed. */
export async function add(context: CommandContext, from: Listener, options: AddOptions): Promise<ExitCode> {
  const protocol = readProtocol(options.protocol);
  const { name, http2, path, listenPort, idleTimeout, proxyProtocol } = options;
  const asked = readAuth(options);
  const restrictions = readRestrictions(options);
  const input = {
    ...publishedPlace(from, options),
    protocol,
    path,
    ...(name === undefined ? {} : { name }),
    ...(http2 === undefined ? {} : { http2 }),
    ...(listenPort === undefined ? {} : { listenPort }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(asked.auth === undefined ? {} : { auth: asked.auth }),
    ...(restrictions === undefined || restrictions === null ? {} : { restrictions }),
  };
  const added = await withSession(context, ['state'], async (session) => {
    const reply = await session.call('services:publish', input);
    if (!reply.ok) return reply;
    const state = await session.call('state:get', undefined);
    const url = offeredUrl(reply.value.urls, state.ok ? state.value.trust : 'none');
    return ok({ service: reply.value, url, alone: session.own !== undefined });
  });
  if (!added.ok) return fail(context, added.error);
  const { service, url, alone } = added.value;
  const { terminal, json } = context;
  if (json) {
    terminal.printJson({ ...service, url, ...asked.made });
    return EXIT.ok;
  }
  terminal.print(url);
  sayAudience(terminal, service, asked.made);
  terminal.say(`It leads to ${internalUrl(service)}.`);
  if (alone) terminal.say(ALONE);
  return EXIT.ok;
}

export const enable = (context: CommandContext, name: string): Promise<ExitCode> =>
  change(context, name, 'is on', (session, { id }) => session.call('services:setEnabled', { id, enabled: true }));

export const disable = (context: CommandContext, name: string): Promise<ExitCode> =>
  change(context, name, 'is off: visitors are turned away', (session, { id }) =>
    session.call('services:setEnabled', { id, enabled: false }),
  );

export const remove = (context: CommandContext, name: string): Promise<ExitCode> =>
  change(context, name, 'is removed', (session, { id }) => session.call('services:remove', { id }));

/** Finds the one service that `name` means, does something to it, and says what it is now. */
async function change(
  context: CommandContext,
  name: string,
  what: string,
  work: (session: Session, service: ServiceView) => Outcome<ServiceView | null>,
): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    if (!state.ok) return state;
    const service = findService(state.value.services, name);
    if (!service.ok) return service;
    const outcome = await work(session, service.value);
    return outcome.ok ? ok({ was: service.value, now: outcome.value, alone: session.own !== undefined }) : outcome;
  });
  if (!done.ok) return fail(context, done.error);
  const { was, now, alone } = done.value;
  const { terminal, json } = context;
  if (json) terminal.printJson(now ?? { id: was.id, domain: was.domain, removed: true });
  else {
    terminal.print(`${was.domain} ${what}.`);
    if (alone && now?.enabled === true) terminal.say(ALONE);
  }
  return EXIT.ok;
}

/**
 * The service that people mean by `text`: its id, its domain or the first label of it, or its display name. The more
 * exact meaning wins; a display name that several have is refused.
 */
export function findService(services: readonly ServiceView[], text: string): Result<ServiceView, Failure> {
  const wanted = text.trim().toLowerCase().replace(/\.$/, '');
  const meanings: readonly ((s: ServiceView) => boolean)[] = [
    (s) => s.id === text,
    (s) => s.domain === wanted,
    (s) => s.domain.split('.')[0] === wanted,
    (s) => s.name.toLowerCase() === wanted,
  ];
  for (const means of meanings) {
    const [first, second] = services.filter(means);
    if (second !== undefined) return err(failure('service_ambiguous', { service: printable(text) }));
    if (first !== undefined) return ok(first);
  }
  return err(failure('service_not_found', { service: printable(text) }));
}
