import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  bitString,
  booleanTrue,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** A name in a certificate: a DNS name, or an IP address as its 4 or 16 bytes. */
export type SubjectName = { readonly dns: string } | { readonly ip: Uint8Array };

/** Which names a CA may sign for (RFC 5280 section 4.2.1.10). An IP range is address and mask, one after the other. */
export interface NameConstraints {
  readonly permitted: readonly SubjectName[];
  readonly excluded: readonly SubjectName[];
}

export interface CertificateRequest {
  /** Subject and issuer: organisation and common name (at most 64 characters). */
  readonly commonName: string;
  readonly issuerName: string;
  /** The subject's key: only its public half is used. */
  readonly key: KeyObject;
  /** The issuer's private key, ECDSA P-256. */
  readonly signWith: KeyObject;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly kind:
    | { readonly ca: true; readonly constraints: NameConstraints }
    | { readonly ca: false; readonly names: readonly SubjectName[] };
}

const ORGANISATION = 'Porthole';
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const KEY_USAGE = { digitalSignature: Buffer.from([0x80]), certificateSign: Buffer.from([0x06]) };

/** A certificate in DER: X.509 v3, signed with ECDSA and SHA-256 (RFC 5280 section 4.1). */
export function makeCertificate(request: CertificateRequest): Buffer {
  const spki = publicKeyOf(request.key);
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    distinguishedName(request.issuerName),
    sequence(time(request.notBefore), time(request.notAfter)),
    distinguishedName(request.commonName),
    spki,
    explicit(3, sequence(...extensions(request))),
  );
  return sequence(body, ECDSA_WITH_SHA256, bitString(sign('sha256', body, request.signWith)));
}

/** The PEM form of a certificate in DER. */
export const toPem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

const publicKeyOf = (key: KeyObject): Buffer =>
  (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });

/** 127 random bits, positive and never zero (RFC 5280 section 4.1.2.2: at most 20 bytes). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const distinguishedName = (commonName: string): Buffer =>
  sequence(
    set(sequence(oid('2.5.4.10'), utf8String(ORGANISATION))),
    set(sequence(oid('2.5.4.3'), utf8String(commonName))),
  );

function extensions(request: CertificateRequest): Buffer[] {
  const common = [
    extension('2.5.29.14', false, octetString(keyIdentifier(request.key))),
    extension('2.5.29.35', false, sequence(implicit(0, keyIdentifier(request.signWith)))),
    // Honoured on a CA too: what it signs is good for TLS servers, not for code or mail.
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
  ];
  const { kind } = request;
  if (kind.ca)
    return [
      extension('2.5.29.19', true, sequence(booleanTrue(), integer(Buffer.from([0])))),
      extension('2.5.29.15', true, bitString(KEY_USAGE.certificateSign, 1)),
      extension('2.5.29.30', true, nameConstraints(kind.constraints)),
      ...common,
    ];
  return [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bitString(KEY_USAGE.digitalSignature, 7)),
    extension('2.5.29.17', false, sequence(...kind.names.map(generalName))),
    ...common,
  ];
}

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  critical ? sequence(oid(id), booleanTrue(), octetString(value)) : sequence(oid(id), octetString(value));

const generalName = (name: SubjectName): Buffer =>
  'dns' in name ? implicit(2, Buffer.from(name.dns, 'latin1')) : implicit(7, name.ip);

function nameConstraints({ permitted, excluded }: NameConstraints): Buffer {
  const subtrees = (names: readonly SubjectName[]): Buffer[] => names.map((name) => sequence(generalName(name)));
  return sequence(
    ...(permitted.length > 0 ? [explicit(0, ...subtrees(permitted))] : []),
    ...(excluded.length > 0 ? [explicit(1, ...subtrees(excluded))] : []),
  );
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2): a name for the key, nothing rests on its strength. */
function keyIdentifier(key: KeyObject): Buffer {
  const spki = publicKeyOf(key);
  // The bits of an uncompressed P-256 point are the last 65 bytes of its SubjectPublicKeyInfo.
  return createHash('sha1').update(spki.subarray(-65)).digest();
}
