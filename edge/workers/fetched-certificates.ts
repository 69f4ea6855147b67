import { createHash, hkdfSync } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { CertificateMaterial, HandshakeCertificates } from '../certificates/certificates.ts';

/** Names whose certificate is remembered, and contexts that are kept: least recently used ones go first. */
const MOST_NAMES = 10_000;
const MOST_CONTEXTS = 1_000;
/** Names that are asked for at once; more handshakes than that get the default certificate. */
const MOST_ASKING = 1_000;

/**
 * The certificates of a worker: those that the control process hands out, by name, when a visitor first asks for it.
 * A change there empties what is remembered here, so new connections see it and open ones don't.
 */
export class FetchedCertificates implements HandshakeCertificates {
  readonly #ask: (name: string) => Promise<CertificateMaterial | undefined>;
  readonly #ticketSeed: Uint8Array;
  readonly #asking = new Map<string, Promise<SecureContext | undefined>>();
  /** By name, and by what they are made of: one certificate may answer for any number of names. */
  readonly #names = new Map<string, SecureContext>();
  readonly #contexts = new Map<string, SecureContext>();
  #default: SecureContext;
  #age = 0;

  /** `ask` yields `undefined` when no certificate covers the name, or nobody answers. Never rejects. */
  constructor(
    ask: (name: string) => Promise<CertificateMaterial | undefined>,
    certificate: CertificateMaterial,
    ticketSeed: Uint8Array,
  ) {
    this.#ask = ask;
    this.#ticketSeed = ticketSeed;
    this.#default = this.#contextOf(certificate);
  }

  secureContext(serverName: string): SecureContext | undefined | Promise<SecureContext | undefined> {
    const known = this.#names.get(serverName);
    if (known !== undefined) {
      remember(this.#names, serverName, known, MOST_NAMES);
      return known;
    }
    const asking = this.#asking.get(serverName);
    if (asking !== undefined || this.#asking.size >= MOST_ASKING) return asking;
    const fetched = this.#fetch(serverName).finally(() => {
      if (this.#asking.get(serverName) === fetched) this.#asking.delete(serverName);
    });
    this.#asking.set(serverName, fetched);
    return fetched;
  }

  defaultContext(): SecureContext {
    return this.#default;
  }

  /** Certificates have changed; `certificate` is the cluster's own name's now. */
  renew(certificate: CertificateMaterial): void {
    this.#age++;
    this.#names.clear();
    this.#asking.clear();
    this.#default = this.#contextOf(certificate);
  }

  async #fetch(serverName: string): Promise<SecureContext | undefined> {
    const age = this.#age;
    const material = await this.#ask(serverName);
    if (material === undefined) return undefined;
    const context = this.#contextOf(material);
    // What was asked before a change may be what the change replaced.
    if (age === this.#age) remember(this.#names, serverName, context, MOST_NAMES);
    return context;
  }

  #contextOf({ cert, key }: CertificateMaterial): SecureContext {
    const digest = createHash('sha256').update(`${cert.length} `).update(cert).update(key).digest('hex');
    const known = this.#contexts.get(digest);
    if (known !== undefined) return known;
    const ticketKeys = Buffer.from(hkdfSync('sha256', this.#ticketSeed, digest, 'session tickets', 48));
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2', ticketKeys });
    remember(this.#contexts, digest, context, MOST_CONTEXTS);
    return context;
  }
}

/** Puts `key` last, and drops the first where there are too many. */
function remember(map: Map<string, SecureContext>, key: string, context: SecureContext, most: number): void {
  map.delete(key);
  map.set(key, context);
  const oldest = map.keys().next();
  if (map.size > most && oldest.done !== true) map.delete(oldest.value);
}
