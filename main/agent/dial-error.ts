import { type Because, because, type Reason } from '../../shared/domain/reason.ts';

/** What the errors of sockets, resolvers and TLS mean, by code: nothing here reads a message. */

const UNREACHABLE: Readonly<Record<string, Because>> = {
  ECONNREFUSED: because('refused'),
  ECONNRESET: because('cut'),
  EPIPE: because('cut'),
  ENOTFOUND: because('name_unknown'),
  EAI_AGAIN: because('lookup_later'),
  EAI_FAIL: because('lookup_failed'),
  EAI_NODATA: because('no_address'),
  ETIMEDOUT: because('silent'),
  EHOSTUNREACH: because('no_route'),
  ENETUNREACH: because('no_network'),
  ENETDOWN: because('network_down'),
  EADDRNOTAVAIL: because('no_local_address'),
  EACCES: because('not_permitted'),
  EPERM: because('not_permitted'),
  EMFILE: because('files_here'),
  ENFILE: because('files_here'),
};

const AUTHORITY = because('authority_unknown');
const UNTRUSTED: Readonly<Record<string, Because>> = {
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: because('self_signed'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  CERT_UNTRUSTED: AUTHORITY,
  CERT_SIGNATURE_FAILURE: because('signature_wrong'),
  CERT_HAS_EXPIRED: because('expired'),
  CERT_NOT_YET_VALID: because('not_yet_valid'),
  CERT_REVOKED: because('revoked'),
  CERT_REJECTED: because('authority_purpose'),
  INVALID_CA: because('authority_may_not'),
  INVALID_PURPOSE: because('purpose'),
  PATH_LENGTH_EXCEEDED: because('chain_long'),
  CERT_CHAIN_TOO_LONG: because('chain_long'),
  HOSTNAME_MISMATCH: because('other_name'),
  ERR_TLS_CERT_ALTNAME_INVALID: because('other_name'),
  ERR_TLS_CERT_ALTNAME_FORMAT: because('names_malformed'),
};

/** The `code` of a system or TLS error; of several attempts at once, that of the first one which has a known meaning. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    const codes = error.errors.map(errorCode);
    // Of a refused IPv4 and an unroutable IPv6 attempt, the refusal is the news.
    return ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'].find((c) => codes.includes(c)) ?? codes[0] ?? '';
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Why a machine was not reached; `undefined` when `code` does not say that. */
export const unreachableReason = (code: string): Because | undefined =>
  Object.hasOwn(UNREACHABLE, code) ? UNREACHABLE[code] : undefined;

/** Why a connection to a machine failed, whatever `code` says. */
export const connectReason = (code: string): Reason =>
  unreachableReason(code) ?? (code === '' ? because('broken') : code);

/** Why a certificate was refused; `undefined` when `code` does not say that. */
export const untrustedReason = (code: string): Because | undefined =>
  Object.hasOwn(UNTRUSTED, code) ? UNTRUSTED[code] : undefined;

/** Whether `code` says that a name has no address, as opposed to an address that does not answer. */
export const isUnresolved = (code: string): boolean =>
  code === 'ENOTFOUND' || code.startsWith('EAI_') || code === 'ENODATA' || code === 'ESERVFAIL';
