import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { because } from '../../shared/domain/reason.ts';
import type { EdgeExit, EdgeProcess } from './host.ts';

/**
 * The edge's entry file, as seen from the folder of a main entry (`main/cli`, or `out/main` when bundled).
 * `undefined` in a package without an edge.
 */
export function findEdgeEntry(from: string): string | undefined {
  const places = ['edge.js', join('..', 'edge', 'main.js'), join('..', '..', 'edge', 'main.ts')];
  return places.map((place) => join(from, place)).find((path) => existsSync(path));
}

/**
 * Flags for the Node that runs an embedded edge: a small young generation and code that is compiled with memory in mind.
 * While it carried a gibibyte each way they took its peak from 137–155 MB resident to 119–132; CPU a request stayed the same.
 */
export const EDGE_FLAGS = [
  '--max-semi-space-size=4',
  '--optimize-for-size',
  '--disable-warning=ExperimentalWarning',
] as const;

/**
 * Starts the edge as a Node child. It gets its own process group where there are such things, so that Ctrl+C in the
 * terminal reaches only the app, which ends the edge after it has said goodbye through it.
 */
export function spawnEdge(entry: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): EdgeProcess {
  const child = spawn(process.execPath, [...EDGE_FLAGS, entry, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
    env,
  });
  // Writing to a dead child is no event of its own: `exited` tells.
  child.stdin.on('error', () => undefined);
  const exited = new Promise<EdgeExit>((resolve) => {
    child.once('error', (error) => resolve({ code: null, reason: error.message }));
    child.once('exit', (code, signal) =>
      resolve({
        code,
        reason: signal === null ? because('exit_code', { code: String(code) }) : because('exit_signal', { signal }),
      }),
    );
  });
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}

/** What is used of Electron's `UtilityProcess`. */
interface Utility {
  readonly pid: number | undefined;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  once(event: 'exit', listener: (code: number) => void): unknown;
  kill(): boolean;
}

/** A utility process of Electron's, started with `stdio: 'pipe'`, as an edge process. */
export function followUtility(child: Utility): EdgeProcess {
  const { stdout, stderr } = child;
  // With `stdio: 'pipe'` both exist (Electron's documentation of `utilityProcess.fork`), as Node streams.
  if (stdout === null || stderr === null) throw new Error('a utility process without its pipes');
  return {
    get pid() {
      return child.pid;
    },
    stdin: undefined,
    stdout: stdout as EdgeProcess['stdout'],
    stderr: stderr as EdgeProcess['stderr'],
    exited: new Promise((resolve) => {
      child.once('exit', (code) => resolve({ code, reason: because('exit_code', { code }) }));
    }),
    kill(signal) {
      if (signal === 'SIGKILL' && child.pid !== undefined) process.kill(child.pid, signal);
      else child.kill();
    },
  };
}
