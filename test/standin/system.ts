/// <reference types="electron" />
/** The parts of Electron that reach into the system: remembered, not done. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { strict, strictClass } from './strict.ts';

/** What the app asked of the system, for tests. */
export const asked = { opened: [] as string[], errors: [] as string[], notified: [] as ShownNotification[] };

/** A notification, as a test may look at it and choose it. */
export interface ShownNotification {
  readonly title: string;
  readonly body: string;
  click(): void;
}

let copied = '';
export const clipboard = strict<Pick<Electron.Clipboard, 'writeText' | 'readText'>>(
  {
    writeText: async (text) => {
      copied = text;
    },
    readText: async () => copied,
  },
  'clipboard',
);

export const shell = strict<Pick<Electron.Shell, 'openExternal'>>(
  {
    openExternal: async (url) => {
      asked.opened.push(url);
    },
  },
  'shell',
);

export const dialog = strict<Pick<Electron.Dialog, 'showErrorBox'>>(
  {
    showErrorBox(title, content) {
      asked.errors.push(`${title}: ${content}`);
      process.stderr.write(`${title}: ${content}\n`);
    },
  },
  'dialog',
);

export const powerMonitor = strict(new EventEmitter(), 'powerMonitor');

class Theme extends EventEmitter implements Pick<Electron.NativeTheme, 'shouldUseDarkColors'> {
  shouldUseDarkColors = false;
}
export const nativeTheme = strict(new Theme(), 'nativeTheme');

class StandinNotification extends EventEmitter {
  static isSupported(): boolean {
    return true;
  }
  readonly #options: Pick<Electron.NotificationConstructorOptions, 'title' | 'body'>;
  constructor(options: Pick<Electron.NotificationConstructorOptions, 'title' | 'body'>) {
    super();
    this.#options = options;
  }
  show(): void {
    const { title = '', body = '' } = this.#options;
    asked.notified.push({ title, body, click: () => void this.emit('click') });
  }
}
export const Notification = strictClass(StandinNotification, 'Notification');

const KEY = createHash('sha256').update('stand-in').digest();

export const safeStorage = strict<
  Pick<
    Electron.SafeStorage,
    'isAsyncEncryptionAvailable' | 'getSelectedStorageBackend' | 'encryptStringAsync' | 'decryptStringAsync'
  >
>(
  {
    isAsyncEncryptionAvailable: async () => true,
    getSelectedStorageBackend: () => 'gnome_libsecret',
    encryptStringAsync: async (text) => {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', KEY, iv);
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    },
    decryptStringAsync: async (bytes) => {
      const decipher = createDecipheriv('aes-256-gcm', KEY, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      const result = decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
      return { shouldReEncrypt: false, result };
    },
  },
  'safeStorage',
);
