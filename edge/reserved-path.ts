/**
 * The paths that belong to the edge on every HTTP service. No origin is ever asked for them. Only this one spelling is
 * the edge's: `/%2eporthole/`, `//.porthole/` and the like are paths as any other, behind the same login.
 */
const RESERVED = '/.porthole';

/** Where visitors log in and out, and open share links. */
export const LOGIN_PATH = `${RESERVED}/login`;
export const LOGOUT_PATH = `${RESERVED}/logout`;
/** Followed by the link's token. */
export const SHARE_PATH = `${RESERVED}/share/`;

/** Sign-in with a provider: `start` and `callback`, at the service; `callback` at the cluster's own name too. */
export const SSO_PATH = `${RESERVED}/sso/`;

const DOT = 0x2e;

/** Whether `path`, without its query, belongs to the edge. Costs other paths one comparison. */
export const isReserved = (path: string): boolean =>
  path.charCodeAt(1) === DOT &&
  path.startsWith(RESERVED) &&
  (path.length === RESERVED.length || path[RESERVED.length] === '/');
