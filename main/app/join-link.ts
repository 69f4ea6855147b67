import { type Failure, failure } from '../../shared/domain/failure.ts';
import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { tokenFault } from '../../shared/domain/token.ts';
import { type EdgeAddress, parseEdgeUrl, parseFingerprint } from '../agent/edge-address.ts';

/** What a join link says. `token` is a secret: it goes to the edge when the user says yes, and nowhere else. */
export interface JoinLink {
  readonly address: EdgeAddress;
  readonly token: string;
  readonly fingerprint?: string;
}

const LONGEST = 4096;

const refuse = (reason: Because): Result<never, Failure> => err(failure('input_invalid', { reason }, 'link'));

/** Whether `text` claims to be a join link, rather than the address of an edge. */
export const isJoinLink = (text: string): boolean => /^\s*porthole:/i.test(text);

/**
 * Reads `porthole://join/HOST[:PORT]?token=phj_…[&fingerprint=SHA256]`, or what an operator hands out for a terminal:
 * `porthole join https://HOST[:PORT] --token phj_… [--fingerprint SHA256]`. Port 443 when left out; the fingerprint is
 * of the edge's certificate or authority, and left out where public authorities vouch for it. Anything else in it is
 * refused: whoever reads a link must be able to rely on having read all of it. No refusal repeats the token.
 */
export function parseJoinLink(text: string): Result<JoinLink, Failure> {
  const trimmed = text.trim();
  if (trimmed === '') return refuse(because('link_empty'));
  if (trimmed.length > LONGEST) return refuse(because('link_long'));
  return isJoinLink(trimmed) ? parseLink(trimmed) : parseShellCommand(trimmed);
}

function parseLink(text: string): Result<JoinLink, Failure> {
  const match = /^porthole:\/\/join\/([^/?#]+)\/?\?([^#]+)$/i.exec(text);
  const [, where = '', query = ''] = match ?? [];
  if (match === null) return refuse(because('link_odd'));
  const said = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (key !== 'token' && key !== 'fingerprint') return refuse(because('link_more'));
    if (said.has(key)) return refuse(because('link_twice', { key }));
    said.set(key, value);
  }
  return check(where, said.get('token'), said.get('fingerprint'));
}

/** The words of a command line; quotes around a whole word are taken off, as a shell would. */
function parseShellCommand(text: string): Result<JoinLink, Failure> {
  const words = text
    .replace(/^\$\s+/, '')
    .split(/\s+/)
    .map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
  const join = words.indexOf('join');
  const [url = '', ...flags] = join === -1 ? [] : words.slice(join + 1);
  if (join === -1 || !/^(?:npx )?porthole$/.test(words.slice(0, join).join(' ')))
    return refuse(because('link_command'));
  if (isJoinLink(url)) return flags.length === 0 ? parseLink(url) : refuse(because('link_alone'));
  const said = new Map<string, string>();
  for (let i = 0; i < flags.length; i++) {
    const [, name = '', joined] = /^--([a-z]+)(?:=(.*))?$/.exec(flags[i] ?? '') ?? [];
    if (name !== 'token' && name !== 'fingerprint') return refuse(because('link_options'));
    if (said.has(name)) return refuse(because('link_option_twice', { name }));
    said.set(name, joined ?? flags[++i] ?? '');
  }
  return check(url, said.get('token'), said.get('fingerprint'));
}

function check(where: string, token: string | undefined, pin: string | undefined): Result<JoinLink, Failure> {
  const address = parseEdgeUrl(where);
  if (!address.ok) return err({ ...address.error, field: 'link' });
  if (token === undefined) return refuse(because('link_no_token'));
  const fault = tokenFault('join', token);
  if (fault !== undefined) return err(failure('token_invalid', { reason: fault }, 'link'));
  const fingerprint = pin === undefined ? undefined : parseFingerprint(pin);
  if (fingerprint?.ok === false) return err({ ...fingerprint.error, field: 'link' });
  return ok({
    address: address.value,
    token,
    ...(fingerprint === undefined ? {} : { fingerprint: fingerprint.value }),
  });
}
