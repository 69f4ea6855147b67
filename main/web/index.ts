/** Porthole in a browser: for SSH, machines without a display, and those without Electron. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { watchParent } from '../../shared/node/parent.ts';
import type { App } from '../app/app.ts';
import { openConfSettings } from '../app/conf-settings.ts';
import { createApp } from '../app/create-app.ts';
import { findEdgeEntry, spawnEdge } from '../app/edge-process.ts';
import type { Host } from '../app/host.ts';
import { openBrowser } from './browser.ts';
import { startWebShell } from './shell.ts';
import { answerEnter, describeLink } from './terminal.ts';

const here = import.meta.dirname;
/** A terminal's Ctrl+C may arrive twice at once, from the terminal and from npm; a person's second comes later. */
const SAME_SIGNAL = 500;

export interface WebOptions {
  /** Open the browser, where there is a display. */
  readonly open: boolean;
}

/** The first of these paths, seen from the bundle or from the source, that is there. */
const find = (...places: readonly string[]): string | undefined =>
  places.map((place) => path.join(here, place)).find((place) => existsSync(place));

function createHost(edge: string, quit: () => void): Host {
  const about: { readonly version: string } = JSON.parse(readFileSync(path.join(here, '../../package.json'), 'utf8'));
  return {
    kind: 'web',
    version: about.version,
    openExternal: (url) => openBrowser(url),
    // The page has a clipboard of its own; the one of this machine may be on another desk.
    writeClipboard: async () => false,
    spawnEdge: (args) => spawnEdge(edge, args),
    openSettings: openConfSettings,
    quit,
  };
}

/** Resolves when the app shall end: by signal, by its own Quit, or because its parent is gone. */
function untilEnd(): { readonly ended: Promise<void>; readonly end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      const now = performance.now();
      if (first !== undefined && now - first > SAME_SIGNAL) process.exit(130);
      first ??= now;
      resolve();
    });
  watchParent(process.env, resolve);
  return { ended: promise, end: resolve };
}

/** Opens the app's window to browsers until `ended`. */
async function show(app: App, screens: string, options: WebOptions, ended: Promise<void>): Promise<void> {
  const shell = await startWebShell({ app, screens });
  app.hidePort(shell.port);
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  print(`Porthole is open at\n\n${describeLink(shell.newLink())}`);
  // A link of its own, so that the printed one still works. Others may see it among the running commands.
  if (options.open) await openBrowser(shell.newLink('private').browser);
  const stopListening = answerEnter(shell, print);
  await ended;
  stopListening();
  await shell.close();
}

/** Runs the app and its web shell until it shall end; the exit code. Failures are told on stderr in a sentence. */
export async function runWeb(options: WebOptions): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  // A reader that went away (`| head`) is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const edge = findEdgeEntry(here);
  const screens = find('../renderer/index.html', '../../out/renderer/index.html');
  if (edge === undefined || screens === undefined) {
    say('Porthole is not built here. Run "npm run build" first.');
    return 1;
  }
  const { ended, end } = untilEnd();
  const created = await createApp(createHost(edge, end));
  if (!created.ok) {
    say(created.error.message);
    return 1;
  }
  const app = created.value;
  try {
    await show(app, path.dirname(screens), options, ended);
  } finally {
    await app.close();
  }
  const going = app.state().services.filter((service) => service.enabled).length;
  say(going === 0 ? 'Porthole has ended.' : `Porthole has ended; ${going} of your services went offline with it.`);
  return 0;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { 'no-open': { type: 'boolean' } } });
  process.exit(await runWeb({ open: values['no-open'] !== true }));
}
