/** Processes that a benchmark starts: each is ended by the one who started it, whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Held } from './memory-probe.ts';

/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const TICKS = 100;

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Seconds of CPU that the process and its threads have used. */
  cpu(): number;
  /** Resident bytes. */
  resident(): number;
  /** What it holds after a full collection, if it was started with `PROBE`. */
  held(): Promise<Held>;
  readonly child: ChildProcess;
}

/** Arguments for Node that let a process tell what it holds; to be run with `ipc`. */
export const PROBE: readonly string[] = ['--expose-gc', '--import', path.join(import.meta.dirname, 'memory-probe.ts')];

interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: 'pipe' | 'ignore';
  /** A channel for `PROBE`. */
  readonly ipc?: boolean;
  /** Nobody reads its output: one that is never read would fill up and stop a process that talks much. */
  readonly quiet?: boolean;
}

/** Starts `command` and returns once it runs; output is kept out of the tables. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Running> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: [
      options.stdin ?? 'ignore',
      options.quiet === true ? 'ignore' : 'pipe',
      'pipe',
      ...(options.ipc === true ? (['ipc'] as const) : []),
    ],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
  });
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} did not start`);
  const exited = once(child, 'exit');
  let ending = false;
  child.once('exit', (code) => {
    if (code !== null && code !== 0 && !ending) process.stderr.write(`${command} ended with ${code}: ${errors}\n`);
  });
  return {
    pid,
    child,
    cpu: () => cpuOf(pid),
    resident: () => stat(pid, 21) * 4096,
    async held() {
      const answer = once(child, 'message');
      child.send('held');
      return ((await answer) as [Held])[0];
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      ending = true;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Seconds of CPU that a process and its threads have used. */
export const cpuOf = (pid: number): number => stat(pid, 11) / TICKS + stat(pid, 12) / TICKS;

/** A field of /proc/PID/stat, counted after the command's name (proc(5): utime 11, stime 12, rss 21). */
function stat(pid: number, field: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[field]);
}

/** The first line of JSON on the process's standard output that `accept` likes. */
export async function jsonLine<T>(
  child: ChildProcess,
  accept: (value: Record<string, unknown>) => T | undefined,
): Promise<T> {
  const { stdout } = child;
  if (stdout === null) throw new Error('no output to read');
  let rest = '';
  return await new Promise<T>((resolve, reject) => {
    const ended = () => reject(new Error(`the process ended before it was ready: ${rest.slice(0, 500)}`));
    child.once('exit', ended);
    stdout.on('data', (chunk: Buffer) => {
      rest += chunk.toString();
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        const value = accept(JSON.parse(line) as Record<string, unknown>);
        if (value === undefined) continue;
        child.off('exit', ended);
        resolve(value);
      }
    });
  });
}

/** Waits until something accepts on `port`; fails after ten seconds. */
export async function listening(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}
