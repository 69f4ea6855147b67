import type { SecureContext } from 'node:tls';

/** The state of the certificate of one domain, as statuses show it. */
export type CertificateState =
  | { readonly state: 'ready' }
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly reason: string; readonly nextTryAt?: number };

/** Where a node's certificates come from: a private CA of its own, files, or ACME. */
export interface Certificates {
  /**
   * The context to answer a ClientHello for `serverName` with (lower-case, no trailing dot). `undefined` when no
   * certificate covers that name: answer with the default one, or not at all.
   */
  secureContext(serverName: string): SecureContext | undefined;
  /** The context for the cluster's own name: tunnels, control API, and clients that name no server. */
  defaultContext(): SecureContext;
  /** What is known of the certificate of `domain`. */
  state(domain: string): CertificateState;
  /** SHA-256 of the DER of the certificate that a join link pins (CA, or leaf without one), lower-case hex. */
  readonly fingerprint: string;
  /** The private CA, when there is one: PEM, and the file that holds it. */
  readonly caPem?: string;
  readonly caFile?: string;
}
