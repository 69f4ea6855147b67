/// <reference types="electron" />
/** `electron.utilityProcess`: a Node child with `process.parentPort`, which ends when its parent does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { runtime } from './app.ts';
import { strict } from './strict.ts';

type Options = Pick<Electron.ForkOptions, 'stdio' | 'serviceName' | 'execArgv'>;

const CHILD = new URL('./utility-child.ts', import.meta.url).href;

class UtilityProcess extends EventEmitter {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #child: ChildProcess;
  #pid: number | undefined;

  constructor(entry: string, args: readonly string[], options: Options) {
    super();
    if (options.stdio !== 'pipe') throw new Error('stand-in: only stdio "pipe" is implemented');
    this.#child = spawn(
      process.execPath,
      ['--no-warnings', ...(options.execArgv ?? []), '--import', CHILD, entry, ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        // Ctrl+C in a terminal reaches Electron's main process alone, as its children ignore it.
        detached: true,
      },
    );
    this.stdout = this.#child.stdout;
    this.stderr = this.#child.stderr;
    this.#child.once('spawn', () => {
      this.#pid = this.#child.pid;
      this.emit('spawn');
    });
    this.#child.once('exit', (code, signal) => {
      this.#pid = undefined;
      this.emit('exit', code ?? (signal === null ? 1 : constants.signals[signal]));
    });
  }

  /** Known from `spawn` to `exit`, as Electron's. */
  get pid(): number | undefined {
    return this.#pid;
  }

  kill(): boolean {
    return this.#child.kill('SIGTERM');
  }
}

export const utilityProcess = strict(
  {
    fork(entry: string, args: readonly string[] = [], options: Options = {}): UtilityProcess {
      if (!runtime.ready) throw new Error('utilityProcess cannot be created before app is ready');
      return new UtilityProcess(entry, args, options);
    },
  },
  'utilityProcess',
);
