/** What the errors of sockets, resolvers and TLS mean, by code: nothing here reads a message. */

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up right now',
  EAI_FAIL: 'the name cannot be looked up',
  EAI_NODATA: 'the name has no address',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no network',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'there is no local address to reach it from',
  EACCES: 'connecting to it is not permitted here',
  EPERM: 'connecting to it is not permitted here',
  EMFILE: 'too many files are open here',
  ENFILE: 'too many files are open here',
};

const AUTHORITY = 'it is signed by an authority that is not trusted here';
const UNTRUSTED: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  CERT_UNTRUSTED: AUTHORITY,
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; check the clock',
  CERT_REVOKED: 'it was revoked',
  CERT_REJECTED: 'its authority is not meant for servers',
  INVALID_CA: 'its authority may not sign certificates',
  INVALID_PURPOSE: 'it is not meant for servers',
  PATH_LENGTH_EXCEEDED: 'its chain is too long',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  HOSTNAME_MISMATCH: 'it is for another name',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'its names are malformed',
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

/** In words why a machine was not reached; `undefined` when `code` does not say that. */
export const unreachableReason = (code: string): string | undefined =>
  Object.hasOwn(UNREACHABLE, code) ? UNREACHABLE[code] : undefined;

/** In words why a certificate was refused; `undefined` when `code` does not say that. */
export const untrustedReason = (code: string): string | undefined =>
  Object.hasOwn(UNTRUSTED, code) ? UNTRUSTED[code] : undefined;

/** Whether `code` says that a name has no address, as opposed to an address that does not answer. */
export const isUnresolved = (code: string): boolean =>
  code === 'ENOTFOUND' || code.startsWith('EAI_') || code === 'ENODATA' || code === 'ESERVFAIL';
