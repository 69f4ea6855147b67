import { spawn } from 'node:child_process';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit.ts';

/**
 * Runs the edge in a process of its own, with the same arguments, streams, signals and exit code: the laptop's side
 * never loads it.
 */
export function edge(
  { edge, env, terminal, signal: ending }: CommandContext,
  args: readonly string[],
): Promise<number> {
  if (edge === undefined) {
    terminal.say('Error: This Porthole was packaged without an edge.');
    return Promise.resolve(EXIT.failed);
  }
  const argv = ['--disable-warning=ExperimentalWarning', edge, ...args];
  // In a group of its own, so that a signal reaches it once: from here.
  const detached = process.platform !== 'win32';
  // It watches this process, which passes no signal on when it is killed outright.
  const own = { ...env, PORTHOLE_PARENT: String(process.pid) };
  const child = spawn(process.execPath, argv, { stdio: 'inherit', env: own, detached });
  // `signal` only tells of the first one; the edge wants the second too, which ends it at once.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.removeAllListeners(name);
    process.on(name, () => child.kill(name === 'SIGHUP' ? 'SIGTERM' : name));
  }
  ending.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      terminal.say(`Error: The edge could not be started (${error.message}).`);
      resolve(EXIT.failed);
    });
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? EXIT.interrupted : EXIT.failed)));
  });
}
