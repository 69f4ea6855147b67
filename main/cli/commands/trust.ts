import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { knownState, withSession } from '../session.ts';
import { type Style, table } from '../terminal.ts';

const STYLE: Readonly<Record<string, Style>> = {
  installed: 'green',
  already: 'green',
  skipped: 'yellow',
  failed: 'red',
};

/** Installs the edge's private authority and tells what became of each store. */
export async function trust(context: CommandContext): Promise<ExitCode> {
  const { terminal, json, signal } = context;
  const done = await withSession(context, ['state'], async (session) => {
    const known = await knownState(session, signal);
    return known.ok ? session.call('trust:install', undefined) : known;
  });
  if (!done.ok) return fail(context, done.error);
  const { trusted, steps } = done.value;
  if (json) terminal.printJson(done.value);
  else {
    const rows = steps.map((s) => [terminal.style(STYLE[s.outcome] ?? 'bold', s.outcome), s.store, s.note]);
    for (const line of table(['RESULT', 'STORE', ''], rows)) terminal.print(line);
    if (steps.length === 0) terminal.print('The edge has a public certificate: there is nothing to install.');
    else if (trusted) terminal.say('Browsers on this machine now open the https addresses without a warning.');
    else terminal.say('Browsers on this machine still warn about the https addresses; the http ones work without.');
  }
  return trusted ? EXIT.ok : EXIT.failed;
}
