import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Explanation, type Failure, failure } from '../../shared/domain/failure.ts';
import { isUnder, parseDomain } from '../../shared/domain/hostname.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { mediumFailure } from '../store/sqlite-failure.ts';
import type { CertificateMaterial, Certificates } from './certificates.ts';
import { type LocalCa, openLocalCa } from './local-ca.ts';

export interface LocalCertificatesOptions {
  /** The edge's data folder; the CA lives in `certificates` under it. */
  readonly dataDir: string;
  /** The cluster domain, lower-case. */
  readonly domain: string;
  readonly now?: () => number;
  /** Names whose certificates are kept at most; 1000 unless told. */
  readonly capacity?: number;
}

const DAY = 24 * 3600_000;
/** Far below the 398 days that browsers take. Leaves live in memory only, so nothing is saved by longer ones. */
const LEAF_LIFETIME = 90 * DAY;
/** A leaf with less than this left is made anew. */
const RENEW_BEFORE = LEAF_LIFETIME / 3;

interface Leaf {
  readonly context: SecureContext;
  readonly material: CertificateMaterial;
  readonly renewAt: number;
}

/**
 * Certificates signed by a private CA of this edge, made on demand for the cluster domain and names under it.
 * Fails with `data_damaged`, `data_unwritable`, `data_full`, `domain_invalid`.
 */
export function createLocalCertificates(options: LocalCertificatesOptions): Result<LocalCertificates, Failure> {
  const domain = parseDomain(options.domain);
  if (!domain.ok) return domain;
  const folder = join(options.dataDir, 'certificates');
  const now = options.now ?? Date.now;
  try {
    const ca = openLocalCa(folder, domain.value, now);
    return ca.ok ? ok(new LocalCertificates(ca.value, domain.value, now, options.capacity ?? 1000)) : ca;
  } catch (error) {
    const reason = mediumFailure(error, folder);
    if (reason === undefined) throw error;
    return err(reason);
  }
}

/** See `createLocalCertificates`. */
export class LocalCertificates implements Certificates {
  /** When the CA ends, milliseconds since the epoch. */
  readonly caNotAfter: number;
  readonly fingerprint: string;
  readonly caPem: string;
  readonly caFile: string;
  readonly #ca: LocalCa;
  readonly #domain: string;
  readonly #now: () => number;
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #leaves = new Map<string, Leaf>();

  constructor(ca: LocalCa, domain: string, now: () => number, capacity: number) {
    this.#ca = ca;
    this.#domain = domain;
    this.#now = now;
    this.#capacity = Math.max(1, capacity);
    this.caNotAfter = ca.notAfter;
    this.fingerprint = ca.fingerprint;
    this.caPem = ca.pem;
    this.caFile = ca.file;
  }

  secureContext(serverName: string): SecureContext | undefined {
    return this.#leaf(serverName)?.context;
  }

  defaultContext(): SecureContext {
    return this.#defaultLeaf().context;
  }

  material(serverName: string): CertificateMaterial | undefined {
    return this.#leaf(serverName)?.material;
  }

  defaultMaterial(): CertificateMaterial {
    return this.#defaultLeaf().material;
  }

  state(domain: string): { readonly state: 'ready' } | { readonly state: 'failed'; readonly reason: Explanation } {
    if (!this.#covers(domain))
      return { state: 'failed', reason: failure('domain_foreign', { domain, cluster: this.#domain }) };
    return this.#now() < this.#ca.notAfter
      ? { state: 'ready' }
      : { state: 'failed', reason: because('authority_late') };
  }

  #leaf(serverName: string): Leaf | undefined {
    const known = this.#leaves.get(serverName);
    if (known !== undefined && this.#now() < known.renewAt) {
      this.#leaves.delete(serverName);
      this.#leaves.set(serverName, known);
      return known;
    }
    return this.#covers(serverName) ? this.#issue(serverName) : undefined;
  }

  #defaultLeaf(): Leaf {
    return this.#leaf(this.#domain) ?? this.#issue(this.#domain);
  }

  #covers(name: string): boolean {
    const parsed = parseDomain(name);
    return parsed.ok && parsed.value === name && isUnder(name, this.#domain);
  }

  #issue(name: string): Leaf {
    const signed = this.#ca.sign(name, LEAF_LIFETIME);
    const material = { cert: signed.chainPem, key: signed.keyPem };
    const context = createSecureContext({ ...material, minVersion: 'TLSv1.2' });
    const leaf = { context, material, renewAt: signed.notAfter - RENEW_BEFORE };
    this.#leaves.delete(name);
    const oldest = this.#leaves.keys().next();
    if (this.#leaves.size >= this.#capacity && oldest.done !== true) this.#leaves.delete(oldest.value);
    this.#leaves.set(name, leaf);
    return leaf;
  }
}
