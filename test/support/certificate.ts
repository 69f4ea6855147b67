import { generateKeyPairSync } from 'node:crypto';
import { makeCertificate, toPem } from '../../edge/certificates/x509.ts';

/** A self-signed certificate for `localhost`, PEM, made anew. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = makeCertificate({
    commonName: 'localhost',
    issuerName: 'localhost',
    key: privateKey,
    signWith: privateKey,
    notBefore: Date.now() - 3_600_000,
    notAfter: Date.now() + 86_400_000,
    kind: { ca: false, names: [{ dns: 'localhost' }] },
  });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: toPem(der) };
}
