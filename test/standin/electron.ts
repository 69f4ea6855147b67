/**
 * The stand-in for the `electron` module of the main process: what this app uses of it, over a real Chromium.
 * What it lacks throws. It is not Electron, and reports never call it so.
 */
import { app } from './app.ts';
import { ipcMain } from './ipc-main.ts';
import { Menu, nativeImage, Tray, trays } from './menu.ts';
import { net } from './net.ts';
import { permissions, protocol, proxies, session } from './protocol.ts';
import { asked, clipboard, dialog, Notification, nativeTheme, powerMonitor, safeStorage, shell } from './system.ts';
import { utilityProcess } from './utility-process.ts';
import { BrowserWindow, webContents } from './window.ts';

/** For tests: what the real one has no way to tell. */
export const __standin = { asked, permissions, proxies, trays };

export {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  Notification,
  nativeImage,
  nativeTheme,
  net,
  powerMonitor,
  protocol,
  safeStorage,
  session,
  shell,
  Tray,
  utilityProcess,
  webContents,
};
