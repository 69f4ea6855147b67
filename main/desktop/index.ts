/** Porthole as a desktop app: a thin adapter between Electron and `main/app`. Start-up reads from top to bottom. */
import path from 'node:path';
import { dialog, app as electron, ipcMain, powerMonitor } from 'electron';
import { EVENT_NAMES, type Notice } from '../../shared/contract/ipc.ts';
import { failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { watchParent } from '../../shared/node/parent.ts';
import type { App } from '../app/app.ts';
import { createApp } from '../app/create-app.ts';
import { LINK_SCHEME, linkIn, linkOf } from '../app/deep-link.ts';
import { findEdgeEntry } from '../app/edge-process.ts';
import { openHome, resolveHome } from '../app/home.ts';
import { HIDDEN } from '../app/launch.ts';
import { performTrayAction } from '../app/tray-actions.ts';
import { createHost, openExternal } from './host.ts';
import { ORIGIN, registerScheme, serveScreens } from './screens.ts';
import { createTray } from './tray.ts';
import { createMainWindow, lockNavigation, type MainWindow } from './window.ts';

const here = import.meta.dirname;
const places = {
  home: resolveHome({ platform: process.platform, env: process.env, homedir: electron.getPath('home') }),
  screens: path.join(here, '../renderer'),
  preload: path.join(here, '../preload/preload.cjs'),
  icons: path.join(here, '../../build/icons'),
};

/** Only our own page's top frame may call. */
const isOurs = (event: Electron.IpcMainInvokeEvent): boolean =>
  event.senderFrame !== null && event.senderFrame.parent === null && event.senderFrame.url.startsWith(`${ORIGIN}/`);

function connect(app: App, window: MainWindow): void {
  ipcMain.handle('porthole:call', (event, channel: unknown, input: unknown) =>
    isOurs(event)
      ? app.dispatch(String(channel), input)
      : { ok: false, error: failure('forbidden', { reason: because('foreign_window') }) },
  );
  for (const name of EVENT_NAMES) app.on(name, (value) => window.send('porthole:event', name, value));
}

/** What runs when the app has closed, in the place of leaving. */
let last = (): void => electron.quit();

/** Quitting takes time: the edge says goodbye to visitors first. Electron waits until the app has closed. */
function closeBeforeQuit(app: App, window: MainWindow): void {
  let closed = false;
  electron.on('before-quit', () => window.release());
  electron.on('will-quit', (event) => {
    if (closed) return;
    event.preventDefault();
    void app.close().finally(() => {
      closed = true;
      last();
    });
  });
}

/** A newer version starts before this one has left: everything that only one can have is let go first. */
function endWith(run: () => void): void {
  last = () => {
    electron.releaseSingleInstanceLock();
    run();
  };
  electron.quit();
}

/** Says in a box of its own why there is no app, and ends. */
function giveUp(reason: string): void {
  dialog.showErrorBox('Porthole cannot start', reason);
  electron.exit(1);
}

/** Links that other programs open; macOS hands them over in an event, maybe before there is an app. */
function takeLinks(): (open: (link: string) => void) => void {
  const ready = Promise.withResolvers<(link: string) => void>();
  electron.on('open-url', (event, text) => {
    event.preventDefault();
    const link = linkOf(text);
    if (link !== undefined) void ready.promise.then((open) => open(link));
  });
  // Unpackaged, the program is Electron itself, which no link is for.
  if (electron.isPackaged) electron.setAsDefaultProtocolClient(LINK_SCHEME);
  return ready.resolve;
}

async function start(): Promise<void> {
  const followLinks = takeLinks();
  await electron.whenReady();
  const edge = findEdgeEntry(here);
  if (edge === undefined) throw new Error('this build of Porthole has no edge');
  let running: App | undefined;
  const window = createMainWindow(places.preload, () => running?.windowHidden());
  const onNoticeClicked = ({ serviceId }: Notice) =>
    window.show(serviceId === undefined ? undefined : ['services', serviceId]);
  const created = await createApp(createHost(edge, { onNoticeClicked, endWith }));
  if (!created.ok) return giveUp(created.error.message);
  const app = created.value;
  running = app;
  closeBeforeQuit(app, window);
  await serveScreens(places.screens);
  connect(app, window);
  const shell = { show: window.show, quit: () => electron.quit() };
  const showInTray = createTray(places.icons, (action) => void performTrayAction(app, shell, action));
  showInTray(app.state());
  app.on('state', showInTray);
  const open = (argv: readonly string[]): void => {
    const link = linkIn(argv);
    if (link !== undefined) window.show(app.openLink(link));
    else if (!argv.includes(HIDDEN)) window.show();
  };
  followLinks((link) => open([link]));
  electron.on('second-instance', (_event, argv) => open(argv));
  electron.on('activate', () => window.show());
  powerMonitor.on('resume', () => app.resumed());
  watchParent(process.env, () => electron.quit());
  open(process.argv);
}

registerScheme();
// Electron quits on these by itself, unless somebody else listens: `electron-store` does (to remove its drafts), and
// would end the process at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => electron.quit());
lockNavigation((url) => void openExternal(url));
// A tray app stays when its window goes.
electron.on('window-all-closed', () => undefined);
// Electron takes its lock in this folder, and would end without a word where it cannot.
const home = openHome(places.home);
electron.setPath('userData', path.join(places.home, 'electron'));
if (!home.ok) giveUp(home.error.message);
else if (!electron.requestSingleInstanceLock()) electron.quit();
else start().catch((error) => giveUp(error instanceof Error ? error.message : String(error)));
