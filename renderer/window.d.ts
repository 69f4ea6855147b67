import type { PortholeApi } from '../shared/contract/ipc.ts';

declare global {
  interface Window {
    /** Put there by the desktop app's preload; absent in a browser. */
    readonly porthole?: PortholeApi;
  }
}
