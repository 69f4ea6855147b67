import { contextBridge, ipcRenderer } from 'electron';
import type { PortholeApi } from '../../shared/contract/ipc.ts';

// Channels are not checked here: main answers unknown ones, and a page that could reach this could ask main anyway.
// One channel for calls and one for events keep Electron's own channels out of the page's reach.
const api: PortholeApi = {
  call: (channel, input) => ipcRenderer.invoke('porthole:call', channel, input),
  on(event, listener) {
    // Electron's own type: what main sends is typed there, by the same contract.
    const take: Parameters<typeof ipcRenderer.on>[1] = (_event, name, value) => {
      if (name === event) listener(value);
    };
    ipcRenderer.on('porthole:event', take);
    return () => void ipcRenderer.off('porthole:event', take);
  },
};
contextBridge.exposeInMainWorld('porthole', api);
