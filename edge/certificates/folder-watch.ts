import { type FSWatcher, watch } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';

/** The kernel's watches are shared by all programs of a user. What goes beyond is left to polling. */
const MOST_WATCHES = 256;
/** Links on one way before it counts as a circle (as Linux counts). */
const MOST_LINKS = 40;

interface Watched {
  readonly watcher: FSWatcher;
  /** Which folder lay at the path when the watch began. */
  readonly identity: string;
}

/** Hears of changes in folders. A hint only: network file systems say nothing, so its user polls too. */
export class FolderWatch {
  readonly #onChange: () => void;
  readonly #onBlind: (reason: string) => void;
  readonly #watched = new Map<string, Watched>();
  #closed = false;

  /** `onBlind`: some folder can't be watched, so only polling sees its changes. Called once for each reason. */
  constructor(onChange: () => void, onBlind: (reason: string) => void) {
    const told = new Set<string>();
    this.#onChange = onChange;
    this.#onBlind = (reason) => {
      if (told.has(reason)) return;
      told.add(reason);
      onBlind(reason);
    };
  }

  /**
   * Watches these folders from now on, and no others. A path at which another folder lies than before is watched anew.
   * Resolves with whether any watch is new: what changed before it began went unseen.
   */
  async follow(folders: ReadonlySet<string>): Promise<boolean> {
    for (const path of this.#watched.keys()) if (!folders.has(path)) this.#drop(path);
    let added = false;
    for (const path of folders) {
      const identity = await identityOf(path);
      if (this.#closed) return false;
      if (this.#watched.get(path)?.identity === identity) continue;
      this.#drop(path);
      if (identity !== undefined && this.#add(path, identity)) added = true;
    }
    return added;
  }

  close(): void {
    this.#closed = true;
    for (const path of [...this.#watched.keys()]) this.#drop(path);
  }

  #add(path: string, identity: string): boolean {
    if (this.#watched.size >= MOST_WATCHES) {
      this.#onBlind(`more than ${MOST_WATCHES} folders`);
      return false;
    }
    try {
      const watcher = watch(path, { persistent: false }, () => this.#onChange());
      watcher.on('error', (error) => {
        this.#drop(path);
        this.#onBlind(error.message);
      });
      this.#watched.set(path, { watcher, identity });
      return true;
    } catch (error) {
      this.#onBlind(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  #drop(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true ? `${found.dev} ${found.ino}` : undefined;
}

/**
 * Every folder whose entries decide what `path` leads to: the one of each symbolic link on the way, and the one where
 * the way ends. Watching them all is what makes a swap of any link seen.
 */
export async function foldersOnTheWay(path: string): Promise<readonly string[]> {
  const folders = new Set<string>();
  const absolute = resolve(path);
  const { root } = parse(absolute);
  const rest = partsOf(absolute.slice(root.length));
  let at = root;
  let links = 0;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    const here = join(at, part);
    // No link, or nothing at all: either way it goes on straight.
    const target = await readlink(here).catch(() => undefined);
    if (target === undefined) {
      at = here;
      continue;
    }
    folders.add(at);
    if (++links > MOST_LINKS) return [...folders];
    const { root: otherRoot } = parse(target);
    if (isAbsolute(target)) at = otherRoot;
    rest.unshift(...partsOf(target.slice(otherRoot.length)));
  }
  folders.add(dirname(at));
  return [...folders];
}

const partsOf = (path: string): string[] => path.split(sep).filter((part) => part !== '' && part !== '.');
