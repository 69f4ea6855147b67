import { homedir } from 'node:os';
import type { Failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { createLifetime, type Lifetime } from '../../shared/node/lifetime.ts';
import { createLogger } from '../../shared/node/logger.ts';
import type { App, AppOptions } from './app.ts';
import { openHome, resolveHome } from './home.ts';
import { lockHomeSoon } from './home-lock.ts';
import type { Host } from './host.ts';
import { openLocalSocket } from './local-socket.ts';
import { openLogFile } from './log-file.ts';
import { RunningApp } from './running-app.ts';
import { loadKeytar } from './vault/open-vault.ts';

/** Milliseconds that a data folder in use is waited for. */
const PATIENCE = 5_000;

/**
 * Takes the data folder, opens the local socket and begins to connect; what comes up later shows in the state.
 * Fails with `home_unwritable` or `home_in_use`, and leaves nothing running then.
 */
export async function createApp(host: Host, options: AppOptions = {}): Promise<Result<App, Failure>> {
  const lifetime = createLifetime();
  const app = await open(host, options, lifetime);
  if (!app.ok) await lifetime[Symbol.asyncDispose]();
  return app;
}

async function open(host: Host, options: AppOptions, lifetime: Lifetime): Promise<Result<App, Failure>> {
  const env = options.env ?? process.env;
  const home = openHome(options.home ?? resolveHome({ platform: process.platform, env, homedir: homedir() }));
  if (!home.ok) return home;
  const file = openLogFile(home.value);
  const logger = options.logger ?? createLogger({ write: (line) => file.write(line) });
  const lock = await lockHomeSoon(home.value, options.patience ?? PATIENCE, options.clock ?? systemClock);
  if (!lock.ok) return lock;
  lifetime.defer(() => lock.value.release());
  const settings = await host.openSettings(home.value);
  if (!settings.ok) return settings;
  if (settings.value.setAside !== undefined)
    logger.warn('The settings were damaged and are set aside.', { path: settings.value.setAside });
  const place = { home: home.value, host, passphrase: env.PORTHOLE_PASSPHRASE, loadKeychain: loadKeytar };
  const app = new RunningApp({
    ...options,
    place,
    host,
    settings: settings.value,
    logger,
    lifetime,
    logTail: () => file.tail(),
  });
  await app.start();
  // Last, so that it closes first: what its clients exposed is ended while there still is an edge to tell.
  const socket = await openLocalSocket(home.value, app);
  if (!socket.ok) return socket;
  lifetime.defer(() => socket.value.close());
  return ok(app);
}
