import type { SecureContext } from 'node:tls';
import type { Explanation } from '../../shared/domain/failure.ts';

/** The state of the certificate of one domain, as statuses show it. */
export type CertificateState =
  | { readonly state: 'ready' }
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly reason: Explanation; readonly nextTryAt?: number };

/** A certificate with its chain, and its private key, both PEM: for another process of this node. Never logged. */
export interface CertificateMaterial {
  readonly cert: string;
  readonly key: string;
}

/** What TLS handshakes are answered with. */
export interface HandshakeCertificates {
  /** As `Certificates` has it; a promise where it has to be fetched first. Never rejects. */
  secureContext(serverName: string): SecureContext | undefined | Promise<SecureContext | undefined>;
  defaultContext(): SecureContext;
}

/**
 * Where a node's certificates come from: files, a private CA of its own, or both. What is answered may change while
 * the node runs; connections that were opened with a context keep it.
 */
export interface Certificates {
  /**
   * The context to answer a ClientHello for `serverName` with (lower-case, no trailing dot). `undefined` when no
   * certificate covers that name: answer with the default one, or not at all.
   */
  secureContext(serverName: string): SecureContext | undefined;
  /** The context for the cluster's own name: tunnels, control API, and clients that name no server. */
  defaultContext(): SecureContext;
  /** What those two contexts are made of. */
  material(serverName: string): CertificateMaterial | undefined;
  defaultMaterial(): CertificateMaterial;
  /** What is known of the certificate of `domain`. */
  state(domain: string): CertificateState;
  /**
   * SHA-256 of the DER of the certificate that a join link pins, lower-case hex: of what is shown for the cluster's own
   * name the highest authority, or the leaf where none comes with it.
   */
  readonly fingerprint: string;
  /** The private CA, when it vouches for the cluster's own name: PEM, and the file that holds it. */
  readonly caPem?: string | undefined;
  readonly caFile?: string | undefined;
}
