import { PASSWORD_LENGTH, PIN } from './auth.ts';
import { HEADER_NAME_LIMIT, headerReservation } from './custom-headers.ts';
import { type Failure, failure } from './failure.ts';
import { type Because, because } from './reason.ts';
import { err, ok, type Result } from './result.ts';

/** What may be a password, a PIN, a header's secret: pure, so that a form can say it before anybody is asked. */

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII with blanks inside: what arrives unchanged whatever a client takes the encoding for. */
const VISIBLE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
const SECRET_LIMIT = 4096;

/**
 * A password as it is hashed and compared: in one Unicode form, because keyboards differ in how they write an `é`.
 * Fails with `password_invalid`.
 */
export function checkPassword(text: string, field = 'auth.password'): Result<string, Failure> {
  const password = spellPassword(text);
  if (password === '') return err(failure('password_invalid', { reason: because('empty') }, field));
  if (password.length > PASSWORD_LENGTH)
    return err(failure('password_invalid', { reason: because('longer_than', { limit: PASSWORD_LENGTH }) }, field));
  return ok(password);
}

/** The Unicode form in which passwords are compared. */
export const spellPassword = (text: string): string => text.normalize('NFC');

/** A PIN: exactly six digits. Fails with `pin_invalid`. */
export const checkPin = (text: string, field = 'auth.pin'): Result<string, Failure> =>
  PIN.test(text) ? ok(text) : err(failure('pin_invalid', {}, field));

/** A header rule as somebody sets it. */
export type HeaderSecret =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'custom'; readonly name: string; readonly value: string };

/** What is compared with what comes in: the field it comes in, and its secret. */
export interface CheckedHeader {
  readonly kind: HeaderSecret['kind'];
  /** Lower-case. */
  readonly name: string;
  readonly user?: string;
  readonly secret: string;
}

/** Fails with `header_invalid` or `password_invalid` at `field.name`, `field.value` and so on. */
export function checkHeader(header: HeaderSecret, field: string): Result<CheckedHeader, Failure> {
  switch (header.kind) {
    case 'basic':
      return checkBasic(header.user, header.password, field);
    case 'bearer': {
      const token = header.token.trim();
      const fault = secretFault(token) ?? (/\s/.test(token) ? because('header_token_blanks') : undefined);
      if (fault !== undefined) return refuse('Authorization', fault, `${field}.token`);
      return ok({ kind: 'bearer', name: 'authorization', secret: token });
    }
    case 'custom':
      return checkCustom(header.name.trim(), header.value.trim(), field);
  }
}

/** RFC 7617 section 2: a colon ends the user's name, and neither part may hold control characters. */
function checkBasic(user: string, text: string, field: string): Result<CheckedHeader, Failure> {
  const control = /[\x00-\x1f\x7f]/;
  if (user.includes(':')) return refuse('Authorization', because('header_user_colon'), `${field}.user`);
  if (control.test(user)) return refuse('Authorization', because('header_user_control'), `${field}.user`);
  const password = checkPassword(text, `${field}.password`);
  if (!password.ok) return password;
  if (control.test(text)) return refuse('Authorization', because('header_password_control'), `${field}.password`);
  return ok({ kind: 'basic', name: 'authorization', user: user.normalize('NFC'), secret: password.value });
}

function checkCustom(name: string, value: string, field: string): Result<CheckedHeader, Failure> {
  const fault = authHeaderFault(name);
  if (fault !== undefined) return refuse(name, fault, `${field}.name`);
  const wrong = secretFault(value);
  if (wrong !== undefined) return refuse(name, wrong, `${field}.value`);
  return ok({ kind: 'custom', name: name.toLowerCase(), secret: value });
}

/** Why visitors can't be told apart by the header `name`, if so. */
export function authHeaderFault(name: string): Because | undefined {
  if (name === '') return because('header_nameless');
  if (name.length > HEADER_NAME_LIMIT) return because('header_name_length', { limit: HEADER_NAME_LIMIT });
  if (!TOKEN.test(name)) return because('header_name_characters');
  return headerReservation(name);
}

function secretFault(value: string): Because | undefined {
  if (value === '') return because('header_value_empty');
  if (value.length > SECRET_LIMIT) return because('header_value_length', { limit: SECRET_LIMIT });
  return VISIBLE.test(value) ? undefined : because('header_value_invisible');
}

const refuse = (name: string, reason: Because, field: string): Result<never, Failure> =>
  err(failure('header_invalid', { name: name.replace(/[^\x20-\x7e]/g, '?').slice(0, 40), reason }, field));
