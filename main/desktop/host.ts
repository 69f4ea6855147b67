import { app, clipboard, safeStorage, shell, utilityProcess } from 'electron';
import { EDGE_FLAGS } from '../app/edge-process.ts';
import type { EdgeExit, EdgeProcess, Host } from '../app/host.ts';
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
function spawnEdge(entry: string, args: readonly string[]): EdgeProcess {
  const child = utilityProcess.fork(entry, [...args], {
    execArgv: [...EDGE_FLAGS],
    stdio: 'pipe',
    serviceName: 'Porthole edge',
  });
  const { stdout, stderr } = child;
  // With `stdio: 'pipe'` both exist (Electron's documentation of `utilityProcess.fork`), as Node streams.
  if (stdout === null || stderr === null) throw new Error('a utility process without its pipes');
  const exited = new Promise<EdgeExit>((resolve) => {
    child.once('exit', (code) => resolve({ code, reason: `exit code ${code}` }));
  });
  return {
    get pid() {
      return child.pid;
    },
    stdin: undefined,
    stdout: stdout as EdgeProcess['stdout'],
    stderr: stderr as EdgeProcess['stderr'],
    exited,
    kill(signal) {
      if (signal === 'SIGKILL' && child.pid !== undefined) process.kill(child.pid, signal);
      else child.kill();
    },
  };
}

/** What the app needs, by Electron. `edge` is the edge's entry file. */
export function createHost(edge: string): Host {
  return {
    kind: 'electron',
    version: app.getVersion(),
    openExternal,
    writeClipboard: async (text) => {
      await clipboard.writeText(text);
      return true;
    },
    spawnEdge: (args) => spawnEdge(edge, args),
    openSettings: openElectronSettings,
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
