import type { ServiceAuth } from '../../shared/domain/auth.ts';
import type { Forwarded, Identity } from '../visit.ts';
import { mayHoldOurs, withoutOurs } from './session-cookie.ts';

const NOTHING: ReadonlySet<string> = new Set();
const withheldOf = new WeakMap<ServiceAuth, ReadonlySet<string>>();

/** Names of the fields that let in, in plain spelling: the origin gets none of them, whatever they hold. */
function withheld(methods: ServiceAuth): ReadonlySet<string> {
  if (methods.headers === undefined) return NOTHING;
  let names = withheldOf.get(methods);
  if (names === undefined) {
    names = new Set(methods.headers.map(({ name }) => name.replaceAll('_', '-')));
    withheldOf.set(methods, names);
  }
  return names;
}

const told = new WeakMap<Identity, string>();

/** A visitor's fields as the origin may see them: without what let it in, with who it is. */
export function forwardedFields(fields: string, methods: ServiceAuth, identity: Identity): Forwarded {
  const names = withheld(methods);
  let about = told.get(identity);
  if (about === undefined) {
    about = identityFields(identity);
    told.set(identity, about);
  }
  return { fields: withoutOurs(fields, names) + about, withheld: names };
}

/**
 * The same where nobody is asked: sessions of a time when somebody was may still come, with names and groups in them.
 * `undefined` when the fields may go as they are.
 */
export const publicFields = (fields: string): Forwarded | undefined =>
  mayHoldOurs(fields) ? { fields: withoutOurs(fields, NOTHING), withheld: NOTHING } : undefined;

/** What the origin is told of the visitor, each line with its CRLF. A share link's label names nobody. */
function identityFields({ method, user, groups }: Identity): string {
  let text = `X-Porthole-Auth: ${method}\r\n`;
  if (user !== undefined && method !== 'share') text += `X-Porthole-User: ${spell(user)}\r\n`;
  if (groups !== undefined && groups.length > 0) text += `X-Porthole-Groups: ${groups.map(spellGroup).join(',')}\r\n`;
  return text;
}

/** Visible ASCII and blanks inside stay as they are; everything else is percent-encoded UTF-8, and so is `%`. */
const spell = (text: string): string =>
  text
    .toWellFormed()
    .trim()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
    .slice(0, 1024);

const spellGroup = (group: string): string => spell(group).replaceAll(',', '%2C');
