import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The first that is set counts. */
const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'] as const;
const EXCEPTIONS = ['NO_PROXY', 'no_proxy'] as const;
/** Entries of a `NO_PROXY` that are looked at. */
const MOST_EXCEPTIONS = 1000;

const first = <T extends string>(env: Environment, names: readonly T[]): T | undefined =>
  names.find((name) => (env[name] ?? '').trim() !== '');

/** The proxy that the environment names for connections to an edge: in which variable, and as what. */
export function environmentProxy(env: Environment): { readonly variable: string; readonly text: string } | undefined {
  const variable = first(env, VARIABLES);
  return variable === undefined ? undefined : { variable, text: env[variable] ?? '' };
}

/** Whether a place shall be reached without a proxy. */
export type Exceptions = (host: string, port: number) => boolean;

/**
 * Reads `NO_PROXY` as other programs do: entries apart by commas or spaces, each `*`, a name with all names under it
 * (`example.com`, `.example.com` or `*.example.com`), an IP address, or a network (`10.0.0.0/8`); with `:PORT` it holds
 * for that port only. Addresses and networks are compared with what is dialled, not with what a name leads to. What is
 * none of these is passed over.
 */
export function readExceptions(env: Environment): Exceptions {
  const text = env[first(env, EXCEPTIONS) ?? ''] ?? '';
  const rules = text
    .split(/[\s,]+/)
    .slice(0, MOST_EXCEPTIONS)
    .flatMap(ruleOf);
  return (host, port) => rules.some((rule) => rule(host.toLowerCase().replace(/\.$/, ''), port));
}

/** A place, and the port that may follow it. The colons of an IPv6 address are in brackets or before a slash then. */
const WITH_PORT = /^(\[[^\]]*\](?:\/\d+)?|[^/[\]]+\/\d+|[^:/[\]]+)(?::(\d{1,5}))?$/;

function ruleOf(entry: string): Exceptions[] {
  const [, place, digits] = isIP(entry) === 0 ? (WITH_PORT.exec(entry) ?? []) : [entry, entry];
  const fits = place === undefined ? undefined : placeRule(place);
  return fits === undefined ? [] : [(host, port) => (digits === undefined || Number(digits) === port) && fits(host)];
}

type PlaceRule = (host: string) => boolean;

function placeRule(place: string): PlaceRule | undefined {
  if (place === '*') return () => true;
  if (place.includes('/')) return networkRule(place);
  const [, bracketed] = /^\[(.*)\]$/.exec(place) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? addressRule(bracketed) : undefined;
  return isIP(place) === 0 ? nameRule(place) : addressRule(place);
}

function nameRule(entry: string): PlaceRule {
  const name = entry
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  return (host) => name !== '' && (host === name || host.endsWith(`.${name}`));
}

/** Addresses have many spellings: they are compared as what they are. */
function addressRule(address: string): PlaceRule {
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return isIn(list);
}

function networkRule(network: string): PlaceRule | undefined {
  const [, start = '', bits = ''] = /^\[?([^/[\]]+)\]?\/(\d{1,3})$/.exec(network) ?? [];
  if (isIP(start) === 0 || Number(bits) > (isIP(start) === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(start, Number(bits), familyOf(start));
  return isIn(list);
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

/** IPv4 in IPv6 counts as IPv4. */
const isIn =
  (list: BlockList): PlaceRule =>
  (host) =>
    isIP(host) !== 0 && list.check(host, familyOf(host));
