import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UpdateLook, UpdateState, UpdateTrouble } from '../../shared/contract/agent-state.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Updates } from './host.ts';

/** Milliseconds from a start to the first look, which must not be in the way of starting, and from one to the next. */
const FIRST_LOOK = 10_000;
const LOOK_EVERY = 6 * 3_600_000;
/** Milliseconds that a look may take: the updater itself sets no bound. */
const LOOK_PATIENCE = 60_000;

/** What is used of `electron-updater`'s `AppUpdater`. */
export interface Updater {
  autoDownload: boolean;
  autoInstallOnAppQuit: boolean;
  /** `null` where this one can't be replaced. */
  checkForUpdates(): Promise<{ readonly isUpdateAvailable: boolean } | null>;
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

/** Codes of the system for a disk that is full, or closed to this user. */
const DISK = new Set(['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS']);
/** Codes of `electron-updater` for what was answered: something else than a list of versions, or a damaged version. */
const ANSWERED = /^(?:ERR_UPDATER_|ERR_CHECKSUM_|HTTP_ERROR_)/;

function troubleOf(error: unknown): UpdateTrouble {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (DISK.has(code)) return 'disk';
  if (code === 'ERR_UPDATER_OLD_FILE_NOT_FOUND') return 'package';
  return ANSWERED.test(code) ? 'unusable' : 'unreachable';
}

/**
 * Looks for newer versions: on the user's word, and while it is watched a little after the start and every six hours.
 * Nothing is downloaded until `download`, and nothing installed until `install`, not even when the app ends.
 */
export function createUpdates({ load, clock, endWith }: UpdatesOptions): Updates {
  const listeners = new Set<() => void>();
  let updater: Updater | undefined;
  let update: UpdateState | undefined;
  let looked: UpdateLook | undefined;

  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const set = (next: UpdateState | undefined): void => {
    update = next;
    changed();
  };
  const fail = (error: unknown): void => {
    if (update?.state === 'downloading') set({ version: update.version, state: 'failed', why: troubleOf(error) });
  };

  async function open(): Promise<Updater> {
    if (updater !== undefined) return updater;
    const opened = await load();
    opened.autoDownload = false;
    opened.autoInstallOnAppQuit = false;
    opened.on('update-available', ({ version }) => {
      // What is under way, or done, is of more interest than its being there.
      if (update?.state === 'downloading' || (update?.state === 'ready' && update.version === version)) return;
      set({ version, state: 'available' });
    });
    opened.on('download-progress', ({ percent }) => {
      // Tenths: every one is a new snapshot for every window.
      if (update?.state === 'downloading') set({ ...update, progress: Math.floor(percent / 10) / 10 });
    });
    opened.on('update-downloaded', ({ version }) => set({ version, state: 'ready' }));
    opened.on('error', (error) => {
      // A look that fails says so itself.
      if (looked?.state !== 'looking') fail(error);
    });
    updater = opened;
    return opened;
  }

  function look(): void {
    // A look beside a download would take the download's errors for its own.
    if (update?.state === 'downloading' || looked?.state === 'looking') return;
    const mine: UpdateLook = { state: 'looking', at: clock.now() };
    const end = (state: UpdateLook['state'], why?: UpdateTrouble): void => {
      // Given up on.
      if (looked !== mine) return;
      cancel();
      looked = { state, at: clock.now(), ...(why === undefined ? {} : { why }) };
      // What was there is not any more.
      if (state === 'none' && update?.state !== 'downloading') update = undefined;
      changed();
    };
    const cancel = clock.setTimeout(() => end('failed', 'unreachable'), LOOK_PATIENCE);
    looked = mine;
    changed();
    open()
      .then((it) => it.checkForUpdates())
      .then(
        (found) => (found === null ? end('failed', 'package') : end(found.isUpdateAvailable ? 'found' : 'none')),
        (error) => end('failed', troubleOf(error)),
      );
  }

  return {
    news: () => ({
      ...(update === undefined ? {} : { update }),
      ...(looked === undefined ? {} : { look: looked }),
    }),
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    watch() {
      const cancels: CancelTimer[] = [clock.setTimeout(look, FIRST_LOOK), clock.setInterval(look, LOOK_EVERY)];
      return () => {
        for (const cancel of cancels) cancel();
      };
    },
    look,
    download() {
      if (updater === undefined || update === undefined) return;
      if (update.state === 'downloading' || update.state === 'ready') return;
      set({ version: update.version, state: 'downloading', progress: 0 });
      updater.downloadUpdate().catch(fail);
    },
    install() {
      const opened = updater;
      if (update?.state === 'ready' && opened !== undefined) endWith(() => opened.quitAndInstall(false, true));
    },
  };
}
