import { type Failure, failure } from './failure.ts';
import { type Because, because } from './reason.ts';
import { err, ok, type Result } from './result.ts';
import type { CustomHeader } from './service.ts';

/** Custom headers that a target may have, and the longest name and value. */
export const CUSTOM_HEADERS = 16;
export const HEADER_NAME_LIMIT = 128;
export const HEADER_VALUE_LIMIT = 4096;

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5: visible ASCII, space, tab, and Latin-1 as obs-text. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that say how a message goes over this connection (RFC 9110 section 7.6.1), or what the edge says itself. */
const RESERVED: ReadonlyMap<string, Because> = new Map([
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'content-length',
    'expect',
  ].map((name) => [name, because('header_of_connection')] as const),
  ['host', because('header_host')],
  ['cookie', because('header_cookie')],
  ...['forwarded', 'x-real-ip', 'x-request-id'].map((name) => [name, because('header_of_edge')] as const),
]);

/** A header's name as every origin may read it: some (CGI, WSGI) take `_` for `-`. */
export const plainHeaderName = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/** Why nobody but the edge may set the header, if so. */
export function headerReservation(name: string): Because | undefined {
  const plain = plainHeaderName(name);
  if (plain.startsWith('x-forwarded-') || plain.startsWith('x-porthole-')) return because('header_of_edge');
  return RESERVED.get(plain);
}

/**
 * The headers with blanks around their values taken off, or `header_invalid`, `input_invalid` at the field that
 * causes it; `field` is the list's own.
 */
export function checkCustomHeaders(
  headers: readonly CustomHeader[],
  field: string,
): Result<readonly CustomHeader[], Failure> {
  if (headers.length > CUSTOM_HEADERS)
    return err(failure('input_invalid', { reason: because('headers_many', { limit: CUSTOM_HEADERS }) }, field));
  const names = new Set<string>();
  const checked: CustomHeader[] = [];
  for (const [index, header] of headers.entries()) {
    const name = header.name.trim();
    const value = header.value.replace(/^[\t ]+|[\t ]+$/g, '');
    const refuse = (reason: Because, part: 'name' | 'value') =>
      err(failure('header_invalid', { name: shown(name), reason }, `${field}.${index}.${part}`));
    if (name.length > HEADER_NAME_LIMIT)
      return refuse(because('header_name_length', { limit: HEADER_NAME_LIMIT }), 'name');
    if (!TOKEN.test(name)) return refuse(because('header_name_characters'), 'name');
    const reserved = headerReservation(name);
    if (reserved !== undefined) return refuse(reserved, 'name');
    if (names.has(plainHeaderName(name))) return refuse(because('header_twice'), 'name');
    names.add(plainHeaderName(name));
    if (value.length > HEADER_VALUE_LIMIT)
      return refuse(because('header_value_length', { limit: HEADER_VALUE_LIMIT }), 'value');
    if (!VALUE.test(value)) return refuse(because('header_value_characters'), 'value');
    checked.push({ name, value });
  }
  return ok(checked);
}

/** A name in a message: short, and without anything that a terminal would act on. */
const shown = (name: string): string => {
  const plain = name.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
};
