import type { FailureCode } from '../../shared/domain/failure.ts';

/** Between which two of visitor, edge, laptop and app the way is broken; `undefined`: it is not, somebody is kept out. */
export type BrokenLink = 0 | 1 | 2 | undefined;

/** What a refusal page says beside the registry's sentence. */
export interface RefusalWords {
  readonly title: string;
  /** What the visitor can do. */
  readonly visitor: string;
  /** What whoever runs the service can do; '' when it isn't theirs to mend. */
  readonly owner: string;
  readonly broken: BrokenLink;
  /** Seconds until trying again makes sense. */
  readonly retryAfter: number;
}

const words = (
  broken: BrokenLink,
  title: string,
  visitor: string,
  owner: string,
  retryAfter: number,
): RefusalWords => ({ broken, title, visitor, owner, retryAfter });

const LATER = 'Try again in a moment. If it stays like this, tell whoever gave you the address.';
const TELL = 'Tell whoever gave you the address. Trying again will not help.';

const ASK = 'Ask whoever gave you the address.';
/** The way is fine; the visitor isn't let in. */
const KEPT_OUT = undefined;

const WORDS: Partial<Record<FailureCode, RefusalWords>> = {
  request_malformed: words(0, 'This request is not valid', 'Go back and open the address again.', '', 5),
  request_timeout: words(0, 'The request took too long', 'Check your connection, then try again.', '', 1),
  head_too_large: words(0, 'The request is too large', 'Clear the cookies of this site, then open it again.', '', 5),
  target_too_long: words(0, 'The address is too long', 'Open a shorter address.', '', 5),
  method_unsupported: words(0, 'This kind of request is not supported', TELL, '', 5),
  version_unsupported: words(0, 'This version of HTTP is not supported', 'Use HTTP/1.1.', '', 5),
  expectation_unsupported: words(0, 'The request expects what is not supported', TELL, '', 5),
  misdirected: words(0, 'This connection belongs to another name', 'Open the address again.', '', 1),
  loop_detected: words(
    2,
    'This service leads back to itself',
    TELL,
    "If it is yours: its target is Porthole's own address. Choose your server's in Porthole.",
    30,
  ),
  login_required: words(
    KEPT_OUT,
    'Log in first',
    'Open the address in a browser, or send the credentials you were given.',
    '',
    5,
  ),
  login_failed: words(KEPT_OUT, 'That was not right', 'Check what you were given, then try again.', '', 5),
  header_rejected: words(
    KEPT_OUT,
    'Those credentials are not right',
    'Check what you were given, then try again.',
    '',
    5,
  ),
  login_locked: words(KEPT_OUT, 'Too many failed tries', 'Wait a while before you try again.', '', 30),
  login_busy: words(KEPT_OUT, 'Too many people are logging in', 'Try again in a moment.', '', 2),
  login_cross_site: words(
    KEPT_OUT,
    'This came from another site',
    'Open the address itself, then log in there.',
    '',
    5,
  ),
  sso_failed: words(KEPT_OUT, 'The sign-in did not work', LATER, '', 5),
  sso_expired: words(KEPT_OUT, 'This sign-in is over', 'Begin it again.', '', 5),
  sso_denied: words(
    KEPT_OUT,
    'You are not among those who are let in',
    'Sign in with another account, or ask whoever gave you the address to let you in.',
    '',
    5,
  ),
  share_invalid: words(
    KEPT_OUT,
    'This link is not valid',
    'Check that all of it was copied, or ask for a new one.',
    '',
    5,
  ),
  share_over: words(KEPT_OUT, 'This link is over', 'Ask whoever gave it to you for a new one.', '', 5),
  ip_restricted: words(KEPT_OUT, 'Not from here', ASK, '', 30),
  country_restricted: words(KEPT_OUT, 'Not from this country', ASK, '', 30),
  geo_unavailable: words(KEPT_OUT, 'Nobody is let in right now', LATER, '', 30),
  crowdsec_ban: words(KEPT_OUT, 'Not from here', ASK, '', 30),
  crowdsec_captcha: words(KEPT_OUT, 'Not from here', ASK, '', 30),
  crowdsec_throttle: words(KEPT_OUT, 'Not right now', LATER, '', 30),
  crowdsec_unavailable: words(KEPT_OUT, 'Nobody is let in right now', LATER, '', 30),
  no_service: words(
    1,
    'Nothing is published here',
    'Check the address for typos. The service may also have been removed.',
    'If it is yours: publish it again, or look up its current address in Porthole.',
    5,
  ),
  no_target: words(1, 'Nothing is published at this path', 'Check the address for typos.', '', 5),
  service_disabled: words(
    1,
    'Not public right now',
    'Its owner has made it private for now. Come back later.',
    'If it is yours: switch it on in Porthole.',
    30,
  ),
  agent_offline: words(
    1,
    'Offline right now',
    LATER,
    'If it is yours: wake the laptop and check that Porthole runs and is connected.',
    10,
  ),
  tunnel_lost: words(1, 'The connection to the laptop broke', 'Try again in a moment.', '', 2),
  busy: words(1, 'Too busy right now', 'Try again in a moment.', '', 2),
  draining: words(0, 'The edge is restarting', 'Try again in a moment.', '', 2),
  internal: words(0, 'Something went wrong at the edge', LATER, '', 5),
  origin_refused: words(
    2,
    'The app is not running',
    LATER,
    'If it is yours: start your server, or change the port in Porthole.',
    5,
  ),
  origin_unresolved: words(2, 'The app cannot be found', LATER, 'If it is yours: check the host of the target.', 10),
  origin_untrusted: words(
    2,
    'The app cannot be trusted',
    TELL,
    'If it is yours: trust its certificate on the laptop, or skip its verification in Porthole.',
    30,
  ),
  origin_timeout: words(2, 'The app does not answer', LATER, 'If it is yours: check that it is reachable.', 5),
  origin_not_allowed: words(
    1,
    'The laptop has not allowed this',
    'Tell whoever gave you the address: it has to be allowed on the laptop itself.',
    'If it is yours: allow the target in Porthole on the laptop.',
    30,
  ),
  origin_bad_response: words(
    2,
    'The app sent something unreadable',
    LATER,
    'If it is yours: check that the port speaks HTTP, or whether it wants https.',
    5,
  ),
  origin_closed: words(
    2,
    'The app broke off',
    LATER,
    'If it is yours: look into its log; it closed the connection without an answer.',
    5,
  ),
};

const DEFAULT: RefusalWords = words(0, 'This did not work', LATER, '', 5);

/** What to say about `code`. */
export const refusalWords = (code: FailureCode): RefusalWords => WORDS[code] ?? DEFAULT;
