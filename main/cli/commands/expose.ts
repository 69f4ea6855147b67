import { type AgentState, externalUrl, offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { isPort } from '../../../shared/domain/service.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { type AskedAuth, readAuth, sayAudience } from '../access-flags.ts';
import { copyText } from '../clipboard.ts';
import { type CommandContext, fail, forMachines } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { type End, holdExposure } from '../exposure.ts';
import { type Listener, type PlaceFlags, publishedPlace } from '../place.ts';
import { isDirect, type Protocol, readProtocol } from '../protocol.ts';
import { drawQr } from '../qr.ts';
import { endOnAbort, openSession, type Session, stateWhen } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { internalUrl, requestLine } from '../words.ts';

export interface ExposeOptions extends PlaceFlags {
  readonly protocol: string;
  readonly withNamePrefix?: string;
  readonly http2?: boolean;
  readonly idleTimeout?: string;
  readonly proxyProtocol?: boolean;
  readonly expires?: string;
  readonly qr?: boolean;
  readonly copy?: boolean;
  readonly withExternalPort?: number;
  readonly withPin?: string | boolean;
  readonly withPassword?: string | boolean;
  readonly withUserGroups?: string | boolean;
  readonly withCustomDomain?: string;
}

/** How long a new exposure may take until its first visitor gets through, in milliseconds. */
const LIVE_WAIT = 10_000;

/** Publishes a port for as long as the command runs. */
export async function expose(context: CommandContext, from: Listener, options: ExposeOptions): Promise<ExitCode> {
  const protocol = readProtocol(options.protocol);
  refuseMisfits(protocol, options);
  const asked = readAuth({
    ...(options.withPin === undefined ? {} : { pin: options.withPin }),
    ...(options.withPassword === undefined ? {} : { password: options.withPassword }),
    ...(options.withUserGroups === undefined ? {} : { userGroups: options.withUserGroups }),
  });
  const lifetime = options.expires === undefined ? undefined : parseDuration(options.expires);
  if (options.expires !== undefined && lifetime === undefined)
    throw new UsageError(`--expires takes a time such as 90s, 30m, 2h or 7d (at most 24d), not "${options.expires}".`);
  // Before anything is started for it.
  const place = publishedPlace(from, options);
  const ports = [...(typeof from === 'number' ? [from] : []), options.withExternalPort ?? 1];
  const wrong = ports.find((p) => !isPort(p));
  if (wrong !== undefined) return fail(context, failure('port_invalid', { port: wrong }, 'port'));
  const session = await openSession(context, ['state', 'log']);
  if (!session.ok) return fail(context, session.error);
  try {
    const { withNamePrefix, withExternalPort, http2, idleTimeout, proxyProtocol } = options;
    const callOff = endOnAbort(session.value, context.signal);
    const created = await session.value.call('services:publish', {
      ...place,
      protocol,
      source: 'ephemeral',
      ...(withNamePrefix === undefined ? {} : { namePrefix: withNamePrefix }),
      ...(http2 === undefined ? {} : { http2 }),
      ...(idleTimeout === undefined ? {} : { idleTimeout }),
      ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
      ...(withExternalPort === undefined ? {} : { listenPort: withExternalPort }),
      ...(asked.auth === undefined ? {} : { auth: asked.auth }),
    });
    callOff();
    if (!created.ok) return fail(context, created.error);
    return await live(context, session.value, created.value, { ...options, made: asked.made }, lifetime);
  } finally {
    await session.value.close();
  }
}

/** What doesn't go together, and what this version can't do, said plainly. */
function refuseMisfits(protocol: Protocol, options: ExposeOptions): void {
  const direct = isDirect(protocol);
  if (options.withExternalPort !== undefined && !direct)
    throw new UsageError('--with-external-port does not go with http and https: they share the main port.');
  const auth = (
    [
      ['--with-pin', options.withPin],
      ['--with-password', options.withPassword],
      ['--with-user-groups', options.withUserGroups],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (auth !== undefined && direct)
    throw new UsageError(`${auth[0]} does not go with ${protocol}: Porthole does not look inside what it carries.`);
  if (options.withCustomDomain !== undefined)
    throw new UsageError('--with-custom-domain is not there yet: names lie under the domain of the edge.');
}

/** What is said once the exposure lives. */
type LiveOptions = ExposeOptions & { readonly made: AskedAuth['made'] };

async function live(
  context: CommandContext,
  session: Session,
  service: ServiceView,
  options: LiveOptions,
  lifetime: number | undefined,
): Promise<ExitCode> {
  const { signal, terminal, json } = context;
  const holder = holdExposure({ session, service, clock: systemClock, signal, lifetime });
  const stopLog = session.on('log', ({ records }) => {
    for (const record of records) {
      if (record.serviceId !== service.id) continue;
      if (json) terminal.printJson(record);
      else terminal.print(requestLine(terminal, record));
    }
  });
  const state = await stateWhen(session, (s) => settled(s, service.id), LIVE_WAIT, holder.ending);
  if (!holder.ending.aborted) await announce(context, service, state, options);
  const end = await holder.ended;
  stopLog();
  return sayEnd(context, service, end);
}

/** Whether the service is live, or wrong in a way that waiting doesn't mend. */
function settled({ services }: AgentState, id: string): boolean {
  const status = services.find((s) => s.id === id)?.status;
  return status === 'active' || status === 'error' || status === 'certificate_failed';
}

async function announce(
  { terminal, json, env }: CommandContext,
  service: ServiceView,
  state: AgentState | undefined,
  options: LiveOptions,
): Promise<void> {
  const url = offeredUrl(service.urls, state?.trust ?? 'untrusted');
  const [target] = service.targets;
  const protocol = service.mode === 'http' ? (target?.protocol ?? 'http') : service.mode;
  const note = reassignment(service, options.withExternalPort);
  const internal = internalUrl(service);
  const { name, domain } = service;
  const external = externalUrl(service.urls);
  if (json)
    terminal.printJson({
      name,
      url,
      domain,
      protocol,
      internal,
      external,
      ...(note === undefined ? {} : { note }),
      ...options.made,
    });
  else {
    terminal.print(url);
    terminal.print();
    const rows = [
      ['Domain', domain],
      ['Protocol', protocol],
      ['Internal', internal],
      ['External', external],
    ];
    for (const line of table(['Name', printable(name)], rows)) terminal.print(line);
    if (options.qr === true) terminal.print(await drawQr(url));
    terminal.print();
    if (note !== undefined) terminal.say(terminal.style('yellow', note));
    sayAudience(terminal, service, options.made);
    terminal.say('Ctrl+C ends it.');
  }
  if (options.copy === true) {
    const copied = (await copyText(url, env)) || terminal.copyByEscape(url);
    terminal.say(copied ? 'The URL is on the clipboard.' : 'There is no clipboard here: copy the URL by hand.');
  }
  const now = state?.services.find((s) => s.id === service.id);
  const reason = now === undefined ? 'It is not live yet.' : now.statusReason;
  if (now?.status !== 'active' && reason !== undefined) terminal.say(terminal.style('yellow', printable(reason)));
}

/** Said when the service got another port than the one that was asked for. */
function reassignment({ listenPort }: ServiceView, wanted: number | undefined): string | undefined {
  if (wanted === undefined || listenPort === undefined || wanted === listenPort) return undefined;
  return `Port ${wanted} was not to be had, so visitors use port ${listenPort}.`;
}

function sayEnd(context: CommandContext, { domain }: ServiceView, end: End): ExitCode {
  const { terminal, json } = context;
  if (end.failure !== undefined && json) terminal.printJson({ error: forMachines(end.failure) });
  terminal.say(end.words(domain));
  return end.failure === undefined ? EXIT.ok : EXIT.failed;
}
