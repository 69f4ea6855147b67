/** The command line, run as its users run it: the real process, a data folder of its own, JSON output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const CLI = path.resolve(import.meta.dirname, '../../build/porthole.mjs');

export interface Home extends AsyncDisposable {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A data folder and home folder for one test, removed afterwards. */
export function temporaryHome(): Home {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-test-'));
  return {
    dir,
    env: { ...process.env, PORTHOLE_HOME: path.join(dir, 'data'), HOME: dir, NO_COLOR: '1', PORTHOLE_LOG: 'warn' },
    async [Symbol.asyncDispose]() {
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface CliProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Standard error so far. */
  errors(): string;
  /** The next line of standard output as JSON; fails when the process ends first. */
  line(): Promise<Record<string, unknown>>;
  /** Waits for the end; exit code, or the signal's name. */
  ended(): Promise<number | NodeJS.Signals>;
}

/** Starts `porthole ...args` in `home`. */
export function startCli(home: Home, args: readonly string[]): CliProcess {
  const child = spawn(process.execPath, [CLI, ...args], { env: home.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let rest = '';
  let errors = '';
  let over = false;
  let wake = Promise.withResolvers<void>();
  const changed = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    changed();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const exit = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    over = true;
    changed();
    return code ?? signal ?? 0;
  });
  return {
    child,
    errors: () => errors,
    async line() {
      for (;;) {
        const line = lines.shift();
        if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
        // Its last lines may come after its exit.
        if (over) throw new Error(`the process ended: ${errors}`);
        await wake.promise;
      }
    },
    ended: () => exit as Promise<number | NodeJS.Signals>,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** Processes whose command line or environment names `dir`: what a test left running. Linux only. */
export function processesOf(dir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dir));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Peak resident bytes of a process so far (VmHWM in proc(5)). */
export function peakResident(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
