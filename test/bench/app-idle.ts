/** What the app costs while nobody does anything: CPU with ten services and the open page of the access log. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from '@playwright/test';
import { type Origin, startOrigin } from '../e2e/origin.ts';
import { descendants } from '../e2e/processes.ts';
import { startWeb, surroundings } from '../e2e/shells.ts';
import { CHROMIUM_MISSING, findChromium } from '../support/chromium.ts';
import type { Bounded } from './idle.ts';
import { cpuOf } from './process.ts';

export const APP_IDLE = 'app-idle';

const SERVICES = 10;
/** Per cent of a core, for the app's processes (window server, agent, embedded edge) and for the page. */
const BOUND = 1;
/** Requests to each service beforehand, so that the log has more lines than the page shows. */
const VISITS = 5;
/** Milliseconds for the start to be over: V8 tidies both heaps up about half a minute after it, once. */
const SETTLE = 60_000;
const TERMINAL = path.resolve(import.meta.dirname, '../../build/porthole.mjs');

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the web shell from the last build; `seconds` of silence are measured. */
export async function appIdle(dir: string, seconds: number, bounded: Bounded): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const home = path.join(dir, 'app-idle');
  mkdirSync(home, { recursive: true });
  const shell = await startWeb(home);
  stack.defer(async () => {
    shell.child.kill('SIGTERM');
    await shell.exited;
  });
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
  const server = await chromium.launchServer({ executablePath });
  stack.defer(() => server.close());
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage();
  await page.goto(shell.link);
  const urls: string[] = [];
  for (let index = 0; index < SERVICES; index += 1) {
    const origin: Origin = await startOrigin('quiet');
    stack.defer(() => origin.close());
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [TERMINAL, 'services', 'add', String(origin.port), '--name', `quiet-${index}`],
      { env: surroundings(home), cwd: home },
    );
    urls.push(stdout.trim());
  }
  const rows = page.getByRole('region', { name: 'Your services' }).getByRole('listitem');
  await rows.nth(SERVICES - 1).waitFor();
  await visitAll(browser, urls);
  await page.goto(`${new URL(page.url()).origin}/#/log`);
  await page.getByRole('listbox', { name: 'Requests, newest first' }).getByRole('option').first().waitFor();
  await pause(SETTLE);
  const app = [shell.child.pid ?? 0, ...descendants(shell.child.pid ?? 0)];
  const browserPid = server.process().pid ?? 0;
  const window = [browserPid, ...descendants(browserPid)];
  const used = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const before = [used(app), used(window)] as const;
  const started = performance.now();
  await pause(seconds * 1000);
  const elapsed = (performance.now() - started) / 1000;
  console.log(`\nload average over the last minute: ${os.loadavg()[0]?.toFixed(1)}`);
  bounded(APP_IDLE, '% of a core, the app', ((used(app) - before[0]) / elapsed) * 100, BOUND);
  bounded(APP_IDLE, '% of a core, the browser', ((used(window) - before[1]) / elapsed) * 100, BOUND);
}

async function visitAll(browser: Browser, urls: readonly string[]): Promise<void> {
  const visitors = await browser.newContext({ ignoreHTTPSErrors: true });
  const visitor = await visitors.newPage();
  for (let visit = 0; visit < VISITS; visit += 1) for (const url of urls) await visitor.goto(url);
  await visitors.close();
}
