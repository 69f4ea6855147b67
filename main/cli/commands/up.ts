import { type AgentState, offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { App } from '../../app/app.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { startOwn } from '../session.ts';
import { printable, table } from '../terminal.ts';
import { asMet, internalUrl, linkWords, statusWords } from '../words.ts';

/** Runs the agent until Ctrl+C, and tells what changes. */
export async function up(context: CommandContext): Promise<ExitCode> {
  const session = await startOwn(context);
  if (!session.ok) return fail(context, session.error);
  const { own } = session.value;
  if (own === undefined) return EXIT.failed;
  const report = context.json ? reportJson(context) : reportWords(context);
  const stop = own.on('state', report);
  report(own.state());
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  stop();
  await goodbye(context, own);
  return EXIT.ok;
}

async function goodbye({ terminal }: CommandContext, app: App): Promise<void> {
  const offline = app.state().services.filter((s) => s.enabled).length;
  await app.close();
  terminal.say(offline === 0 ? 'Porthole has ended.' : `Porthole has ended; ${count(offline)} went offline with it.`);
}

const count = (services: number): string => (services === 1 ? '1 service' : `${services} services`);

/** One line whenever the connection or a service changes its state. */
function reportWords({ terminal }: CommandContext): (state: AgentState) => void {
  let link = '';
  let list = '';
  let notice = '';
  let aside: string | undefined;
  return (state) => {
    const { edge, services, trust, settingsSetAside } = state;
    if (settingsSetAside !== undefined && settingsSetAside !== aside)
      terminal.say(
        `The settings were damaged. Porthole began with empty ones and kept the old in ${settingsSetAside}.`,
      );
    aside = settingsSetAside;
    const reason = edge.link.state === 'up' ? undefined : edge.link.failure?.message;
    const nextLink = `${edge.link.state} ${reason}`;
    if (nextLink !== link)
      terminal.say(`${edge.domain}: ${linkWords(terminal, edge)}${reason === undefined ? '' : `. ${reason}`}`);
    link = nextLink;
    if (edge.notice !== undefined && edge.notice !== notice) terminal.say(edge.notice);
    notice = edge.notice ?? '';
    const met = services.map((service) => asMet(service, edge.link.state === 'up'));
    const rows = met.map((s) => [
      offeredUrl(s.urls, trust),
      statusWords(terminal, s.status),
      internalUrl(s),
      printable(s.statusReason ?? ''),
    ]);
    const nextList = JSON.stringify(rows);
    if (nextList === list || !state.servicesKnown) return;
    list = nextList;
    if (rows.length === 0) terminal.say('Nothing is public yet. Publish a port with "porthole services add PORT".');
    for (const line of table(['URL', 'STATUS', 'TARGET', ''], rows)) terminal.print(line);
  };
}

/** One object whenever something changes: the first tells that it runs. */
function reportJson({ terminal }: CommandContext): (state: AgentState) => void {
  let last = '';
  return ({ edge, services, servicesKnown, trust }) => {
    const { roundTrip: _, nextTryAt: __, ...link } = edge.link;
    const met = services.map((service) => asMet(service, edge.link.state === 'up'));
    const listed = met.map((s) => ({
      id: s.id,
      name: s.name,
      url: offeredUrl(s.urls, trust),
      status: s.status,
      target: internalUrl(s),
    }));
    const line = { event: 'state', pid: process.pid, domain: edge.domain, link, servicesKnown, services: listed };
    const text = JSON.stringify(line);
    if (text === last) return;
    last = text;
    terminal.printJson(line);
  };
}
