/// <reference types="electron" />
import { strict } from './strict.ts';

type Handler = (event: object, ...values: unknown[]) => unknown;

/** What the app registered, by channel. */
export const ipcHandlers = new Map<string, Handler>();

/** A page's `send` and `sendSync` are not implemented, and throw: a listener is never called. */
type Listening = { on(channel: string, listener: Handler): void };

export const ipcMain = strict<Pick<Electron.IpcMain, 'handle'> & Listening>(
  {
    on: () => undefined,
    handle(channel, handler) {
      if (ipcHandlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
      // The stand-in's event has the parts of Electron's that the app uses; asking for more yields undefined.
      ipcHandlers.set(channel, handler as Handler);
    },
  },
  'ipcMain',
);
