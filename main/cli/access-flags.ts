import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import type { AuthPatch } from '../../shared/contract/control-api.ts';
import { isProtected, PIN, type ServiceAuth } from '../../shared/domain/auth.ts';
import { isRestricting, type Restrictions } from '../../shared/domain/restrictions.ts';
import type { Service } from '../../shared/domain/service.ts';
import { UsageError } from './exit.ts';
import { printable, type Terminal } from './terminal.ts';

/** Flags about who may come in. */
export interface AuthFlags {
  readonly pin?: string | boolean;
  readonly password?: string | boolean;
  readonly userGroups?: string | boolean;
  readonly authHeader?: readonly string[] | boolean;
  readonly link?: boolean;
}

/** Flags about from where. */
export interface RestrictionFlags {
  readonly allowCidr?: readonly string[];
  readonly blockCidr?: readonly string[];
  readonly allowCountry?: readonly string[];
  readonly blockCountry?: readonly string[];
  readonly allowMatch?: string;
  readonly crowdsec?: string;
  readonly restrictions?: boolean;
}

/** What the flags ask for, and the secrets that were made because none was given. */
export interface AskedAuth {
  readonly auth: AuthPatch | undefined;
  readonly made: { readonly pin?: string; readonly password?: string };
}

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/** Adds the flags to a command that makes or changes a service; `change` adds those that take back. */
export function withAccessFlags(command: Command, change: boolean): Command {
  command
    .option('--pin [pin]', 'ask visitors for this PIN of 6 digits; one is made when it is left out')
    .option('--password [password]', 'ask visitors for this password; one is made when it is left out')
    .option(
      '--user-groups [groups]',
      'let in who signs in and is in one of these groups, a,b (everybody: leave them out)',
    )
    .option(
      '--auth-header <header>',
      'let in requests with this header: "Authorization: Bearer …"; may be repeated',
      collect,
    )
    .option('--link', 'let in who has a share link')
    .option('--allow-cidr <network>', 'let in this network only, such as 10.0.0.0/8; may be repeated', collect)
    .option('--block-cidr <network>', 'keep this network out; may be repeated', collect)
    .option('--allow-country <code>', 'let in this country only, such as DE; may be repeated', collect)
    .option('--block-country <code>', 'keep this country out; may be repeated', collect)
    .option('--allow-match <how>', 'with networks and countries: all has to match, or any')
    .option('--crowdsec <mode>', 'who has a bad name: off, observe or enforce');
  if (!change) return command;
  return command
    .option('--no-pin', 'ask for no PIN any more')
    .option('--no-password', 'ask for no password any more')
    .option('--no-user-groups', 'let nobody in for being signed in')
    .option('--no-auth-header', 'let nobody in for a header')
    .option('--no-link', 'need no share link')
    .option('--no-restrictions', 'let visitors in from everywhere');
}

/** The methods that the flags ask for. A PIN that is none is refused here, with exit code 2. */
export function readAuth({ pin, password, userGroups, authHeader, link }: AuthFlags): AskedAuth {
  const made: { pin?: string; password?: string } = {};
  const auth: AuthPatch = {};
  if (pin === false) auth.pin = null;
  else if (pin === true) auth.pin = made.pin = String(randomInt(1_000_000)).padStart(6, '0');
  else if (pin !== undefined) auth.pin = readPin(pin);
  if (password === false) auth.password = null;
  else if (password === true) auth.password = made.password = randomPassword();
  else if (password !== undefined) auth.password = readPassword(password);
  if (userGroups === false) auth.sso = null;
  else if (userGroups === true) auth.sso = { groups: [] };
  else if (userGroups !== undefined) auth.sso = { groups: readList(userGroups, '--user-groups') };
  if (authHeader === false) auth.headers = [];
  else if (Array.isArray(authHeader)) auth.headers = authHeader.map(readHeader);
  if (link !== undefined) auth.link = link;
  return { auth: Object.keys(auth).length === 0 ? undefined : auth, made };
}

/** The restrictions that the flags ask for, in place of `before`; `null` lifts them, `undefined` leaves them. */
export function readRestrictions(flags: RestrictionFlags, before: Restrictions = {}): Restrictions | null | undefined {
  const { allowCidr, blockCidr, allowCountry, blockCountry, allowMatch, crowdsec } = flags;
  if (allowMatch !== undefined && allowMatch !== 'all' && allowMatch !== 'any')
    throw new UsageError(`--allow-match takes all or any, not "${allowMatch}".`);
  if (crowdsec !== undefined && crowdsec !== 'off' && crowdsec !== 'enforce' && crowdsec !== 'observe')
    throw new UsageError(`--crowdsec takes off, observe or enforce, not "${crowdsec}".`);
  const asked: Restrictions = {
    ...(allowCidr === undefined ? {} : { allowCidrs: allowCidr }),
    ...(blockCidr === undefined ? {} : { blockCidrs: blockCidr }),
    ...(allowCountry === undefined ? {} : { allowCountries: allowCountry }),
    ...(blockCountry === undefined ? {} : { blockCountries: blockCountry }),
    ...(allowMatch === undefined ? {} : { allowMatch }),
    ...(crowdsec === undefined ? {} : { crowdsec }),
  };
  if (Object.keys(asked).length === 0) return flags.restrictions === false ? null : undefined;
  return flags.restrictions === false ? asked : { ...before, ...asked };
}

/** Who may come in, in a few words. */
export function audience(auth: ServiceAuth | undefined, restrictions: Restrictions | undefined): string {
  const ways = [
    ...(auth?.password === true ? ['password'] : []),
    ...(auth?.pin === true ? ['PIN'] : []),
    ...(auth?.headers === undefined || auth.headers.length === 0 ? [] : ['header']),
    ...(auth?.sso === undefined ? [] : [auth.sso.groups.length === 0 ? 'sign-in' : auth.sso.groups.join(', ')]),
    ...(auth?.link === true ? ['share link'] : []),
  ];
  const who = isProtected(auth) ? printable(ways.join(' or ')) : 'public';
  return isRestricting(restrictions) ? `${who}, restricted` : who;
}

/** Says to the person who published it what that means, and the secrets that were made. */
export function sayAudience(
  terminal: Terminal,
  { auth, restrictions }: Pick<Service, 'auth' | 'restrictions'>,
  made: AskedAuth['made'],
): void {
  if (made.pin !== undefined) terminal.say(`The PIN is ${made.pin}. It is not shown again.`);
  if (made.password !== undefined) terminal.say(`The password is ${made.password}. It is not shown again.`);
  if (isProtected(auth)) terminal.say(`Visitors need: ${audience(auth, undefined)}.`);
  else if (isRestricting(restrictions)) terminal.say('Open to everyone who has the URL and comes from where you said.');
  else terminal.say('Public for everyone who has the URL.');
}

function readPin(pin: string): string {
  if (PIN.test(pin)) return pin;
  throw new UsageError('A PIN has exactly 6 digits, such as 042917.');
}

function readPassword(password: string): string {
  if (password !== '') return password;
  throw new UsageError('The password is empty.');
}

function readList(text: string, flag: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.includes('')) throw new UsageError(`${flag} takes names with commas between, such as sales,support.`);
  return entries;
}

const BASIC = /^basic +(\S+)$/i;
const BEARER = /^bearer +(\S+)$/i;

function readHeader(line: string): NonNullable<NonNullable<AuthPatch['headers']>[number]> {
  const colon = line.indexOf(':');
  if (colon <= 0) throw new UsageError('--auth-header takes "Name: value".');
  const name = line.slice(0, colon).trim();
  const value = line.slice(colon + 1).trim();
  if (name.toLowerCase() !== 'authorization') return { kind: 'custom', name, value };
  const token = BEARER.exec(value)?.[1];
  if (token !== undefined) return { kind: 'bearer', token };
  const [user, ...password] = Buffer.from(BASIC.exec(value)?.[1] ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (user !== undefined && password.length > 0) return { kind: 'basic', user, password: password.join(':') };
  throw new UsageError('An Authorization header begins with Bearer or Basic.');
}

/** 16 characters that are not taken for one another when they are read out: 78 bits. */
function randomPassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  return Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join('');
}
