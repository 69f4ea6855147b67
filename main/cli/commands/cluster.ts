import { readFileSync } from 'node:fs';
import { failure } from '../../../shared/domain/failure.ts';
import { sayReason } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';
import { describeEdge } from '../../agent/edge-address.ts';
import { isJoinLink, parseJoinLink } from '../../app/join-link.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { withSession } from '../session.ts';

export interface JoinOptions {
  /** Not with a join link, which holds it. */
  readonly token?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly name?: string;
}

/** A PEM file is a few kilobytes; whoever names a disk image by mistake is told so at once. */
const CA_LIMIT = 100_000;

/** Joins a cluster, by its address and a token or by a join link: from then on this machine's services live there. */
export async function join(context: CommandContext, where: string, options: JoinOptions): Promise<ExitCode> {
  const { name } = options;
  const { url, token, fingerprint } = isJoinLink(where) ? readLink(where, options) : readOptions(where, options);
  const caPem = options.ca === undefined ? undefined : readAuthority(options.ca);
  const input = {
    url,
    token,
    ...(caPem === undefined ? {} : { caPem }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(name === undefined ? {} : { name }),
  };
  const joined = await withSession(
    context,
    [],
    async (session) => {
      const reply = await session.call('cluster:join', input);
      return reply.ok ? ok({ ...reply.value, alone: session.own !== undefined }) : reply;
    },
    { embedded: false },
  );
  if (!joined.ok) return fail(context, joined.error);
  const { domain, agentId, alone } = joined.value;
  if (context.json) context.terminal.printJson({ domain, agentId });
  else {
    context.terminal.print(`This machine belongs to ${domain} now.`);
    if (alone) context.terminal.say('Connect it with "porthole up", or open the app.');
  }
  return EXIT.ok;
}

interface JoinPlace {
  readonly url: string;
  readonly token: string;
  readonly fingerprint?: string | undefined;
}

function readLink(text: string, { token, fingerprint }: JoinOptions): JoinPlace {
  if (token !== undefined || fingerprint !== undefined)
    throw new UsageError('A join link holds the token and the fingerprint: leave --token and --fingerprint out.');
  const link = parseJoinLink(text);
  if (!link.ok) throw new UsageError(link.error.message);
  return { ...link.value, url: `https://${describeEdge(link.value.address)}` };
}

function readOptions(url: string, { token, fingerprint }: JoinOptions): JoinPlace {
  if (token === undefined) throw new UsageError('--token is missing. Give the one that the operator of the edge made.');
  return { url, token, fingerprint };
}

/** Leaves the cluster. */
export async function leave(context: CommandContext): Promise<ExitCode> {
  const left = await withSession(
    context,
    [],
    async (session) => {
      const state = await session.call('state:get', undefined);
      if (!state.ok) return state;
      const { kind, domain } = state.value.edge;
      if (kind === 'embedded')
        return err(
          failure('input_invalid', { reason: 'This machine has not joined a cluster: there is none to leave.' }),
        );
      const reply = await session.call('cluster:leave', undefined);
      return reply.ok ? ok(domain) : reply;
    },
    { embedded: false },
  );
  if (!left.ok) return fail(context, left.error);
  if (context.json) context.terminal.printJson({ left: left.value });
  else context.terminal.print(`This machine has left ${left.value}. Its services there have ended.`);
  return EXIT.ok;
}

function readAuthority(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The file ${file} of --ca cannot be read (${sayReason(systemReason(error))}).`);
  }
  if (text.length <= CA_LIMIT && text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new UsageError(`The file ${file} of --ca is not a certificate in PEM.`);
}
