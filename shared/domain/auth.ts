/** How visitors prove who they are, as everybody may know it: no secret and no hash of one is ever part of it. */

/** What let a visitor in. */
export type AuthMethod = 'password' | 'pin' | 'header' | 'sso' | 'share';

/**
 * One header that lets in whoever sends it. `basic` and `bearer` are presets for `Authorization`; `custom` is any other
 * field.
 */
export interface HeaderRule {
  readonly id: string;
  readonly kind: 'basic' | 'bearer' | 'custom';
  /** The field, lower-case; `authorization` for the presets. */
  readonly name: string;
  /** `basic`: the user name. */
  readonly user?: string;
}

/** Sign-in with a provider of the cluster. */
export interface SsoRule {
  /** Id of the provider. */
  readonly provider: string;
  /** Any one of them lets in; empty: everybody whom the provider knows. */
  readonly groups: readonly string[];
}

/**
 * The methods of an HTTP service. Any one of them lets in; a service without any is public. Left out means switched
 * off, so an object without members says the same as none.
 */
export interface ServiceAuth {
  readonly password?: true;
  readonly pin?: true;
  readonly headers?: readonly HeaderRule[];
  readonly sso?: SsoRule;
  /** Nobody comes in without a share link, unless by another method. (Share links work with every protected service.) */
  readonly link?: true;
}

/** A link that lets its holder in. Its token is shown once, when it is made. */
export interface ShareLink {
  readonly id: string;
  readonly serviceId: string;
  readonly label?: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** How often it may be opened; without bound when left out. */
  readonly maxUses?: number;
  /** How often it was. */
  readonly uses: number;
  readonly lastUsedAt?: number;
  readonly revokedAt?: number;
}

/** A PIN: exactly six ASCII digits. */
export const PIN = /^[0-9]{6}$/;
/** Characters that a password may have at most; more would only cost time to hash. */
export const PASSWORD_LENGTH = 1024;
/** Header rules that a service may have. */
export const HEADER_RULES = 16;
/** Groups that a service may name, and characters of one. */
export const SSO_GROUPS = { count: 100, length: 255 } as const;
/** Milliseconds that a share link lives unless told otherwise, and at most. */
export const SHARE_LIFETIME = { usual: 24 * 3600_000, longest: 366 * 24 * 3600_000 } as const;
/** Share links that a service may have at once, spent and revoked ones not counted. */
export const SHARES_PER_SERVICE = 200;
/** Milliseconds that a visitor's session lasts. */
export const SESSION_LIFETIME = 24 * 3600_000;

/** Whether a visitor has to prove anything. */
export const isProtected = (auth: ServiceAuth | undefined): boolean =>
  auth !== undefined &&
  (auth.password === true ||
    auth.pin === true ||
    auth.link === true ||
    auth.sso !== undefined ||
    (auth.headers !== undefined && auth.headers.length > 0));

/** Whether the share link can still be opened at `now`. */
export const isShareLive = (share: ShareLink, now: number): boolean =>
  share.revokedAt === undefined && share.expiresAt > now && (share.maxUses === undefined || share.uses < share.maxUses);
