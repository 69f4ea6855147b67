import type { PortholeApi } from '../../shared/contract/ipc.ts';
import type { Transport } from './transport.ts';

/** The desktop app's transport: main lives as long as the window does, and owns clipboard and links. */
export function createBridgeClient(api: PortholeApi): Transport {
  return {
    call: (channel, input) => api.call(channel, input),
    on: (event, listener) => api.on(event, listener),
    onConnection(listener) {
      listener('open');
      return () => undefined;
    },
    copy: async (text) => (await api.call('clipboard:write', { text })).ok,
    open(url) {
      void api.call('link:open', { url });
    },
  };
}
