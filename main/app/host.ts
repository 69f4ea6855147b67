import type { Readable, Writable } from 'node:stream';
import type { UpdateLook, UpdateState, UpdatesOff } from '../../shared/contract/agent-state.ts';
import type { Notice } from '../../shared/contract/ipc.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Reason } from '../../shared/domain/reason.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { SettingsStore } from './settings.ts';

/** A running edge process, as the app needs it: lines out, one way to end it, one end. */
export interface EdgeProcess {
  readonly pid: number | undefined;
  /** JSON lines, see `embedded-edge.ts`. */
  readonly stdout: Readable;
  /** Log lines and last words. */
  readonly stderr: Readable;
  /**
   * Open for as long as the edge shall live: the operating system closes it when this process dies in any way, and
   * the edge ends itself then. `undefined` where the host ties the two lives together by other means.
   */
  readonly stdin: Writable | undefined;
  /** Resolves once, when the process is gone; never rejects. A process that could not start is gone with `reason`. */
  readonly exited: Promise<EdgeExit>;
  /** Asks (SIGTERM) or forces (SIGKILL) it to end. Harmless afterwards. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface EdgeExit {
  readonly code: number | null;
  /** Why, in words for the log, such as `exit code 1` or `signal SIGKILL`. */
  readonly reason: Reason;
}

/** The operating system's secret box of a graphical session, such as Electron's `safeStorage`. */
export interface SafeStorage {
  /** False where it would only obfuscate (such as Electron's `basic_text` backend). */
  available(): Promise<boolean>;
  encrypt(text: string): Promise<Uint8Array>;
  /** Rejects when the bytes are damaged or from another session's key. */
  decrypt(bytes: Uint8Array): Promise<string>;
}

/** Whether Porthole starts, hidden, when the user logs in. */
export interface LoginItem {
  /** Fails when the system refuses. */
  set(enabled: boolean): Result<null, Failure>;
}

/** What is known of newer versions. */
export interface UpdateNews {
  /** Left out while there is none. */
  readonly update?: UpdateState;
  /** Left out until there was one. */
  readonly look?: UpdateLook;
}

/** Newer versions of Porthole. Nothing is downloaded or installed unasked. */
export interface Updates {
  news(): UpdateNews;
  /** Calls `listener` after every change of `news`. Returns how to end that. */
  on(listener: () => void): () => void;
  /** Looks for newer versions by itself. Returns how to stop. */
  watch(): () => void;
  /** Looks for one now, unless one is being downloaded. */
  look(): void;
  download(): void;
  /** Ends this version and starts the new one. */
  install(): void;
}

/**
 * What the app needs from whatever it runs in: a terminal, a web shell, Electron. Everything else is host-neutral.
 * Nothing here may assume a display.
 */
export interface Host {
  readonly kind: 'web' | 'electron' | 'headless';
  readonly version: string;
  /** Opens an http(s) URL in the user's browser. False when there is none. */
  openExternal(url: string): Promise<boolean>;
  /** Puts text on the user's clipboard. False when there is none. */
  writeClipboard(text: string): Promise<boolean>;
  /** Starts the edge with these arguments; see `spawnEdge` in `edge-process.ts` for the usual way. */
  spawnEdge(args: readonly string[]): EdgeProcess;
  /** Opens the settings in the data folder `home`; all hosts keep one and the same file. Fails with `home_unwritable`. */
  openSettings(home: string): Promise<Result<SettingsStore, Failure>>;
  /** Starting at login, where the host knows how. */
  readonly loginItem?: LoginItem;
  /**
   * The proxies that the operating system's settings name for a URL, in the words of a PAC script (`PROXY a:3128;
   * DIRECT`), where the host can ask it. May take its time.
   */
  readonly resolveProxy?: (url: string) => Promise<string>;
  /** Shows a system notification, where there are such. */
  notify?(notice: Notice): void;
  /** Newer versions, where the host can install one. */
  readonly updates?: Updates | undefined;
  /** Why there are no `updates`, where there could be. */
  readonly updatesOff?: UpdatesOff | undefined;
  /** The session's secret box, if the host has one. */
  readonly safeStorage?: SafeStorage;
  /** Ends the host process in good order, `app.close()` included. */
  quit(): void;
}
