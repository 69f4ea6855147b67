import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/** SHA-256 of a certificate's DER in lower-case hex without colons, as join links carry it. */
export const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase();

let publicContext: SecureContext | undefined;

/**
 * Trust in the public authorities: Node's own list and the system's store, so that an authority that a company or
 * `mkcert` installed counts. Read once; the system store can take a while on macOS and Windows.
 */
export function publicAuthorities(): SecureContext {
  publicContext ??= createSecureContext({
    ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])],
  });
  return publicContext;
}

const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates in `pem`; empty when there is none or one is damaged. At most 500 are read. */
export function readPem(pem: string): X509Certificate[] {
  const blocks = (pem.match(PEM) ?? []).slice(0, 500);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

/** The presented chain, leaf first, as far as it links up; bounded, since a peer may present a loop. */
export function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let c: X509Certificate | undefined = leaf; c !== undefined && chain.length < 10; c = c.issuerCertificate)
    chain.push(c);
  return chain;
}

/** Whether `certificate` says that it may be used at `now` (milliseconds since the epoch). */
export function isWithinValidity(certificate: X509Certificate, now: number): boolean {
  return now >= Date.parse(certificate.validFrom) && now <= Date.parse(certificate.validTo);
}
