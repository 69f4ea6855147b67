import type { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * Tells listeners that the feed has grown: at once when this process wrote, and by a look at SQLite's data version,
 * which changes when another connection has committed, for what other processes wrote. Only a wake-up: whoever
 * listens asks the store for what happened since the revision it knows.
 */
export class FeedWatch {
  readonly #database: DatabaseSync;
  readonly #interval: number;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #version: number;
  #ask: StatementSync | undefined;
  /**
   * How often this process has appended, rolled back or not. Revisions would not do: one that was rolled back is given
   * again to the next change, which looked as if there was none.
   */
  appended = 0;

  constructor(database: DatabaseSync, interval: number) {
    this.#database = database;
    this.#interval = interval;
    this.#version = this.#dataVersion();
  }

  add(listener: () => void): () => void {
    // A wrapper of its own, so that the same function may be added twice.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    this.#timer ??= setInterval(() => this.look(), this.#interval).unref();
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  wake(): void {
    for (const listener of this.#listeners) queueMicrotask(listener);
  }

  end(): void {
    this.#listeners.clear();
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether others have written since the look before; listeners are told. */
  look(): void {
    const version = this.#dataVersion();
    if (version === this.#version) return;
    this.#version = version;
    this.wake();
  }

  /** A look that fails (the disk is away for a moment) counts as "nothing new"; the next one catches up. */
  #dataVersion(): number {
    try {
      this.#ask ??= this.#database.prepare('pragma data_version');
      return Number(this.#ask.get()?.data_version ?? 0);
    } catch {
      return this.#version ?? 0;
    }
  }
}
