/// <reference types="electron" />
/** `electron.app`: life cycle, paths, the single-instance lock. */
import { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { type Chromium, startChromium } from './chromium.ts';
import { createEvent, strict } from './strict.ts';

interface Package {
  readonly name?: string;
  readonly productName?: string;
  readonly version?: string;
}
/** What the stand-in itself needs of a window when the app quits. */
interface Closable {
  close(): void;
  isDestroyed(): boolean;
}

/** The stand-in's own state, which its modules share. */
export const runtime = {
  chromium: undefined as Chromium | undefined,
  ready: false,
  quitting: false,
  windows: [] as Closable[],
};

/** Chromium, once the app is ready. */
export function chromium(): Chromium {
  if (runtime.chromium === undefined) throw new Error('stand-in: used before the app is ready');
  return runtime.chromium;
}

type AppParts = Pick<
  Electron.App,
  | 'exit'
  | 'getAppPath'
  | 'getName'
  | 'getPath'
  | 'getVersion'
  | 'isPackaged'
  | 'isReady'
  | 'name'
  | 'quit'
  | 'releaseSingleInstanceLock'
  | 'requestSingleInstanceLock'
  | 'setAsDefaultProtocolClient'
  | 'setPath'
  | 'whenReady'
>;

class App extends EventEmitter implements AppParts {
  name = 'electron';
  /** A test of what only packages do says so. */
  readonly isPackaged = process.env.STANDIN_PACKAGED === '1';
  readonly commandLine: Pick<Electron.CommandLine, 'appendSwitch'>;
  readonly #switches: string[] = [];
  readonly #paths = new Map<string, string>();
  readonly #isReady = Promise.withResolvers<void>();
  #folder = '.';
  #version = '0.0.0';
  #lock: string | undefined;

  constructor() {
    super();
    const appendSwitch = (name: string, value?: string): void => {
      this.#switches.push(value ? `--${name}=${value}` : `--${name}`);
    };
    this.commandLine = strict({ appendSwitch }, 'app.commandLine');
  }

  /** For the boot file: what is being run. */
  __describe(folder: string, about: Package): void {
    this.#folder = folder;
    this.name = about.productName ?? about.name ?? this.name;
    this.#version = about.version ?? this.#version;
  }

  /** For the boot file: starts Chromium, then says `ready`. */
  async __boot(): Promise<void> {
    // Those that would fight with the stand-in's own.
    const foreign = /^--(?:remote-debugging|user-data-dir|headless)/;
    const switches = this.#switches.filter((flag) => !foreign.test(flag));
    runtime.chromium = await startChromium(switches, () => process.exit(1));
    process.stderr.write(`\nDevTools listening on ${runtime.chromium.url}\n`);
    this.#isReady.resolve();
    runtime.ready = true;
    this.emit('will-finish-launching');
    this.emit('ready', createEvent(), {});
  }

  whenReady(): Promise<void> {
    return this.#isReady.promise;
  }
  isReady(): boolean {
    return runtime.ready;
  }
  getVersion(): string {
    return this.#version;
  }
  getName(): string {
    return this.name;
  }
  getAppPath(): string {
    return this.#folder;
  }
  setPath(name: string, value: string): void {
    this.#paths.set(name, value);
  }
  /** Here only packages are registered by their own files. */
  setAsDefaultProtocolClient(): boolean {
    return true;
  }
  getPath(name: Parameters<Electron.App['getPath']>[0]): string {
    const appData = this.#paths.get('appData') ?? process.env.XDG_CONFIG_HOME ?? path.join(homedir(), '.config');
    const known: Record<string, string> = { appData, home: homedir(), userData: path.join(appData, this.name) };
    const value = this.#paths.get(name) ?? known[name];
    if (value === undefined) throw new Error(`stand-in: app.getPath('${name}') is not implemented`);
    return value;
  }

  /** A file with the holder's process id; second starts leave a note in a folder that the holder watches. */
  requestSingleInstanceLock(data: Record<string, unknown> = {}): boolean {
    const folder = this.getPath('userData');
    const lock = path.join(folder, 'standin.lock');
    const inbox = path.join(folder, 'standin.inbox');
    mkdirSync(inbox, { recursive: true });
    for (;;) {
      try {
        writeFileSync(lock, String(process.pid), { flag: 'wx' });
        break;
      } catch {
        if (isAlive(Number(readFileSync(lock, 'utf8')))) {
          const note = path.join(inbox, String(process.pid));
          writeFileSync(`${note}.tmp`, JSON.stringify({ argv: process.argv, cwd: process.cwd(), data }));
          renameSync(`${note}.tmp`, `${note}.json`);
          return false;
        }
        rmSync(lock, { force: true });
      }
    }
    this.#lock = lock;
    watch(inbox, () => this.#readNotes(inbox)).unref();
    return true;
  }

  #readNotes(inbox: string): void {
    for (const name of readdirSync(inbox).filter((entry) => entry.endsWith('.json'))) {
      const note = JSON.parse(readFileSync(path.join(inbox, name), 'utf8'));
      rmSync(path.join(inbox, name));
      this.emit('second-instance', createEvent(), note.argv, note.cwd, note.data);
    }
  }

  releaseSingleInstanceLock(): void {
    if (this.#lock !== undefined) rmSync(this.#lock, { force: true });
    this.#lock = undefined;
  }

  /** before-quit, every window's close, will-quit: each may prevent it. Then `exit`. */
  quit(): void {
    const before = createEvent();
    this.emit('before-quit', before);
    if (before.defaultPrevented) return;
    for (const window of [...runtime.windows]) {
      window.close();
      if (!window.isDestroyed()) return;
    }
    const will = createEvent();
    this.emit('will-quit', will);
    if (!will.defaultPrevented) this.exit(0);
  }

  exit(code = 0): void {
    if (runtime.quitting) return;
    runtime.quitting = true;
    this.emit('quit', createEvent(), code);
    this.releaseSingleInstanceLock();
    void (async () => {
      await runtime.chromium?.close();
      process.exit(code);
    })();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const app = strict(new App(), 'app');

// As Electron does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());
