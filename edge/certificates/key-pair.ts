import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { CertificateMaterial } from './certificates.ts';
import { dnsNamesOf } from './dns-names.ts';

/** A certificate with its chain and key, ready to answer handshakes with. */
export interface KeyPair {
  /** What it is good for: `example.com`, `*.example.com`. At least one. */
  readonly names: readonly string[];
  readonly context: SecureContext;
  readonly material: CertificateMaterial;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the DER of the highest authority in the chain, or of the leaf where none comes with it; hex. */
  readonly pin: string;
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** A chain is three or four certificates; a whole bundle of authorities in its place is a mistake. */
const LONGEST_CHAIN = 20;

/**
 * Reads a certificate (leaf first, then its chain) and its key, both PEM. The error says in words, to follow "cannot be
 * used:", what is wrong. A certificate out of its time is read all the same: that is for its user to judge.
 */
export function parseKeyPair(certPem: string, keyPem: string): Result<KeyPair, string> {
  const chain = parseChain(certPem);
  if (!chain.ok) return chain;
  const [leaf] = chain.value;
  if (leaf === undefined) return err('it holds no certificate in PEM');
  const key = parseKey(keyPem);
  if (!key.ok) return key;
  if (!leaf.checkPrivateKey(key.value)) return err('its key belongs to another certificate');
  const names = dnsNamesOf(leaf);
  if (names.length === 0) return err('it names no domain (it needs DNS names as subject alternative names)');
  try {
    return ok({
      names,
      context: createSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' }),
      material: { cert: certPem, key: keyPem },
      notBefore: leaf.validFromDate.getTime(),
      notAfter: leaf.validToDate.getTime(),
      pin: highestOf(chain.value, leaf).fingerprint256.replaceAll(':', '').toLowerCase(),
    });
  } catch (error) {
    return err(`TLS refuses it (${reasonOf(error)})`);
  }
}

function parseChain(pem: string): Result<readonly X509Certificate[], string> {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length > LONGEST_CHAIN) return err(`it holds more than ${LONGEST_CHAIN} certificates`);
  // A block without an end: the file is still being written, or was cut.
  if (pem.split(BEGIN).length - 1 !== blocks.length) return err('it is cut off or damaged');
  try {
    return ok(blocks.map((block) => new X509Certificate(block)));
  } catch {
    return err('it is cut off or damaged');
  }
}

function parseKey(pem: string): Result<KeyObject, string> {
  if (ENCRYPTED.test(pem)) return err('its key is encrypted with a passphrase');
  try {
    return ok(createPrivateKey(pem));
  } catch {
    return err('its key holds no private key in PEM');
  }
}

/** The last authority that the chain leads to from `leaf`, each certificate issued by the next. */
function highestOf(chain: readonly X509Certificate[], leaf: X509Certificate): X509Certificate {
  let highest = leaf;
  for (const next of chain.slice(1)) {
    if (!next.ca || !highest.checkIssued(next)) break;
    highest = next;
  }
  return highest;
}

/** What OpenSSL or BoringSSL says, without its numbers. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
