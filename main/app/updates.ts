import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Updates } from './host.ts';

/** Milliseconds from a start to the first look, which must not be in the way of starting, and from one to the next. */
const FIRST_LOOK = 10_000;
const LOOK_EVERY = 6 * 3_600_000;

/** What is used of `electron-updater`'s `AppUpdater`. */
export interface Updater {
  autoDownload: boolean;
  autoInstallOnAppQuit: boolean;
  checkForUpdates(): Promise<unknown>;
  downloadUpdate(): Promise<unknown>;
  quitAndInstall(silent?: boolean, runAfter?: boolean): void;
  on(event: 'update-available' | 'update-downloaded', listener: (info: { readonly version: string }) => void): unknown;
  on(event: 'download-progress', listener: (progress: { readonly percent: number }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface UpdatesOptions {
  /** Loads the updater, on the first look. */
  readonly load: () => Promise<Updater>;
  readonly clock: Clock;
  /** Ends the app in good order, then runs `last`. */
  readonly endWith: (last: () => void) => void;
}

/** The address of a feed as the user or the packager gave it: https, or this machine's own for tries. */
export function feedOf(text: string | undefined): string | undefined {
  const url = text === undefined ? null : URL.parse(text);
  if (url === null) return undefined;
  const own = url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || own ? url.href : undefined;
}

/** Writes where newer versions are into `folder`, as the updater reads it; its download folder's name is in there too. */
export function writeFeed(folder: string, feed: string): string {
  const file = join(folder, 'update-feed.yml');
  // JSON is YAML.
  const about = { provider: 'generic', url: feed, updaterCacheDirName: 'porthole-updater' };
  writeFileSync(file, JSON.stringify(about), { mode: 0o600 });
  return file;
}

const unavailable = (what: string): Failure =>
  failure('input_invalid', { reason: `${what} Check this laptop’s network, or try again later.` });

/**
 * Looks for newer versions, a little after the start and every six hours. Nothing is downloaded until `download`, and
 * nothing installed until `install`, not even when the app ends. A look that fails is no news: the next one comes.
 */
export function createUpdates({ load, clock, endWith }: UpdatesOptions): Updates {
  let updater: Updater | undefined;
  let version = '';
  let downloading = false;
  let ready = false;
  let tell: Parameters<Updates['watch']>[0] = () => undefined;

  const fail = (): void => {
    if (!downloading) return;
    downloading = false;
    tell({ version, state: 'failed', failure: unavailable('The newer version could not be downloaded.') });
  };

  async function open(): Promise<Updater> {
    if (updater !== undefined) return updater;
    const opened = await load();
    opened.autoDownload = false;
    opened.autoInstallOnAppQuit = false;
    opened.on('update-available', (info) => {
      // What is under way, or done, is of more interest than its being there.
      if (downloading || (ready && info.version === version)) return;
      version = info.version;
      ready = false;
      tell({ version, state: 'available' });
    });
    opened.on('download-progress', ({ percent }) => {
      // Tenths: every one is a new snapshot for every window.
      if (downloading) tell({ version, state: 'downloading', progress: Math.floor(percent / 10) / 10 });
    });
    opened.on('update-downloaded', (info) => {
      version = info.version;
      downloading = false;
      ready = true;
      tell({ version, state: 'ready' });
    });
    opened.on('error', fail);
    updater = opened;
    return opened;
  }

  /** No network, no feed: the next look is soon enough. */
  const look = (): void =>
    void open()
      .then((it) => it.checkForUpdates())
      .then(undefined, () => undefined);

  return {
    watch(listener) {
      tell = listener;
      const cancels: CancelTimer[] = [clock.setTimeout(look, FIRST_LOOK), clock.setInterval(look, LOOK_EVERY)];
      return () => {
        tell = () => undefined;
        for (const cancel of cancels) cancel();
      };
    },
    download() {
      if (downloading || ready || updater === undefined) return;
      downloading = true;
      tell({ version, state: 'downloading', progress: 0 });
      updater.downloadUpdate().catch(fail);
    },
    install() {
      const opened = updater;
      if (ready && opened !== undefined) endWith(() => opened.quitAndInstall(false, true));
    },
  };
}
