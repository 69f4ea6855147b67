import { parseAddress, parseCidr } from './cidr.ts';
import { COUNTRIES } from './countries.ts';
import { type Failure, failure } from './failure.ts';
import { isIPv4, isIPv6 } from './hostname.ts';
import { type Because, because } from './reason.ts';
import { CIDRS_PER_LIST, COUNTRIES_PER_LIST, isRestricting, type Restrictions } from './restrictions.ts';
import { err, ok, type Result } from './result.ts';

const CIDR_LISTS = ['allowCidrs', 'blockCidrs'] as const;
const COUNTRY_LISTS = ['allowCountries', 'blockCountries'] as const;

/**
 * `input` in its one spelling: networks masked and un-mapped, countries in upper case, nothing twice, empty lists and
 * what says the usual left out; `undefined` when nothing is left. Fails with `cidr_invalid`, `country_invalid` or
 * `list_too_long` at the entry, such as `restrictions.allowCidrs.3`.
 */
export function checkRestrictions(input: Restrictions): Result<Restrictions | undefined, Failure> {
  const checked: { -readonly [K in keyof Restrictions]: Restrictions[K] } = {};
  for (const list of CIDR_LISTS) {
    const cidrs = checkList(input[list], CIDRS_PER_LIST, `restrictions.${list}`, checkCidr);
    if (!cidrs.ok) return cidrs;
    if (cidrs.value.length > 0) checked[list] = cidrs.value;
  }
  for (const list of COUNTRY_LISTS) {
    const countries = checkList(input[list], COUNTRIES_PER_LIST, `restrictions.${list}`, checkCountry);
    if (!countries.ok) return countries;
    if (countries.value.length > 0) checked[list] = countries.value;
  }
  if (input.allowMatch === 'any') checked.allowMatch = 'any';
  if (input.crowdsec !== undefined && input.crowdsec !== 'off') checked.crowdsec = input.crowdsec;
  return ok(isRestricting(checked) ? checked : undefined);
}

function checkList(
  entries: readonly string[] | undefined,
  limit: number,
  field: string,
  check: (text: string, field: string) => Result<string, Failure>,
): Result<readonly string[], Failure> {
  if (entries === undefined) return ok([]);
  if (entries.length > limit) return err(failure('list_too_long', { count: entries.length, limit }, field));
  const checked = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const value = check(entry, `${field}.${index}`);
    if (!value.ok) return value;
    checked.add(value.value);
  }
  return ok([...checked]);
}

/**
 * The one spelling of a network, such as `10.0.0.0/8`; an address alone is a network of one. Bits beyond the mask must
 * be zero: who writes `10.1.2.3/8` may mean either, and the wrong guess would let strangers in.
 */
export function checkCidr(text: string, field?: string): Result<string, Failure> {
  const refuse = (reason: Because) => err(failure('cidr_invalid', { cidr: shown(text), reason }, field));
  const cidr = parseCidr(text);
  if (cidr === undefined) return refuse(whatIsWrong(text));
  const [host = ''] = text.trim().split('/');
  const address = parseAddress(host);
  if (address?.family === cidr.family && address.value === cidr.base) return ok(cidr.text);
  return refuse(because('cidr_bits', { network: cidr.text }));
}

function whatIsWrong(text: string): Because {
  const [host = '', bits, ...rest] = text.trim().split('/');
  if (rest.length > 0) return because('cidr_slashes');
  const family = isIPv4(host) ? 4 : isIPv6(host) ? 6 : undefined;
  if (family === undefined) return because('cidr_no_address');
  return bits === undefined ? because('cidr_no_network') : because('cidr_mask', { most: family === 4 ? 32 : 128 });
}

/** The upper-case code of a country. */
export function checkCountry(text: string, field?: string): Result<string, Failure> {
  const code = text.trim().toUpperCase();
  return COUNTRIES.has(code) ? ok(code) : err(failure('country_invalid', { country: shown(text) }, field));
}

/** Somebody's input in a message: short, and without anything that a terminal would act on. */
const shown = (text: string): string => {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
};
