import { type Because, fill, type Params, sayReason } from './reason.ts';
import { REASONS } from './reasons.ts';

/**
 * The registry of expected failures: one row a code, with the HTTP status it answers with, whether trying the very
 * same thing again can help, and its wording. Nothing anywhere matches on message text; codes are the contract.
 *
 * Wording follows one order: what happened, what it means, what to do. `{name}` is filled from the parameters.
 */
interface FailureSpec {
  /** HTTP status when the failure answers a request (control API or visitor). */
  readonly status: number;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retry: boolean;
  readonly say: string;
}

const REGISTRY = {
  // What somebody typed.
  input_invalid: { status: 400, retry: false, say: '{reason}' },
  port_invalid: { status: 400, retry: false, say: 'Port {port} is not valid. Use a whole number from 1 to 65535.' },
  name_invalid: {
    status: 400,
    retry: false,
    say: 'The name "{name}" is not valid: {reason} Use lower-case letters, digits and hyphens, starting and ending with a letter or digit.',
  },
  domain_invalid: { status: 400, retry: false, say: 'The domain "{domain}" is not valid: {reason}' },
  domain_taken: {
    status: 409,
    retry: false,
    say: 'The name {domain} is already taken by the service "{owner}". Choose another name, or remove that service first.',
  },
  domain_foreign: {
    status: 400,
    retry: false,
    say: 'The domain {domain} does not lie under {cluster}. Choose a name under it.',
  },
  header_invalid: { status: 400, retry: false, say: 'The header "{name}" is not valid: {reason}' },
  host_invalid: { status: 400, retry: false, say: 'The host "{host}" is not a host name or an IP address.' },
  address_invalid: {
    status: 400,
    retry: false,
    say: 'The address "{address}" is not ADDRESS:PORT, such as 0.0.0.0:443 or [::1]:8443.',
  },

  // Ports of TCP, TLS and UDP services.
  port_taken: {
    status: 409,
    retry: false,
    say: 'Port {port} is already taken by the service "{owner}". Choose another port, or remove that service first.',
  },
  port_reserved: {
    status: 409,
    retry: false,
    say: "Port {port} is one of the edge's own. Choose another.",
  },
  port_privileged: {
    status: 400,
    retry: false,
    say: 'Port {port} is below 1024, which the edge does not give to services. Choose a higher one.',
  },
  port_fixed: {
    status: 400,
    retry: false,
    say: 'This edge does not let services choose their port. Leave it out, and one is assigned.',
  },
  port_exhausted: {
    status: 503,
    retry: true,
    say: 'The edge has no free port to assign. Remove a service that has one, or try again later.',
  },

  // Joining a cluster.
  token_invalid: { status: 400, retry: false, say: 'That is not a join token: {reason} Copy it again, whole.' },
  token_unknown: { status: 401, retry: false, say: 'The edge does not know this join token. Ask for a new one.' },
  token_expired: { status: 401, retry: false, say: 'This join token expired at {at}. Ask for a new one.' },
  token_used: { status: 401, retry: false, say: 'This join token was used already. Ask for a new one.' },
  edge_unreachable: {
    status: 503,
    retry: true,
    say: 'Nothing answers at {address} ({reason}). Check the address and that the edge is running.',
  },
  edge_untrusted: {
    status: 502,
    retry: false,
    say: 'The certificate of {address} is not trusted ({reason}). Give its CA with --ca or its fingerprint with --fingerprint, if you know them to be right.',
  },
  edge_incompatible: {
    status: 502,
    retry: false,
    say: 'The edge at {address} speaks another version of the protocol ({reason}). Update whichever is older.',
  },
  edge_odd: { status: 502, retry: true, say: 'What answers at {address} is not a Porthole edge ({reason}).' },
  proxy_invalid: {
    status: 502,
    retry: false,
    say: '{source} names a proxy that Porthole cannot use: {reason}. Give one as http://HOST:PORT in HTTPS_PROXY, or add {host} to NO_PROXY to connect directly.',
  },
  proxy_failed: {
    status: 503,
    retry: true,
    say: 'The proxy {proxy} does not lead to {address} ({reason}). Ask who runs it to let you through, or leave the edge out with NO_PROXY if it can be reached directly.',
  },
  already_joined: {
    status: 409,
    retry: false,
    say: 'This laptop already belongs to {cluster}. Leave that cluster first, with "porthole leave".',
  },

  // Credentials and rights.
  credential_unknown: {
    status: 401,
    retry: false,
    say: 'The edge does not know this agent any more. Join the cluster again.',
  },
  too_many_tries: {
    status: 429,
    retry: true,
    say: 'Too many failed attempts came from this address. Wait {seconds} seconds, then try again.',
  },
  forbidden: { status: 403, retry: false, say: 'That is not allowed: {reason}' },

  agent_unknown: {
    status: 400,
    retry: false,
    say: 'No laptop of this cluster is called "{agent}". Name it as it was called when it joined, or by its id.',
  },
  agent_ambiguous: {
    status: 409,
    retry: false,
    say: 'More than one laptop of this cluster is called "{agent}". Name it by its id.',
  },

  // Services.
  service_not_found: { status: 404, retry: false, say: 'There is no service "{service}".' },
  service_ambiguous: {
    status: 409,
    retry: false,
    say: 'More than one service is called "{service}". Name it by its domain.',
  },
  exposure_limit: { status: 429, retry: true, say: 'This agent already has {limit} exposures. End one of them first.' },
  exposure_expired: { status: 410, retry: false, say: 'This exposure has expired. Expose the port again.' },
  service_limit: {
    status: 429,
    retry: false,
    say: 'This cluster takes at most {limit} services from one agent. Remove one first.',
  },

  // The laptop.
  home_unwritable: {
    status: 500,
    retry: false,
    say: 'The data folder {path} cannot be written ({reason}). Choose another with PORTHOLE_HOME, or mend its permissions.',
  },
  home_in_use: {
    status: 409,
    retry: false,
    say: 'Another Porthole (process {pid}) uses {path}. Stop it first, or choose another folder with PORTHOLE_HOME.',
  },
  data_unwritable: {
    status: 500,
    retry: false,
    say: 'The data folder {path} cannot be written ({reason}). Choose another with --data-dir, or mend its permissions.',
  },
  data_missing: {
    status: 404,
    retry: false,
    say: 'There is no edge in {path}. Start one there first with porthole edge --data-dir.',
  },
  data_in_use: {
    status: 409,
    retry: false,
    say: 'Another edge uses the data folder {path}. Stop it first, or choose another with --data-dir.',
  },
  data_newer: {
    status: 500,
    retry: false,
    say: 'The data in {path} was written by a newer Porthole (schema {found}, this one knows {known}). Update Porthole.',
  },
  data_full: {
    status: 507,
    retry: true,
    say: 'The disk that holds {path} is full. Nothing was changed. Free some space, then try again.',
  },
  data_busy: {
    status: 503,
    retry: true,
    say: 'Another process holds the data in {path}. Nothing was changed. Try again in a moment.',
  },
  data_damaged: {
    status: 500,
    retry: false,
    say: 'The data in {path} is damaged ({reason}). Put a backup in its place, or choose another folder with --data-dir.',
  },
  address_in_use: {
    status: 409,
    retry: true,
    say: 'The address {address} is already in use. Stop what listens there, or choose another.',
  },
  address_denied: {
    status: 403,
    retry: false,
    say: 'Listening on {address} is not permitted. Ports below 1024 need a privilege; choose a higher one or grant it.',
  },
  address_unavailable: {
    status: 400,
    retry: false,
    say: 'The address {address} cannot be listened on ({reason}). Choose one that this machine has.',
  },
  file_unusable: {
    status: 500,
    retry: false,
    say: 'The file {path} cannot be used: {reason}. Mend it, or leave it out.',
  },
  certificate_unusable: {
    status: 500,
    retry: false,
    say: 'The certificate file or folder {path} cannot be used: {reason}. Mend it, or leave it out.',
  },
  certificate_missing: {
    status: 500,
    retry: false,
    say: 'No certificate covers {domain}, which laptops connect to. Give one with --cert and --key, put one into the folder of --cert-dir, or have --private-ca make it.',
  },
  edge_failed: {
    status: 503,
    retry: true,
    say: 'The embedded edge stopped ({reason}). It is started again by itself.',
  },
  edge_restarting: {
    status: 503,
    retry: true,
    say: 'The embedded edge is being restarted. Your services are not reachable until it is back.',
  },
  app_not_running: {
    status: 503,
    retry: true,
    say: 'No Porthole is running here. Start it with "porthole up" or open the app.',
  },
  vault_failed: {
    status: 500,
    retry: true,
    say: 'A secret could not be read or kept ({reason}). Unlock your keychain, or set PORTHOLE_PASSPHRASE, and try again.',
  },
  trust_failed: { status: 500, retry: false, say: 'The certificate authority could not be installed: {reason}' },
  offline: {
    status: 503,
    retry: true,
    say: 'There is no connection to the edge right now ({reason}). Your services are not reachable until it is back.',
  },
  exchange_gone: {
    status: 404,
    retry: false,
    say: 'This request is not kept any more. The inspector forgets after 10 minutes, and sooner when much comes.',
  },
  replay_impossible: { status: 400, retry: false, say: 'This request cannot be sent again: {reason}' },
  channel_unknown: { status: 404, retry: false, say: 'There is no call "{channel}".' },
  internal: { status: 500, retry: true, say: 'Something went wrong inside Porthole. The log has the details.' },

  // Who may come in, as the owner sets it.
  pin_invalid: { status: 400, retry: false, say: 'A PIN has exactly 6 digits, such as 042917.' },
  password_invalid: { status: 400, retry: false, say: 'That cannot be a password: {reason}' },
  auth_mode: {
    status: 400,
    retry: false,
    say: 'A {mode} service cannot ask its visitors to log in; only http services can. Restrict it by address or country instead.',
  },
  provider_unknown: {
    status: 400,
    retry: false,
    say: 'This cluster has no sign-in provider {provider}. Leave sign-in out, or ask who runs the edge to set one up.',
  },
  cidr_invalid: { status: 400, retry: false, say: '"{cidr}" is not a network: {reason}' },
  country_invalid: { status: 400, retry: false, say: '"{country}" is not a country code of two letters, such as DE.' },
  list_too_long: { status: 400, retry: false, say: 'The list holds {count} entries; at most {limit} are possible.' },
  share_not_found: { status: 404, retry: false, say: 'There is no share link "{share}".' },
  share_limit: {
    status: 429,
    retry: false,
    say: 'This service already has {limit} share links. Revoke one first.',
  },
  share_public: {
    status: 409,
    retry: false,
    say: 'The service "{service}" is public, so a link would keep nobody out. Protect it first, or share its address.',
  },

  // Who may come in, as a visitor meets it.
  ip_restricted: { status: 403, retry: false, say: 'Visitors from this address are not let in.' },
  country_restricted: { status: 403, retry: false, say: 'Visitors from this country are not let in.' },
  geo_unavailable: { status: 403, retry: true, say: 'Where visitors come from cannot be told right now.' },
  crowdsec_ban: { status: 403, retry: false, say: 'This address is known for attacks.' },
  crowdsec_captcha: { status: 403, retry: false, say: 'This address is known for suspicious requests.' },
  crowdsec_throttle: { status: 403, retry: true, say: 'This address is known for too many requests.' },
  crowdsec_unavailable: { status: 403, retry: true, say: 'The reputation of addresses cannot be told right now.' },
  login_required: { status: 401, retry: false, say: 'This service asks its visitors to log in.' },
  login_failed: { status: 401, retry: false, say: 'That was not right. Try again.' },
  login_locked: { status: 429, retry: true, say: 'Too many failed tries. Wait {seconds} seconds, then try again.' },
  login_busy: { status: 503, retry: true, say: 'Too many people are logging in. Try again in a moment.' },
  login_cross_site: { status: 403, retry: false, say: 'The login came from another site, so it was not accepted.' },
  header_rejected: { status: 401, retry: false, say: 'The credentials of the request are not right.' },
  share_invalid: { status: 403, retry: false, say: 'This link is not valid. Ask for a new one.' },
  share_over: { status: 410, retry: false, say: 'This link has expired, was used up, or was taken back.' },
  sso_denied: { status: 403, retry: false, say: 'You are signed in, but not as one of those who are let in.' },
  sso_failed: { status: 502, retry: true, say: 'The sign-in did not work: {reason}' },
  sso_expired: { status: 400, retry: true, say: 'This sign-in took too long or was begun elsewhere. Begin it again.' },

  // What a visitor's request can be refused with.
  request_malformed: { status: 400, retry: false, say: 'The request was not valid HTTP.' },
  request_timeout: { status: 408, retry: true, say: 'The request took too long to arrive.' },
  head_too_large: { status: 431, retry: false, say: 'The request headers are too large.' },
  target_too_long: { status: 414, retry: false, say: 'The address of the request is too long.' },
  body_too_large: { status: 413, retry: false, say: 'The request is too large.' },
  method_unsupported: { status: 501, retry: false, say: 'This request method is not supported.' },
  version_unsupported: { status: 505, retry: false, say: 'This HTTP version is not supported.' },
  expectation_unsupported: { status: 417, retry: false, say: 'This expectation is not supported.' },
  misdirected: { status: 421, retry: false, say: 'This connection was opened for another name.' },
  loop_detected: { status: 508, retry: false, say: 'The target of this service leads back to the service itself.' },
  no_service: { status: 404, retry: false, say: 'No service lives at {host}.' },
  no_target: { status: 404, retry: false, say: 'No target of this service takes this path.' },
  service_disabled: { status: 503, retry: true, say: 'This service is switched off.' },
  agent_offline: { status: 503, retry: true, say: 'The laptop behind this service is offline.' },
  busy: { status: 503, retry: true, say: 'Too many requests are under way. Try again in a moment.' },
  draining: { status: 503, retry: true, say: 'This edge is restarting. Try again in a moment.' },
  origin_refused: { status: 502, retry: true, say: 'Nothing listens on {target}.' },
  origin_unresolved: { status: 502, retry: true, say: 'The name of {target} cannot be resolved on the laptop.' },
  origin_untrusted: { status: 502, retry: false, say: 'The certificate of {target} is not trusted by the laptop.' },
  origin_timeout: { status: 504, retry: true, say: '{target} did not answer in time.' },
  origin_not_allowed: { status: 502, retry: false, say: 'The laptop has not allowed {target}.' },
  origin_bad_response: { status: 502, retry: true, say: '{target} sent something that is not valid HTTP.' },
  origin_closed: { status: 502, retry: true, say: '{target} closed the connection before it answered.' },
  idle_timeout: { status: 408, retry: true, say: 'Nothing moved for too long, so the connection was ended.' },
  tunnel_lost: { status: 502, retry: true, say: 'The connection to the laptop broke.' },
} as const satisfies Record<string, FailureSpec>;

export type FailureCode = keyof typeof REGISTRY;

/** A refusal with its reason, fit to be shown. JSON only; never a stack, never a secret. */
export interface Failure {
  readonly code: FailureCode;
  /** In English, whole. */
  readonly message: string;
  /** The input field that caused it, as a path such as `targets.0.port`. */
  readonly field?: string;
  /** What the message was filled with, for whoever says it in another language; another version may leave it out. */
  readonly params?: Params;
}

/** A `Failure` of `code`, its wording filled in from `params`. */
export function failure(code: FailureCode, params: Params = {}, field?: string): Failure {
  return {
    code,
    message: fill(REGISTRY[code].say, params, REASONS).text,
    ...(field === undefined ? {} : { field }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
  };
}

/** Why something is not as it should be: a reason that is a whole sentence, or a refusal. */
export type Explanation = Because | Failure;

/** `why` in English. */
export const explain = (why: Explanation): string => ('code' in why ? why.message : sayReason(why));

/** The registry's row for `code`. */
export const failureSpec = (code: FailureCode): FailureSpec => REGISTRY[code];

/** Whether `code`, from outside, is a code of the registry. */
export const isFailureCode = (code: string): code is FailureCode => Object.hasOwn(REGISTRY, code);
