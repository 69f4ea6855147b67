import { type AgentState, externalUrl, offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { isPort } from '../../../shared/domain/service.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { copyText } from '../clipboard.ts';
import { type CommandContext, fail } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { type End, holdExposure } from '../exposure.ts';
import { readProtocol } from '../protocol.ts';
import { endOnAbort, openSession, type Session, stateWhen } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { internalUrl, requestLine } from '../words.ts';

export interface ExposeOptions {
  readonly protocol: string;
  readonly withNamePrefix?: string;
  readonly host?: string;
  readonly expires?: string;
  readonly qr?: boolean;
  readonly copy?: boolean;
  readonly withExternalPort?: string;
  readonly withPin?: string | boolean;
  readonly withPassword?: string | boolean;
  readonly withUserGroups?: string | boolean;
  readonly withCustomDomain?: string;
}

/** How long a new exposure may take until its first visitor gets through, in milliseconds. */
const LIVE_WAIT = 10_000;

/** Publishes a port for as long as the command runs. */
export async function expose(context: CommandContext, port: number, options: ExposeOptions): Promise<ExitCode> {
  refuseAbsent(options);
  const protocol = readProtocol(options.protocol);
  const lifetime = options.expires === undefined ? undefined : parseDuration(options.expires);
  if (options.expires !== undefined && lifetime === undefined)
    throw new UsageError(`--expires takes a time such as 90s, 30m, 2h or 7d (at most 24d), not "${options.expires}".`);
  // Before anything is started for it.
  if (!isPort(port)) return fail(context, failure('port_invalid', { port }, 'port'));
  const session = await openSession(context, ['state', 'log']);
  if (!session.ok) return fail(context, session.error);
  try {
    const { withNamePrefix, host } = options;
    const callOff = endOnAbort(session.value, context.signal);
    const created = await session.value.call('services:publish', {
      port,
      protocol,
      source: 'ephemeral',
      ...(withNamePrefix === undefined ? {} : { namePrefix: withNamePrefix }),
      ...(host === undefined ? {} : { host }),
    });
    callOff();
    if (!created.ok) return fail(context, created.error);
    return await live(context, session.value, created.value, options, lifetime);
  } finally {
    await session.value.close();
  }
}

/** What the behaviour promises and this version can't do: said plainly instead of "unknown option". */
function refuseAbsent(options: ExposeOptions): void {
  if (options.withExternalPort !== undefined)
    throw new UsageError('--with-external-port does not go with http and https: they share the main port.');
  const absent = (
    [
      ['--with-pin', options.withPin],
      ['--with-password', options.withPassword],
      ['--with-user-groups', options.withUserGroups],
      ['--with-custom-domain', options.withCustomDomain],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (absent !== undefined)
    throw new UsageError(`${absent[0]} is not there yet: what you expose is open to everyone who has the URL.`);
}

async function live(
  context: CommandContext,
  session: Session,
  service: ServiceView,
  options: ExposeOptions,
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
  options: ExposeOptions,
): Promise<void> {
  const url = offeredUrl(service.urls, state?.trust ?? 'untrusted');
  const [target] = service.targets;
  const protocol = target?.protocol ?? 'http';
  const internal = internalUrl(service);
  const { name, domain } = service;
  const external = externalUrl(service.urls);
  if (json) terminal.printJson({ name, url, domain, protocol, internal, external });
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
    terminal.say('Public for everyone who has the URL. Ctrl+C ends it.');
  }
  if (options.copy === true) {
    const copied = (await copyText(url, env)) || terminal.copyByEscape(url);
    terminal.say(copied ? 'The URL is on the clipboard.' : 'There is no clipboard here: copy the URL by hand.');
  }
  const now = state?.services.find((s) => s.id === service.id);
  const reason = now === undefined ? 'It is not live yet.' : now.statusReason;
  if (now?.status !== 'active' && reason !== undefined) terminal.say(terminal.style('yellow', printable(reason)));
}

async function drawQr(url: string): Promise<string> {
  const { default: qrcode } = await import('qrcode');
  return qrcode.toString(url, { type: 'utf8' });
}

function sayEnd(context: CommandContext, { domain }: ServiceView, end: End): ExitCode {
  const { terminal, json } = context;
  if (end.failure !== undefined && json) terminal.printJson({ error: end.failure });
  terminal.say(end.words(domain));
  return end.failure === undefined ? EXIT.ok : EXIT.failed;
}
