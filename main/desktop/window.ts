import { app, BrowserWindow, type WebContents } from 'electron';
import { ORIGIN } from './screens.ts';

export interface MainWindow {
  /** Shows the window, in front and at `place` where one is given; makes it again if it is gone. */
  show(place?: readonly string[]): void;
  /** Lets the next close really close. */
  release(): void;
  /** Sends to the page, if there is one. */
  send(channel: string, ...values: readonly unknown[]): void;
}

/** Pages stay where they are, open nothing by themselves, and embed nothing. */
export function lockNavigation(openExternal: (url: string) => void): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('will-navigate', (event) => {
      if (!event.url.startsWith(`${ORIGIN}/`)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      openExternal(url);
      return { action: 'deny' };
    });
  });
}

/** The app's one window. Closing hides it: the services stay public, and the tray brings it back. */
export function createMainWindow(preload: string, onHidden: () => void): MainWindow {
  let window: BrowserWindow | undefined;
  let released = false;

  const open = (url: string): BrowserWindow => {
    const made = new BrowserWindow({
      width: 960,
      height: 720,
      minWidth: 380,
      minHeight: 480,
      show: false,
      title: 'Porthole',
      autoHideMenuBar: true,
      webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegration: false },
    });
    made.on('close', (event) => {
      if (released) return;
      event.preventDefault();
      made.hide();
      onHidden();
    });
    made.on('closed', () => {
      window = undefined;
    });
    made.once('ready-to-show', () => made.show());
    // A page that crashed says nothing any more; the state lives in main, so a new one shows all of it.
    made.webContents.on('render-process-gone', () => made.webContents.reload());
    // Fails only when the window goes while it loads, such as at a quick quit.
    made.loadURL(url).catch(() => undefined);
    return made;
  };

  return {
    show(place) {
      const url = `${ORIGIN}/${place === undefined ? '' : `#/${place.map(encodeURIComponent).join('/')}`}`;
      if (window === undefined) {
        window = open(url);
        return;
      }
      // Only the part after `#` is another, so the page stays as it is; the very same one would load it anew.
      if (place !== undefined && window.webContents.getURL() !== url) window.loadURL(url).catch(() => undefined);
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
    },
    release() {
      released = true;
    },
    send(channel, ...values) {
      if (window !== undefined && !window.isDestroyed()) window.webContents.send(channel, ...values);
    },
  };
}
