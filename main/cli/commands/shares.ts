import { isShareLive, type ShareLink } from '../../../shared/domain/auth.ts';
import { parseDuration } from '../../../shared/domain/duration.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { copyText } from '../clipboard.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { drawQr } from '../qr.ts';
import { knownState, type Session, withSession } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { findService } from './services.ts';

export interface ShareOptions {
  readonly expires?: string;
  readonly uses?: number;
  readonly label?: string;
  readonly qr?: boolean;
  readonly copy?: boolean;
}

/** Makes a link that lets its holder in. */
export async function share(context: CommandContext, name: string, options: ShareOptions): Promise<ExitCode> {
  const { expires, uses, label } = options;
  if (expires !== undefined && parseDuration(expires) === undefined)
    throw new UsageError(`--expires takes a time such as 30m, 2h or 7d, not "${expires}".`);
  if (uses !== undefined && uses < 1) throw new UsageError('--uses takes a whole number from 1.');
  const done = await withSession(context, ['state'], async (session) => {
    const service = await serviceOf(session, context, name);
    if (!service.ok) return service;
    return session.call('shares:create', {
      serviceId: service.value,
      ...(expires === undefined ? {} : { expires }),
      ...(uses === undefined ? {} : { uses }),
      ...(label === undefined ? {} : { label }),
    });
  });
  if (!done.ok) return fail(context, done.error);
  const { terminal, json, env } = context;
  const { url, share: made } = done.value;
  if (json) terminal.printJson({ ...made, url });
  else {
    terminal.print(url);
    if (options.qr === true) terminal.print(await drawQr(url));
    terminal.say(`${limits(made)} It is not shown again; take it back with "porthole shares --revoke ${made.id}".`);
  }
  if (options.copy === true) {
    const copied = (await copyText(url, env)) || terminal.copyByEscape(url);
    terminal.say(copied ? 'The link is on the clipboard.' : 'There is no clipboard here: copy the link by hand.');
  }
  return EXIT.ok;
}

/** Lists share links, of one service or of all. */
export async function shares(context: CommandContext, name: string | undefined): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    if (!state.ok) return state;
    const service = name === undefined ? undefined : findService(state.value.services, name);
    if (service?.ok === false) return service;
    const listed = await session.call('shares:list', service === undefined ? {} : { serviceId: service.value.id });
    return listed.ok ? ok({ shares: listed.value, services: state.value.services }) : listed;
  });
  if (!done.ok) return fail(context, done.error);
  const { terminal, json } = context;
  const { shares: all, services } = done.value;
  if (json) for (const one of all) terminal.printJson(one);
  else if (all.length === 0) terminal.print('There are no share links. Make one with "porthole share NAME".');
  else {
    const now = Date.now();
    const rows = all.map((one) => [
      one.id,
      services.find((s) => s.id === one.serviceId)?.domain ?? '',
      printable(one.label ?? ''),
      standing(one, now),
      one.maxUses === undefined ? String(one.uses) : `${one.uses} of ${one.maxUses}`,
      new Date(one.expiresAt).toISOString(),
    ]);
    for (const line of table(['ID', 'SERVICE', 'LABEL', '', 'OPENED', 'EXPIRES'], rows)) terminal.print(line);
  }
  return EXIT.ok;
}

/** Takes a share link back: it opens no more, and whoever came in by it is out. */
export async function revoke(context: CommandContext, id: string): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const state = await knownState(session, context.signal);
    return state.ok ? session.call('shares:revoke', { id }) : state;
  });
  if (!done.ok) return fail(context, done.error);
  if (context.json) context.terminal.printJson(done.value);
  else context.terminal.print(`The link ${printable(done.value.label ?? done.value.id)} lets nobody in any more.`);
  return EXIT.ok;
}

/** Ends the sessions of all visitors of a service. */
export async function signOut(context: CommandContext, name: string): Promise<ExitCode> {
  const done = await withSession(context, ['state'], async (session) => {
    const service = await serviceOf(session, context, name);
    return service.ok ? session.call('services:signOut', { id: service.value }) : service;
  });
  if (!done.ok) return fail(context, done.error);
  if (context.json) context.terminal.printJson(done.value);
  else context.terminal.print(`Everyone is signed out of ${done.value.domain}.`);
  return EXIT.ok;
}

async function serviceOf(session: Session, context: CommandContext, name: string): Promise<Result<string, Failure>> {
  const state = await knownState(session, context.signal);
  if (!state.ok) return state;
  const service = findService(state.value.services, name);
  if (!service.ok) return service;
  if (service.value.mode === 'http') return ok(service.value.id);
  return err(failure('auth_mode', { mode: service.value.mode }));
}

function standing(share: ShareLink, now: number): string {
  if (share.revokedAt !== undefined) return 'taken back';
  if (isShareLive(share, now)) return 'open';
  return share.expiresAt <= now ? 'expired' : 'used up';
}

function limits({ expiresAt, maxUses }: ShareLink): string {
  const until = `Whoever has it can open the service until ${new Date(expiresAt).toISOString()}`;
  if (maxUses === undefined) return `${until}.`;
  return maxUses === 1 ? `${until}, once.` : `${until}, ${maxUses} times.`;
}
