import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { makeCertificate, type NameConstraints, type SubjectName, toPem } from './x509.ts';

const DAY = 24 * 3600_000;
const CA_LIFETIME = 3650 * DAY;
/** Room for clocks that are behind ours. */
const BACKDATE = 3600_000;
/** Longest common name (RFC 5280, ub-common-name). What counts is the alternative name. */
const COMMON_NAME = 64;

const LOOPBACK: readonly SubjectName[] = [
  { ip: Uint8Array.of(127, 0, 0, 1) },
  { ip: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) },
];

export interface SignedLeaf {
  /** The leaf and, after it, the CA. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly notAfter: number;
}

/** A private certificate authority that can sign for one cluster domain and the names under it, nothing else. */
export interface LocalCa {
  readonly pem: string;
  readonly file: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly notAfter: number;
  /** A certificate with a key of its own for `name`, good for `lifetime` milliseconds or as long as the CA lives. */
  sign(name: string, lifetime: number): SignedLeaf;
}

/**
 * Loads the CA of `domain` from `folder` (`ca-<domain>.pem`, `ca-<domain>.key`), or makes one that lasts ten years.
 * A pair that doesn't fit together is never replaced, because laptops trust it: that fails with `data_damaged`.
 * Errors of the file system are thrown as they are.
 */
export function openLocalCa(folder: string, domain: string, now: () => number): Result<LocalCa, Failure> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const certFile = join(folder, `ca-${domain}.pem`);
  const keyFile = join(folder, `ca-${domain}.key`);
  const certPem = readIfThere(certFile);
  // The certificate is written last, so a key without one was never used.
  if (certPem === undefined) return ok(createCa(certFile, keyFile, domain, now));
  const damaged = (reason: string): Result<LocalCa, Failure> =>
    err(failure('data_damaged', { path: certFile, reason }));
  const keyPem = readIfThere(keyFile);
  if (keyPem === undefined) return damaged('its key is missing');
  try {
    const certificate = new X509Certificate(certPem);
    const key = createPrivateKey(keyPem);
    if (!certificate.checkPrivateKey(key)) return damaged('its key belongs to another certificate');
    if (certificate.validToDate.getTime() <= now()) return damaged('it has expired; remove it to have a new one made');
    return ok(authority(certificate, key, certFile, domain, now));
  } catch {
    return damaged('it cannot be read');
  }
}

function createCa(certFile: string, keyFile: string, domain: string, now: () => number): LocalCa {
  const at = now();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const mark = createHash('sha256')
    .update(privateKey.export({ type: 'pkcs8', format: 'der' }))
    .digest('hex')
    .slice(0, 8);
  const commonName = `Porthole CA ${mark}`;
  const der = makeCertificate({
    commonName,
    issuerName: commonName,
    key: privateKey,
    signWith: privateKey,
    notBefore: at - BACKDATE,
    notAfter: at + CA_LIFETIME,
    kind: { ca: true, constraints: constraintsFor(domain) },
  });
  writeWhole(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  writeWhole(certFile, toPem(der));
  return authority(new X509Certificate(der), privateKey, certFile, domain, now);
}

function authority(
  certificate: X509Certificate,
  key: KeyObject,
  file: string,
  domain: string,
  now: () => number,
): LocalCa {
  const pem = toPem(certificate.raw);
  const notAfter = certificate.validToDate.getTime();
  const issuerName = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '';
  return {
    pem,
    file,
    notAfter,
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
    sign(name, lifetime) {
      const leafKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const at = now();
      const until = Math.min(at + lifetime, notAfter);
      const dns: SubjectName = { dns: name };
      const der = makeCertificate({
        commonName: name.slice(0, COMMON_NAME),
        issuerName,
        key: leafKey,
        signWith: key,
        notBefore: at - BACKDATE,
        notAfter: until,
        kind: { ca: false, names: name === 'localhost' && domain === name ? [dns, ...LOOPBACK] : [dns] },
      });
      return {
        chainPem: toPem(der) + pem,
        keyPem: leafKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        notAfter: until,
      };
    },
  };
}

/** The domain and everything under it; of IP addresses loopback for `localhost`, else none. */
function constraintsFor(domain: string): NameConstraints {
  const permitted: SubjectName[] = [{ dns: domain }];
  if (domain !== 'localhost') return { permitted, excluded: [{ ip: new Uint8Array(8) }, { ip: new Uint8Array(32) }] };
  for (const name of LOOPBACK)
    if ('ip' in name) permitted.push({ ip: Buffer.concat([name.ip, Buffer.alloc(name.ip.length, 0xff)]) });
  return { permitted, excluded: [] };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes `file` (0600) whole or not at all, whenever the power fails. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.draft`;
  rmSync(draft, { force: true });
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}
