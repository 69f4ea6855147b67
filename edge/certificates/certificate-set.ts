import type { SecureContext } from 'node:tls';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { CertificateMaterial, CertificateState, Certificates } from './certificates.ts';
import { FileCertificates } from './file-certificates.ts';
import type { KeyPair } from './key-pair.ts';
import { createLocalCertificates, type LocalCertificates } from './local-certificates.ts';
import { isValidAt } from './name-table.ts';
import type { PairPaths } from './pair-files.ts';

/** Where certificates come from. */
export interface CertificateSources {
  /** Pairs that were named, asked in this order. */
  readonly pairs: readonly PairPaths[];
  /** Folders of pairs, asked after those, in this order. Absolute. */
  readonly folders: readonly string[];
  /** The edge's own CA signs for names under the cluster domain that no file covers. */
  readonly privateCa: boolean;
}

export interface CertificateSetOptions {
  readonly dataDir: string;
  /** The cluster domain, lower-case. */
  readonly domain: string;
  readonly sources: CertificateSources;
  readonly clock: Clock;
  readonly log: Logger;
}

const DAY = 24 * 3600_000;
/** A certificate should have been renewed when less than this is left of it, or a third of its life if that is less. */
const RENEWED_BEFORE = 14 * DAY;
/** Milliseconds between two warnings about the same state of affairs. */
const WARN_INTERVAL = DAY;
/** Milliseconds between two looks at how long certificates last. */
const EXPIRY_INTERVAL = 3600_000;
/** Names that one warning lists. */
const NAMES_TOLD = 20;

/** All certificates of a node: those from files, and after them its own CA's. */
export class CertificateSet implements Certificates {
  readonly #domain: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #files: FileCertificates | undefined;
  readonly #local: LocalCertificates | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #stopTimer: () => void;
  /** From files, for the cluster's own name; kept when its files go, since the node can't do without. */
  #own: KeyPair | undefined;
  #warned = { words: '', at: 0 };

  private constructor(options: CertificateSetOptions, files?: FileCertificates, local?: LocalCertificates) {
    this.#domain = options.domain;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#files = files;
    this.#local = local;
    this.#own = files?.find(options.domain);
    this.#warnOfExpiry();
    this.#stopTimer = this.#clock.setInterval(() => this.#warnOfExpiry(), EXPIRY_INTERVAL);
  }

  /**
   * Reads what there is. Fails with `certificate_unusable` (a named pair, a folder), `certificate_missing` (the
   * cluster's own name isn't covered), or as the private CA does: `data_damaged`, `data_unwritable`, `data_full`.
   */
  static async open(options: CertificateSetOptions): Promise<Result<CertificateSet, Failure>> {
    const { sources, clock, log, domain, dataDir } = options;
    const local = sources.privateCa ? createLocalCertificates({ dataDir, domain, now: () => clock.now() }) : undefined;
    if (local?.ok === false) return local;
    if (sources.pairs.length + sources.folders.length === 0)
      return ok(new CertificateSet(options, undefined, local?.value));
    let set: CertificateSet | undefined;
    const files = await FileCertificates.open({
      sources: [
        ...sources.pairs.map((paths) => ({ kind: 'pair', paths }) as const),
        ...sources.folders.map((path) => ({ kind: 'folder', path }) as const),
      ],
      clock,
      log,
      onChange: () => {
        if (set !== undefined) set.#changed();
      },
    });
    if (!files.ok) return files;
    if (local === undefined && files.value.find(domain) === undefined) {
      files.value.close();
      return err(failure('certificate_missing', { domain }));
    }
    set = new CertificateSet(options, files.value, local?.value);
    return ok(set);
  }

  secureContext(serverName: string): SecureContext | undefined {
    return this.#files?.find(serverName)?.context ?? this.#local?.secureContext(serverName);
  }

  defaultContext(): SecureContext {
    const own = this.#ownPair();
    if (own !== undefined) return own.context;
    if (this.#local === undefined) throw new Error('opened without a certificate for the cluster domain');
    return this.#local.defaultContext();
  }

  material(serverName: string): CertificateMaterial | undefined {
    return this.#files?.find(serverName)?.material ?? this.#local?.material(serverName);
  }

  defaultMaterial(): CertificateMaterial {
    const material = this.#ownPair()?.material ?? this.#local?.defaultMaterial();
    if (material === undefined) throw new Error('opened without a certificate for the cluster domain');
    return material;
  }

  state(domain: string): CertificateState {
    const pair = this.#files?.find(domain);
    if (pair !== undefined) return stateOf(pair, domain, this.#clock.now());
    if (this.#local !== undefined) return this.#local.state(domain);
    return { state: 'failed', reason: because('certificate_none', { domain }) };
  }

  get fingerprint(): string {
    return this.#ownPair()?.pin ?? this.#local?.fingerprint ?? '';
  }

  get caPem(): string | undefined {
    return this.#ownPair() === undefined ? this.#local?.caPem : undefined;
  }

  get caFile(): string | undefined {
    return this.#ownPair() === undefined ? this.#local?.caFile : undefined;
  }

  /** Pairs from files in use, and files that can't be used right now. */
  counts(): { readonly loaded: number; readonly unusable: number } {
    return { loaded: this.#files?.pairs.length ?? 0, unusable: this.#files?.problems.length ?? 0 };
  }

  /**
   * When the certificates end, milliseconds since the epoch, by name or wildcard; for names that the private CA signs
   * for, when that ends (what it signs is renewed by itself).
   */
  expiries(): ReadonlyMap<string, number> {
    const ends = new Map<string, number>();
    for (const [name, pair] of this.#files?.names() ?? []) ends.set(name, pair.notAfter);
    const wildcard = `*.${this.#domain}`;
    if (this.#local !== undefined)
      for (const name of [this.#domain, wildcard]) if (!ends.has(name)) ends.set(name, this.#local.caNotAfter);
    return ends;
  }

  /** Calls `listener` after each change of certificates or their states. Returns how to stop that. */
  watch(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  close(): void {
    this.#stopTimer();
    this.#files?.close();
  }

  /** With a private CA, that takes over when the files for the cluster's own name go; else the last one stays. */
  #ownPair(): KeyPair | undefined {
    const found = this.#files?.find(this.#domain);
    if (found !== undefined || this.#local !== undefined) return found;
    return this.#own;
  }

  #changed(): void {
    const before = this.#own;
    const found = this.#files?.find(this.#domain);
    if (found !== undefined || this.#local !== undefined) this.#own = found;
    else
      this.#log.warn('no certificate covers the cluster domain any more; the last one stays in use', {
        domain: this.#domain,
      });
    if (before?.pin !== this.#own?.pin)
      this.#log.warn('the fingerprint that laptops may have pinned has changed; those that did have to join again', {
        fingerprint: this.fingerprint,
      });
    this.#warnOfExpiry();
    for (const listener of this.#listeners) listener();
  }

  /** When the list of names changes, and once a day while there is one. */
  #warnOfExpiry(): void {
    const now = this.#clock.now();
    const late = [...(this.#files?.names() ?? [])]
      .filter(([, pair]) => pair.notAfter - now < Math.min(RENEWED_BEFORE, (pair.notAfter - pair.notBefore) / 3))
      .sort(([, a], [, b]) => a.notAfter - b.notAfter)
      .map(([name, { notAfter }]) => `${name} ${notAfter <= now ? 'expired' : 'expires'} ${date(notAfter)}`);
    const words = late.join();
    if (words === this.#warned.words && now - this.#warned.at < WARN_INTERVAL) return;
    this.#warned = { words, at: now };
    if (late.length > 0)
      this.#log.warn('certificates should have been renewed', {
        count: late.length,
        soonest: late.slice(0, NAMES_TOLD),
      });
  }
}

const date = (at: number): string => new Date(at).toISOString().slice(0, 10);

function stateOf(pair: KeyPair, domain: string, now: number): CertificateState {
  if (isValidAt(pair, now)) return { state: 'ready' };
  const reason =
    now < pair.notBefore
      ? because('certificate_early', { domain, date: date(pair.notBefore) })
      : because('certificate_late', { domain, date: date(pair.notAfter) });
  return { state: 'failed', reason };
}
