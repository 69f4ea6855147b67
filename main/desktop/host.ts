import { app, clipboard, Notification, safeStorage, session, shell, utilityProcess } from 'electron';
import type { Notice } from '../../shared/contract/ipc.ts';
import { ok } from '../../shared/domain/result.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { createAutostart } from '../app/autostart.ts';
import { EDGE_FLAGS, followUtility } from '../app/edge-process.ts';
import type { EdgeProcess, Host, LoginItem, Updates } from '../app/host.ts';
import { hiddenStart } from '../app/launch.ts';
import { createUpdates, feedOf, type Updater, writeFeed } from '../app/updates.ts';
import { openElectronSettings } from './settings.ts';

/** Opens http and https only: other schemes start programs. */
export async function openExternal(url: string): Promise<boolean> {
  const parsed = URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) return false;
  return shell.openExternal(parsed.href).then(
    () => true,
    () => false,
  );
}

/**
 * The edge as a utility process: a Node child that needs no `ELECTRON_RUN_AS_NODE`, which a packaged app switches off.
 * It has no stdin; its channel to this process is what ends it when this process dies.
 */
const spawnEdge = (entry: string, args: readonly string[]): EdgeProcess =>
  followUtility(
    utilityProcess.fork(entry, [...args], { execArgv: [...EDGE_FLAGS], stdio: 'pipe', serviceName: 'Porthole edge' }),
  );

/** Notifications that are shown: one that is collected as garbage takes no clicks any more. */
const shown: Notification[] = [];
const SHOWN_AT_MOST = 20;

function notify(notice: Notice, onClick: (notice: Notice) => void): void {
  const notification = new Notification({ title: notice.title, body: notice.body });
  notification.on('click', () => onClick(notice));
  notification.show();
  if (shown.push(notification) > SHOWN_AT_MOST) shown.shift();
}

function loginItem(): LoginItem {
  const { execPath, env, platform } = process;
  const command = hiddenStart({ execPath, env, packaged: app.isPackaged, appPath: app.getAppPath() });
  // Electron's own setting does nothing on Linux.
  if (platform === 'linux') return createAutostart(command, env, app.getPath('home'));
  const [file, ...args] = command;
  return {
    set(openAtLogin) {
      app.setLoginItemSettings({ openAtLogin, path: file, args });
      return ok(null);
    },
  };
}

async function loadUpdater(feed: string): Promise<Updater> {
  // Here only: it reads the packaged app's description as soon as it is loaded.
  const { autoUpdater } = (await import('electron-updater')).default;
  autoUpdater.updateConfigPath = writeFeed(app.getPath('userData'), feed);
  autoUpdater.logger = null;
  return autoUpdater;
}

/** What the desktop app does on the host's behalf. */
export interface HostEvents {
  readonly onNoticeClicked: (notice: Notice) => void;
  /** Ends the app in good order, and runs `last` in the place of leaving. */
  readonly endWith: (last: () => void) => void;
}

/** What the app needs, by Electron. `edge` is the edge's entry file. */
export function createHost(edge: string, { onNoticeClicked, endWith }: HostEvents): Host {
  let updates: Updates | undefined;
  return {
    kind: 'electron',
    version: app.getVersion(),
    openExternal,
    writeClipboard: async (text) => {
      await clipboard.writeText(text);
      return true;
    },
    spawnEdge: (args) => spawnEdge(edge, args),
    async openSettings(home) {
      const settings = await openElectronSettings(home);
      const set = settings.ok ? settings.value.get().updateFeed : undefined;
      const feed = feedOf(process.env.PORTHOLE_UPDATE_FEED ?? set);
      if (app.isPackaged && feed !== undefined)
        updates = createUpdates({ load: () => loadUpdater(feed), clock: systemClock, endWith });
      return settings;
    },
    get updates() {
      return updates;
    },
    get updatesOff() {
      if (updates !== undefined) return undefined;
      return app.isPackaged ? 'feed' : 'source';
    },
    loginItem: loginItem(),
    resolveProxy: (url) => session.defaultSession.resolveProxy(url),
    ...(Notification.isSupported() ? { notify: (notice) => notify(notice, onNoticeClicked) } : {}),
    safeStorage: {
      // On Linux without a keyring Electron falls back to a password that everyone knows.
      available: async () =>
        (await safeStorage.isAsyncEncryptionAvailable()) &&
        (process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text'),
      encrypt: (text) => safeStorage.encryptStringAsync(text),
      decrypt: async (bytes) => (await safeStorage.decryptStringAsync(Buffer.from(bytes))).result,
    },
    quit: () => app.quit(),
  };
}
