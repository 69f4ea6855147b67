/// <reference types="electron" />
/** `electron.BrowserWindow` and `electron.webContents`: windows that are Chromium targets. */
import { EventEmitter } from 'node:events';
import { app, chromium, runtime } from './app.ts';
import { createEvent, strict, strictClass } from './strict.ts';
import { WebContents } from './web-contents.ts';

type Options = Pick<
  Electron.BrowserWindowConstructorOptions,
  'width' | 'height' | 'minWidth' | 'minHeight' | 'show' | 'title' | 'autoHideMenuBar' | 'webPreferences'
>;
type WindowParts = Pick<
  Electron.BrowserWindow,
  'close' | 'destroy' | 'focus' | 'hide' | 'isDestroyed' | 'isMinimized' | 'isVisible' | 'loadURL' | 'restore' | 'show'
>;

const windows: Window[] = [];
let watching = false;

/** Chromium tells of targets that came by themselves or went. */
function watchTargets(): void {
  if (watching) return;
  watching = true;
  const { browser } = chromium().cdp;
  browser.on('Target.targetCreated', ({ targetInfo }) => {
    if (targetInfo.type === 'page' && targetInfo.openerId !== undefined)
      throw new Error('stand-in: a page opened a window in a way that is not implemented');
  });
  browser.on('Target.targetDestroyed', ({ targetId }) =>
    windows.find((window) => window.__contents.__target === targetId)?.__lost(),
  );
  void browser.send('Target.setDiscoverTargets', { discover: true });
}

class Window extends EventEmitter implements WindowParts {
  readonly webContents: WebContents;
  readonly __contents: WebContents;
  readonly #attached: Promise<void>;
  #visible: boolean;
  #destroyed = false;

  constructor(options: Options = {}) {
    super();
    if (!runtime.ready) throw new Error('Cannot create BrowserWindow before app is ready');
    watchTargets();
    this.#visible = options.show !== false;
    this.__contents = new WebContents(options.webPreferences ?? {});
    this.webContents = strict(this.__contents, 'webContents');
    this.#attached = this.__contents.__attach(this.webContents, options.width ?? 800, options.height ?? 600);
    this.__contents.once('did-finish-load', () => this.emit('ready-to-show', createEvent()));
    windows.push(this);
    runtime.windows.push(this);
    app.emit('web-contents-created', createEvent(), this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    await this.#attached;
    await this.__contents.__load(url);
  }
  show(): void {
    this.#visible = true;
    this.emit('show');
  }
  hide(): void {
    this.#visible = false;
    this.emit('hide');
  }
  focus(): void {
    this.emit('focus');
  }
  isVisible(): boolean {
    return this.#visible;
  }
  /** Windows here are never minimised. */
  isMinimized(): boolean {
    return false;
  }
  restore(): void {
    throw new Error('stand-in: no window is ever minimised');
  }
  close(): void {
    if (this.#destroyed) return;
    const event = createEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    this.__contents.close();
    this.__lost();
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }

  __lost(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    windows.splice(windows.indexOf(this), 1);
    runtime.windows.splice(runtime.windows.indexOf(this), 1);
    this.__contents.__lost();
    this.emit('closed');
    if (windows.length > 0 || runtime.quitting) return;
    if (app.listenerCount('window-all-closed') > 0) app.emit('window-all-closed');
    else app.quit();
  }

  static getAllWindows(): Window[] {
    return windows.map((window) => strict(window, 'BrowserWindow'));
  }
  static fromWebContents(contents: WebContents): Window | null {
    const found = windows.find((window) => window.webContents === contents);
    return found === undefined ? null : strict(found, 'BrowserWindow');
  }
}

export const BrowserWindow = strictClass(Window, 'BrowserWindow');

export const webContents = strict(
  {
    fromDevToolsTargetId: (targetId: string): WebContents | undefined =>
      windows.find((window) => window.__contents.__target === targetId)?.webContents,
  },
  'webContents',
);
