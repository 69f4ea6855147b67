import { homedir } from 'node:os';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { EventName, Events } from '../../shared/contract/ipc.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { createLifetime, type Lifetime } from '../../shared/node/lifetime.ts';
import { type Logger, silentLogger } from '../../shared/node/logger.ts';
import type { Dispatch } from './dispatch.ts';
import { openHome, resolveHome } from './home.ts';
import { lockHomeSoon } from './home-lock.ts';
import type { Host } from './host.ts';
import { openLocalSocket } from './local-socket.ts';
import { RunningApp } from './running-app.ts';
import { loadKeytar } from './vault/open-vault.ts';

/** Milliseconds that a data folder in use is waited for. */
const PATIENCE = 5_000;

export interface AppOptions {
  /** The data folder; by default `PORTHOLE_HOME` or the platform's. */
  readonly home?: string;
  /** What people call this machine; its host name by default. */
  readonly name?: string;
  /** Whether to start the embedded edge when no cluster was joined; true by default. For those who only join one. */
  readonly embedded?: boolean;
  /** Milliseconds to wait for a data folder that another Porthole holds; 5,000 by default, enough for a command to end. */
  readonly patience?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Porthole on this laptop, without a face. */
export interface App {
  readonly home: string;
  /** The only way in: never rejects; see `dispatch.ts`. */
  readonly dispatch: Dispatch;
  /** `state`: every snapshot from now on, at most one per 50 ms. `log`: new access log lines. */
  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void;
  state(): AgentState;
  /** A port that is Porthole's own (such as a window's): the user isn't offered it. */
  hidePort(port: number): void;
  /** The host says that the machine woke up or changed networks. */
  resumed(): void;
  pause(): void;
  unpause(): void;
  /** Ends agent, edge, socket and lock; resolves when no process is left. Idempotent. */
  close(): Promise<void>;
}

/**
 * Takes the data folder, opens the local socket and begins to connect; what comes up later shows in the state.
 * Fails with `home_unwritable` or `home_in_use`, and leaves nothing running then.
 */
export async function createApp(host: Host, options: AppOptions = {}): Promise<Result<App, Failure>> {
  const logger = options.logger ?? silentLogger;
  const lifetime = createLifetime();
  const app = await open(host, options, logger, lifetime);
  if (!app.ok) await lifetime[Symbol.asyncDispose]();
  return app;
}

async function open(
  host: Host,
  options: AppOptions,
  logger: Logger,
  lifetime: Lifetime,
): Promise<Result<App, Failure>> {
  const env = options.env ?? process.env;
  const home = openHome(options.home ?? resolveHome({ platform: process.platform, env, homedir: homedir() }));
  if (!home.ok) return home;
  const lock = await lockHomeSoon(home.value, options.patience ?? PATIENCE, options.clock ?? systemClock);
  if (!lock.ok) return lock;
  lifetime.defer(() => lock.value.release());
  const settings = await host.openSettings(home.value);
  if (!settings.ok) return settings;
  if (settings.value.setAside !== undefined)
    logger.warn('The settings were damaged and are set aside.', { path: settings.value.setAside });
  const place = { home: home.value, host, passphrase: env.PORTHOLE_PASSPHRASE, loadKeychain: loadKeytar };
  const app = new RunningApp({ ...options, place, host, settings: settings.value, logger, lifetime });
  await app.start();
  // Last, so that it closes first: what its clients exposed is ended while there still is an edge to tell.
  const socket = await openLocalSocket(home.value, app);
  if (!socket.ok) return socket;
  lifetime.defer(() => socket.value.close());
  return ok(app);
}
