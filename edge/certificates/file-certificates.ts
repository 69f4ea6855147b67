import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { FolderWatch } from './folder-watch.ts';
import type { KeyPair } from './key-pair.ts';
import { isValidAt, NameTable } from './name-table.ts';
import { PairSet, type PairSource } from './pair-set.ts';

/** Milliseconds between a hint that files change and the look at them: whoever writes two files needs a moment. */
const SETTLE = 100;
/** Milliseconds between two looks when nothing gives a hint. Network file systems never do. */
const POLL = 5_000;
/** A look is followed by a pause of this many times what it took, so that huge folders don't keep the edge busy. */
const POLL_REST = 100;
const SETTLE_REST = 5;

export interface FileCertificatesOptions {
  /** Asked in this order. */
  readonly sources: readonly PairSource[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Which pair answers for which name may have changed. */
  readonly onChange: () => void;
}

/**
 * Certificates from files, kept as the files are: they are looked at when the system hints at a change, and every few
 * seconds. What is bad never replaces what is good.
 */
export class FileCertificates {
  readonly #options: FileCertificatesOptions;
  readonly #sets: readonly PairSet[];
  readonly #watch: FolderWatch;
  #tables: readonly NameTable[] = [];
  /** When a certificate's time of validity begins or ends next, milliseconds since the epoch. */
  #nextTurn = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;
  /** When the timer fires, by the monotonic clock. */
  #due = Number.POSITIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
  #looking = false;
  #hinted = false;
  #closed = false;

  private constructor(options: FileCertificatesOptions) {
    this.#options = options;
    this.#sets = options.sources.map((source) => new PairSet(source, options.log));
    this.#watch = new FolderWatch(
      () => this.#hint(),
      (reason) =>
        options.log.warn('changes of certificates are not told by the system; they are looked for', { reason }),
    );
  }

  /** Reads everything. Fails with `certificate_unusable`: a named pair that is bad, a folder that can't be read. */
  static async open(options: FileCertificatesOptions): Promise<Result<FileCertificates, Failure>> {
    const files = new FileCertificates(options);
    files.#looking = true;
    const found = await files.#lookAtAll();
    files.#looking = false;
    const fatal = files.#sets.flatMap(({ source, problems }) =>
      problems.filter(({ path }) => source.kind === 'pair' || path === source.path),
    );
    const [first] = fatal;
    if (first !== undefined) {
      files.close();
      return err(failure('certificate_unusable', { path: first.path, reason: first.reason }));
    }
    files.#buildTables();
    files.#schedule(found.young || files.#hinted ? SETTLE : POLL);
    return ok(files);
  }

  /**
   * The pair that answers for `name` (lower-case, no trailing dot): of the first source that covers it, exactly before
   * by wildcard. One that is out of its time gives way to one that isn't.
   */
  find(name: string): KeyPair | undefined {
    const now = this.#options.clock.now();
    let first: KeyPair | undefined;
    for (const table of this.#tables) {
      for (const pair of table.candidates(name)) {
        if (isValidAt(pair, now)) return pair;
        first ??= pair;
      }
    }
    return first;
  }

  /** Pairs in use. */
  get pairs(): readonly KeyPair[] {
    return this.#sets.flatMap((set) => set.pairs);
  }

  /** Files that can't be used right now, and why. */
  get problems(): readonly { readonly path: string; readonly reason: string }[] {
    return this.#sets.flatMap((set) => set.problems);
  }

  /** Every name and wildcard that is covered, each with the pair that answers for it. */
  names(): ReadonlyMap<string, KeyPair> {
    const now = this.#options.clock.now();
    const names = new Map<string, KeyPair>();
    for (const table of this.#tables) {
      for (const [name, pair] of table.entries()) {
        const before = names.get(name);
        if (before === undefined || (!isValidAt(before, now) && isValidAt(pair, now))) names.set(name, pair);
      }
    }
    return names;
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#watch.close();
  }

  #hint(): void {
    this.#hinted = true;
    if (!this.#looking) this.#schedule(SETTLE);
  }

  /** Looks in `delay` milliseconds, or earlier if that was settled already, but never before the rest is over. */
  #schedule(delay: number): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const at = Math.max(clock.monotonic() + delay, this.#restUntil);
    if (at >= this.#due) return;
    this.#cancel?.();
    this.#due = at;
    this.#cancel = clock.setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      void this.#look();
    }, at - clock.monotonic());
  }

  async #look(): Promise<void> {
    const { clock, log, onChange } = this.#options;
    this.#looking = true;
    this.#hinted = false;
    const began = clock.monotonic();
    const found = await this.#lookAtAll().catch((error: unknown) => {
      log.error('certificates could not be looked at', { error });
      return { changed: false, young: false };
    });
    this.#looking = false;
    if (this.#closed) return;
    const took = clock.monotonic() - began;
    this.#restUntil = clock.monotonic() + took * SETTLE_REST;
    this.#schedule(found.young || this.#hinted ? SETTLE : Math.max(POLL, took * POLL_REST));
    if (!found.changed && clock.now() < this.#nextTurn) return;
    this.#buildTables();
    onChange();
  }

  /** Looks at every source, one after the other. `young`: another look should follow soon. */
  async #lookAtAll(): Promise<{ readonly changed: boolean; readonly young: boolean }> {
    const folders = new Set<string>();
    let changed = false;
    let young = false;
    for (const set of this.#sets) {
      const look = await set.look();
      changed ||= look.changed;
      young ||= look.young;
      for (const folder of look.folders) folders.add(folder);
    }
    const unseen = await this.#watch.follow(folders);
    return { changed, young: young || unseen };
  }

  #buildTables(): void {
    const now = this.#options.clock.now();
    this.#tables = this.#sets.map((set) => new NameTable(set.pairs, now));
    const turns = this.pairs.flatMap(({ notBefore, notAfter }) => [notBefore, notAfter]).filter((turn) => turn > now);
    this.#nextTurn = turns.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }
}
