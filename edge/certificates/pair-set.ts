import { createHash } from 'node:crypto';
import { ok, type Result } from '../../shared/domain/result.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { foldersOnTheWay } from './folder-watch.ts';
import { type KeyPair, parseKeyPair } from './key-pair.ts';
import { type PairPaths, readPair, stampOf } from './pair-files.ts';
import { FOLDER_LIMITS, listFolder } from './pair-folder.ts';

/** One source of pairs: a pair that was named, or a folder and everything in it. */
export type PairSource =
  | { readonly kind: 'pair'; readonly paths: PairPaths }
  | { readonly kind: 'folder'; readonly path: string };

interface Entry {
  readonly paths: PairPaths;
  stamp: string | undefined;
  /** The last good one. */
  pair: KeyPair | undefined;
  /** Of the texts that `pair` was made of. */
  digest: string | undefined;
  problem: string | undefined;
  keyIsOpen: boolean;
}

/** What a look at the files found. */
export interface Look {
  /** Some pair is new, different or gone, or is bad where it wasn't. */
  readonly changed: boolean;
  /** Something was written just now: look again in a moment. */
  readonly young: boolean;
  /** The folders to watch for this source. */
  readonly folders: readonly string[];
}

/** The pairs of one source, as last seen good. */
export class PairSet {
  readonly source: PairSource;
  readonly #log: Logger;
  /** By the path of the certificate. Bounded by the limits on a folder. */
  readonly #entries = new Map<string, Entry>();
  #listed = false;
  #listProblem: string | undefined;
  #cut = false;

  constructor(source: PairSource, log: Logger) {
    this.source = source;
    this.#log = log;
  }

  get pairs(): readonly KeyPair[] {
    return [...this.#entries.values()].flatMap(({ pair }) => (pair === undefined ? [] : [pair]));
  }

  /** What can't be used right now, with the reason in words that follow "cannot be used:". */
  get problems(): readonly { readonly path: string; readonly reason: string }[] {
    const bad = [...this.#entries.values()].flatMap(({ paths, problem }) =>
      problem === undefined ? [] : [{ path: paths.cert, reason: problem }],
    );
    if (this.source.kind === 'folder' && this.#listProblem !== undefined)
      bad.push({ path: this.source.path, reason: this.#listProblem });
    return bad;
  }

  /**
   * Looks at the files and reads those that are new or different. What is bad now stays as it was when it was good;
   * what is gone from a folder, certificate and key both, goes. A folder that can't be read stays as it was.
   */
  async look(): Promise<Look> {
    const listed = await this.#list();
    let { changed } = listed;
    let young = false;
    for (const paths of listed.pairs) {
      const found = await this.#refresh(paths);
      changed ||= found.changed;
      young ||= found.young;
    }
    return { changed, young, folders: listed.folders };
  }

  async #list(): Promise<{ pairs: readonly PairPaths[]; folders: readonly string[]; changed: boolean }> {
    const { source } = this;
    if (source.kind === 'pair') {
      const { cert, key } = source.paths;
      const folders = [...(await foldersOnTheWay(cert)), ...(await foldersOnTheWay(key))];
      return { pairs: [source.paths], folders, changed: false };
    }
    const way = await foldersOnTheWay(source.path);
    const content = await listFolder(source.path);
    const changed = this.#noteList(source.path, content.ok ? undefined : content.error);
    if (!content.ok) return { pairs: [...this.#entries.values()].map((e) => e.paths), folders: way, changed };
    this.#listed = true;
    this.#noteCut(source.path, content.value.cut);
    const here = new Set(content.value.pairs.map((paths) => paths.cert));
    const rest = [...this.#entries.values()].filter(({ paths }) => !here.has(paths.cert)).map((e) => e.paths);
    const gone = await this.#dropGone(rest, FOLDER_LIMITS.pairs - here.size);
    const pairs = [...content.value.pairs, ...rest.filter((paths) => this.#entries.has(paths.cert))];
    return { pairs, folders: [...way, ...content.value.folders], changed: changed || gone };
  }

  /** A pair of which one half is left is being replaced, or broken: that is no removal. At most `room` of them stay. */
  async #dropGone(candidates: readonly PairPaths[], room: number): Promise<boolean> {
    let dropped = false;
    let kept = 0;
    for (const paths of candidates) {
      const halves = [
        { cert: paths.cert, key: paths.cert },
        { cert: paths.key, key: paths.key },
      ];
      const left = await Promise.all(halves.map(stampOf));
      if (left.some((half) => half.ok) && ++kept <= room) continue;
      this.#entries.delete(paths.cert);
      this.#log.info('a certificate was removed', { certificate: paths.cert });
      dropped = true;
    }
    return dropped;
  }

  async #refresh(paths: PairPaths): Promise<{ changed: boolean; young: boolean }> {
    const known = this.#entries.get(paths.cert);
    const entry = known?.paths.key === paths.key ? known : newEntry(paths);
    this.#entries.set(paths.cert, entry);
    const stamp = await stampOf(paths);
    if (stamp.ok && stamp.value.text === entry.stamp) return { changed: false, young: false };
    // A stamp that the next write may share is not worth remembering.
    entry.stamp = stamp.ok && !stamp.value.young ? stamp.value.text : undefined;
    const young = stamp.ok && stamp.value.young;
    if (!stamp.ok) return { changed: this.#note(entry, stamp.error), young };
    const read = await this.#read(entry);
    return { changed: read.ok ? read.value : this.#note(entry, read.error), young };
  }

  /** Reads the pair's files; true when they hold another pair than before, or are good again. */
  async #read(entry: Entry): Promise<Result<boolean, string>> {
    const texts = await readPair(entry.paths);
    if (!texts.ok) return texts;
    const { cert, key, keyIsOpen } = texts.value;
    this.#noteOpenKey(entry, keyIsOpen);
    const digest = createHash('sha256').update(`${cert.length} `).update(cert).update(key).digest('hex');
    const recovered = entry.problem !== undefined;
    if (digest === entry.digest && !recovered) return ok(false);
    if (digest !== entry.digest) {
      const parsed = parseKeyPair(cert, key);
      if (!parsed.ok) return parsed;
      entry.pair = parsed.value;
      entry.digest = digest;
    }
    entry.problem = undefined;
    this.#log.info(recovered ? 'a certificate is in order again' : 'a certificate was loaded', {
      certificate: entry.paths.cert,
      names: entry.pair?.names.slice(0, 10),
      until: new Date(entry.pair?.notAfter ?? 0).toISOString(),
    });
    return ok(true);
  }

  #note(entry: Entry, reason: string): boolean {
    if (entry.problem === reason) return false;
    entry.problem = reason;
    // A named pair that was never good keeps the edge from starting; that says it.
    if (this.source.kind === 'pair' && entry.pair === undefined) return true;
    const meaning = entry.pair === undefined ? 'it is left out' : 'the one before stays in use';
    this.#log.warn(`a certificate cannot be used; ${meaning}`, {
      certificate: entry.paths.cert,
      keyFile: entry.paths.key,
      reason,
    });
    return true;
  }

  #noteOpenKey(entry: Entry, keyIsOpen: boolean): void {
    if (keyIsOpen && !entry.keyIsOpen)
      this.#log.warn('everybody on this machine may read a private key; take that right away (chmod 600)', {
        keyFile: entry.paths.key,
      });
    entry.keyIsOpen = keyIsOpen;
  }

  #noteList(folder: string, problem: string | undefined): boolean {
    if (problem === this.#listProblem) return false;
    this.#listProblem = problem;
    if (!this.#listed) return true;
    if (problem === undefined) this.#log.info('a folder of certificates can be read again', { folder });
    else
      this.#log.warn('a folder of certificates cannot be read; what was read before stays in use', {
        folder,
        reason: problem,
      });
    return true;
  }

  #noteCut(folder: string, cut: boolean): void {
    if (cut && !this.#cut)
      this.#log.warn('a folder of certificates holds too much; only a part of it is used', { folder });
    this.#cut = cut;
  }
}

const newEntry = (paths: PairPaths): Entry => ({
  paths,
  stamp: undefined,
  digest: undefined,
  pair: undefined,
  problem: undefined,
  keyIsOpen: false,
});
