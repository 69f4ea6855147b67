import { failure } from '../../../shared/domain/failure.ts';
import { type CommandContext, fail } from '../context.ts';
import { ago } from '../duration.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { findRunning } from '../session.ts';
import { table } from '../terminal.ts';
import { asMet, linkWords } from '../words.ts';

const VAULT = {
  keychain: 'the keychain',
  'safe-storage': "the desktop's secret storage",
  file: 'a file that only you may read',
  memory: 'memory only: they are lost when Porthole ends',
} as const;

/** Says whether Porthole runs here and how it is. Starts nothing. */
export async function status(context: CommandContext): Promise<ExitCode> {
  const { terminal, json } = context;
  const running = await findRunning(context);
  if (running === undefined) {
    if (json) terminal.printJson({ running: false });
    else terminal.print(failure('app_not_running').message);
    return EXIT.failed;
  }
  const reply = await running.call('state:get', undefined);
  await running.close();
  if (!reply.ok) return fail(context, reply.error);
  const state = reply.value;
  if (json) {
    terminal.printJson({ running: true, state });
    return EXIT.ok;
  }
  const { edge, services } = state;
  const live = services.filter((s) => asMet(s, edge.link.state === 'up').status === 'active').length;
  const where = edge.kind === 'embedded' ? `the edge inside Porthole (${edge.process ?? 'stopped'})` : edge.domain;
  const rows = [
    ['Connection', `${linkWords(terminal, edge)}, since ${ago(edge.link.since, Date.now())}`],
    ['Edge', where],
    ['Services', state.servicesKnown ? `${services.length}, ${live} live` : 'not known yet'],
    ['Secrets', VAULT[state.vault]],
    ['Data', state.host.home],
  ];
  for (const line of table(['Porthole', `runs (${state.host.version})`], rows)) terminal.print(line);
  for (const note of [edge.link.failure?.message, edge.notice]) if (note !== undefined) terminal.say(note);
  return EXIT.ok;
}
