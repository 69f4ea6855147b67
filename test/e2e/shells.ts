/** Ways to start Porthole as a person would, each with a window that Playwright holds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { _electron, type Browser, type ElectronApplication, type Page } from '@playwright/test';
import { findElectron } from '../../build/electron.mjs';
import { pause, systemClock } from '../../shared/node/clock.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A running Porthole. */
export interface Shell {
  /** What really runs: the stand-in is never called Electron. */
  readonly kind: 'web' | 'Electron' | 'stand-in';
  readonly page: Page;
  /** The main process. */
  readonly pid: number;
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
  /** What is on the clipboard that this shell copies to. */
  clipboard(): Promise<string>;
  /** Ends it as the system would. */
  stop(): Promise<void>;
  /** Desktop only. */
  readonly app?: ElectronApplication;
}

export interface ShellOptions {
  /** An empty folder for everything that it and the system keep for its user. */
  readonly home: string;
  readonly browser: Browser;
}

/**
 * The surroundings of a fresh user: no keyring, no display, no settings of the machine that runs the tests. Tools that a
 * test puts into `bin` in its folder come before the machine's.
 */
export const surroundings = (home: string): Record<string, string> => ({
  PATH: [path.join(home, 'bin'), path.join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(path.delimiter),
  HOME: home,
  PORTHOLE_HOME: path.join(home, 'porthole'),
  ...(process.env.CHROMIUM === undefined ? {} : { CHROMIUM: process.env.CHROMIUM }),
});

/** What each process said last that the test under way has started. */
const heard: (() => string)[] = [];

/** Reads a process's stderr, so that it is never blocked, and keeps the end of it. */
export function keepLastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text = `${text}${chunk}`.slice(-10_000);
  });
  const said = (): string => text;
  heard.push(said);
  return said;
}

/** The last words of all processes since it was asked before, whoever started them. */
export const takeLastWords = (): string =>
  heard
    .splice(0)
    .map((said) => said())
    .join('\n');

/** Starts the bundled web shell; resolves with its process and its first link. */
export async function startWeb(home: string) {
  const child = spawn(process.execPath, [path.join(root, 'out', 'main', 'web.js'), '--no-open'], {
    cwd: home,
    env: surroundings(home),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  keepLastWords(child);
  const exited = once(child, 'exit').then(([code]): number | null => code);
  const links = async function* () {
    let text = '';
    for await (const chunk of child.stdout) {
      text += chunk;
      for (let match = LINK.exec(text); match !== null; match = LINK.exec(text)) {
        yield match[0];
        text = text.slice(match.index + match[0].length);
      }
    }
  };
  const printed = links();
  const nextLink = async (): Promise<string> => {
    const { value } = await printed.next();
    if (value === undefined) throw new Error('the web shell ended without a link');
    return value;
  };
  return { child, exited, link: await nextLink(), nextLink };
}
/** The browser's link, whole: the blank line after it has arrived. */
const LINK = /http:\/\/p-[0-9a-f]+\.localhost:\d+\/login\?token=[\w-]+(?=\n)/;

async function openWeb({ home, browser }: ShellOptions): Promise<Shell> {
  const { child, exited, link } = await startWeb(home);
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  await page.goto(link);
  return {
    kind: 'web',
    page,
    pid: child.pid ?? 0,
    exited,
    clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
    async stop() {
      await context.close();
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Milliseconds for the desktop app to come up, and to quit: far more than it takes, and less than a test has. */
const START_LIMIT = 60_000;
const QUIT_LIMIT = 30_000;

/** Starts the desktop app, in Electron where it is here; with `--hidden` no window opens. `env` adds to its surroundings. */
export async function startDesktop(home: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const real = findElectron({});
  const standin = path.join(root, 'test', 'standin', 'dist', 'electron');
  // Without an executable of its own choice Playwright loads its loader first, which holds `ready` back until it is
  // connected; the package's own lookup obeys this variable.
  if (real === undefined) process.env.ELECTRON_OVERRIDE_DIST_PATH = path.dirname(standin);
  const app = await _electron.launch({
    args: [root, ...args],
    cwd: home,
    env: { ...surroundings(home), ...env },
    timeout: START_LIMIT,
  });
  const child = app.process();
  const lastWords = keepLastWords(child);
  const exited = once(child, 'exit').then(([code]): number | null => code);
  const stop = async (): Promise<void> => {
    const gone = new AbortController();
    const quit = app
      .close()
      .then(() => exited)
      .finally(() => gone.abort());
    if (await pause(systemClock, QUIT_LIMIT, gone.signal))
      throw new Error(`the app did not quit; its last words: ${lastWords()}`);
    await quit;
  };
  return { kind: real === undefined ? 'stand-in' : 'Electron', app, child, exited, stop } as const;
}

async function openDesktop({ home }: ShellOptions): Promise<Shell> {
  const { kind, app, child, exited, stop } = await startDesktop(home);
  return {
    kind,
    page: await app.firstWindow(),
    pid: child.pid ?? 0,
    exited,
    clipboard: () => app.evaluate(({ clipboard }) => clipboard.readText()),
    stop,
    app,
  };
}

export const openShell = (host: 'web' | 'desktop', options: ShellOptions): Promise<Shell> =>
  host === 'web' ? openWeb(options) : openDesktop(options);
