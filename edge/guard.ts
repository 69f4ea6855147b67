import type { ServiceAuth } from '../shared/domain/auth.ts';

/** What lets visitors of a service in, and what their sessions are signed with. No password can be got back from it. */
export interface Secrets {
  /** Sessions of an earlier epoch are over. Each epoch has a key pair of its own. */
  readonly epoch: number;
  /** Argon2id, in PHC form; as the PIN's and the headers'. */
  readonly password?: string;
  readonly pin?: string;
  /** By id of the header rule. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ed25519: SPKI, DER, base64. */
  readonly publicKey: string;
  /** PKCS #8, DER, sealed with the cluster's key (`auth/cluster-key.ts`). */
  readonly privateKey: string;
}

/** Who may come in to a protected service, as a node knows it. */
export interface Guard {
  readonly methods: ServiceAuth;
  /** `undefined` when what is stored is damaged or doesn't agree with the methods: then nobody comes in. */
  readonly secrets: Secrets | undefined;
  /** Ids of the share links whose sessions count: neither expired nor revoked; spent ones among them. */
  readonly shares: ReadonlySet<string>;
  /** What people call the laptop that publishes the service. */
  readonly publisher: string;
}

/** A guard that can let somebody in. */
export interface OpenGuard extends Guard {
  readonly secrets: Secrets;
}

/** Whether the guard can let anybody in. */
export const isOpen = (guard: Guard): guard is OpenGuard => guard.secrets !== undefined;
