/** What the access log in the window costs with 100,000 lines in it: how long the page stands still, and waits. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from '@playwright/test';
import { startWeb, surroundings } from '../e2e/shells.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../support/chromium.ts';
import type { Bounded } from './idle.ts';
import { ask, type Door, MISSING, startQuick, trickle } from './log-traffic.ts';

export const LOG_SCROLL = 'log-scroll';

/** As many as the window keeps. */
const LINES = 100_000;
/** Lines that arrive in a second meanwhile. */
const RATE = 200;
/** Milliseconds of one task of the page, and until a result is shown once it is asked for. */
const TASK_BOUND = 50;
const RESULT_BOUND = 100;
/** Asked for once, as the first of all requests. */
const NEEDLE = 'needle-in-the-log';
const TERMINAL = path.resolve(import.meta.dirname, '../../build/porthole.mjs');

/** What the page is given to measure itself by. */
interface Bench {
  /** Begins to note how long each frame takes; what it returns ends that, and yields milliseconds. */
  watch(): () => readonly number[];
  /** From one part (0 to 1) of the list to another, a bit each frame. */
  scroll(from: number, to: number, seconds: number): Promise<void>;
  /** Scrolls down until there are so many lines. */
  load(lines: number): Promise<void>;
  /** Waits until all rows hold `text`; milliseconds since the last letter, and since the edge was asked. */
  result(text: string): Promise<{ readonly typed: number; readonly asked: number }>;
}
declare const window: Window & { bench: Bench };

function install(): void {
  let asked = 0;
  let typed = 0;
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    if (String(data).includes('"log:query"')) asked = performance.now();
    send.call(this, data);
  };
  addEventListener('input', () => {
    typed = performance.now();
  });
  const list = (): Element | null => document.querySelector('[role=listbox]');
  const eachFrame = (step: (now: number) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const tick = (now: number): void => {
        if (step(now)) resolve();
        else requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
  window.bench = {
    watch() {
      const frames: number[] = [];
      let last = performance.now();
      let over = false;
      void eachFrame((now) => {
        frames.push(now - last);
        last = now;
        return over;
      });
      return () => {
        over = true;
        return frames.slice(1);
      };
    },
    scroll(from, to, seconds) {
      const began = performance.now();
      return eachFrame((now) => {
        const part = Math.min(1, Math.max(0, now - began) / 1000 / seconds);
        const box = list();
        if (box !== null) box.scrollTop = (from + (to - from) * part) * (box.scrollHeight - box.clientHeight);
        return part === 1;
      });
    },
    load: (lines) =>
      eachFrame(() => {
        const box = list();
        if (box !== null) box.scrollTop = box.scrollHeight;
        return Number(box?.querySelector('[role=option]')?.getAttribute('aria-setsize') ?? 0) >= lines;
      }),
    async result(text) {
      await eachFrame(() => {
        const rows = [...document.querySelectorAll('[role=option]')];
        return asked > typed && rows.length > 0 && rows.every((row) => row.textContent.includes(text));
      });
      return { typed: performance.now() - typed, asked: performance.now() - asked };
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Adds a service of a local port, and finds where it is asked for. */
async function publish(home: string, port: number): Promise<Door> {
  const porthole = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, [TERMINAL, ...args], { env: surroundings(home), cwd: home });
  await porthole('services', 'add', String(port), '--name', 'busy');
  const { stdout } = await porthole('services', 'list', '--json');
  const { urls }: { readonly urls: { readonly http: string } } = JSON.parse(stdout);
  const url = new URL(urls.http);
  return { port: Number(url.port), host: url.host };
}

/** The tasks of the page's main thread. */
function tasksOf(trace: Buffer): readonly Task[] {
  const { traceEvents }: { readonly traceEvents: readonly TraceEvent[] } = JSON.parse(trace.toString());
  const key = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const named = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const mains = new Set(named.map(key));
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && mains.has(key(event)));
  return tasks.map(({ tdur = 0, dur = 0 }) => ({ cpu: tdur / 1000, took: dur / 1000 }));
}

/** Milliseconds: of CPU, and by the clock, which goes on while others have the core. */
interface Task {
  readonly cpu: number;
  readonly took: number;
}
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of CPU, and by the clock. */
  readonly tdur?: number;
  readonly dur?: number;
  readonly args?: { readonly name?: string };
}

const longest = (numbers: readonly number[]): number => Math.max(0, ...numbers);

/** Opens the access log of the web shell in a window of its own. */
async function openLog(link: string, stack: AsyncDisposableStack) {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS] });
  stack.defer(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await page.addInitScript(install);
  await page.goto(link);
  await page.goto(`${new URL(page.url()).origin}/#/log`);
  await page.getByRole('listbox').waitFor();
  return { browser, page };
}

/** Does `work` in the page, and tells how long its tasks and frames were meanwhile. */
type Watched = <T>(what: string, work: () => Promise<T>) => Promise<T>;

const watcher =
  (browser: Browser, page: Page, bounded: Bounded): Watched =>
  async (what, work) => {
    const watching = await page.evaluateHandle(() => window.bench.watch());
    await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
    const done = await work();
    const tasks = tasksOf(await browser.stopTracing());
    if (tasks.length === 0) throw new Error('this Chromium does not tell of its tasks');
    const frames = (await watching.evaluate((end) => end())).toSorted((a, b) => a - b);
    const cpu = tasks.map((task) => task.cpu);
    bounded(LOG_SCROLL, `ms of CPU, the longest task ${what}`, longest(cpu), TASK_BOUND);
    const sum = Math.round(cpu.reduce((a, b) => a + b, 0));
    const took = longest(tasks.map((task) => task.took)).toFixed(0);
    console.log(`  ${tasks.length} tasks, ${sum} ms of CPU; by the clock the longest took ${took} ms`);
    const at = (part: number): string => (frames[Math.floor(frames.length * part)] ?? 0).toFixed(1);
    console.log(`  ${frames.length} frames: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${longest(frames).toFixed(1)} ms`);
    return done;
  };

/** How long the page works on one thing while it is scrolled, and lines arrive at `door`. */
async function scroll(page: Page, door: Door, seconds: number, watched: Watched): Promise<AsyncDisposable> {
  await watched('while all lines are loaded', () => page.evaluate((lines) => window.bench.load(lines), LINES));
  await page.evaluate(() => window.bench.scroll(1, 0, 0.1));
  const arriving = trickle(door, RATE);
  await watched('at the top, lines arriving', () => pause(seconds * 1000));
  await watched('from top to bottom', () => page.evaluate((s) => window.bench.scroll(0, 1, s), seconds));
  await watched('from bottom to top', () => page.evaluate((s) => window.bench.scroll(1, 0, s), seconds));
  await watched('a line or two a frame', () => page.evaluate((s) => window.bench.scroll(0, s / 1000, s), seconds));
  await page.evaluate(() => window.bench.scroll(0, 0, 0.1));
  return arriving;
}

/** How long the reader waits for what a filter lets through. */
async function filter(page: Page, watched: Watched, bounded: Bounded): Promise<void> {
  const tell = (what: string, { typed, asked }: Awaited<ReturnType<Bench['result']>>): void => {
    bounded(LOG_SCROLL, `ms from the question to the result, ${what}`, asked, RESULT_BOUND);
    console.log(`  ${Math.round(typed)} ms since the last letter or click`);
  };
  const box = page.getByRole('searchbox');
  const search = async (text: string) => {
    await box.clear();
    await box.pressSequentially(text, { delay: 60 });
    return await page.evaluate((wanted) => window.bench.result(wanted), text);
  };
  tell('a word of every sixth line', await watched('while it is searched for', () => search(MISSING.slice(1))));
  tell('a word of a single line', await search(NEEDLE));
  await box.clear();
  await page.locator('[role=option]').nth(1).waitFor();
  await page.getByRole('button', { name: 'Add filter' }).click();
  await page.getByRole('menuitem', { name: 'Status' }).click();
  await page.getByRole('form').getByLabel('Status').fill('404');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  tell('one status', await page.evaluate(() => window.bench.result('404')));
}

/** Runs the web shell from the last build; each way through the list takes `seconds`. */
export async function logScroll(dir: string, seconds: number, bounded: Bounded): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const home = path.join(dir, LOG_SCROLL);
  mkdirSync(home, { recursive: true });
  const shell = await startWeb(home);
  stack.defer(async () => {
    shell.child.kill('SIGTERM');
    await shell.exited;
  });
  const origin = stack.use(await startQuick());
  const door = await publish(home, origin.port);
  await ask(door, 1, () => `/${NEEDLE}`);
  await ask(door, LINES + 2000);
  const { browser, page } = await openLog(shell.link, stack);
  const watched = watcher(browser, page, bounded);
  stack.use(await scroll(page, door, seconds, watched));
  await filter(page, watched, bounded);
}
