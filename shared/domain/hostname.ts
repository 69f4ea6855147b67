import { type Failure, failure } from './failure.ts';
import { because } from './reason.ts';
import { err, ok, type Result } from './result.ts';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** No leading zeros: some readers take what follows for octal. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Whether `text` is one lower-case hostname label (RFC 1123: letters, digits, hyphens inside, at most 63). */
export const isLabel = (text: string): boolean => LABEL.test(text);

/** Lower-cases a domain, drops one trailing dot, and checks length (253) and every label. */
export function parseDomain(text: string): Result<string, Failure> {
  const domain = text.trim().toLowerCase().replace(/\.$/, '');
  if (domain === '') return err(failure('domain_invalid', { domain: text, reason: because('empty') }, 'domain'));
  if (domain.length > 253)
    return err(
      failure(
        'domain_invalid',
        { domain: `${domain.slice(0, 40)}…`, reason: because('longer_than', { limit: 253 }) },
        'domain',
      ),
    );
  if (IPV4.test(domain)) return err(failure('domain_invalid', { domain, reason: because('is_address') }, 'domain'));
  for (const label of domain.split('.')) {
    if (!isLabel(label))
      return err(failure('domain_invalid', { domain: text, reason: because('not_label', { label }) }, 'domain'));
  }
  return ok(domain);
}

/** Whether `domain` is `parent` or lies under it. Both lower-case, without trailing dots. */
export const isUnder = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

/**
 * Splits an HTTP `Host` value into its lower-case name and port text. A trailing dot of the name is dropped;
 * `[v6]` keeps its brackets. `undefined` when it is not `host[:port]` (RFC 9110 section 7.2).
 */
export function splitHost(value: string): { readonly name: string; readonly port: string } | undefined {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::(\d{0,5}))?$/.exec(value);
  if (match?.[1] === undefined) return undefined;
  return { name: match[1].toLowerCase().replace(/\.$/, ''), port: match[2] ?? '' };
}

/** An `ADDRESS:PORT` as command lines take it; port 0 means any free port. IPv6 in brackets. */
export function parseListenAddress(text: string): Result<{ readonly host: string; readonly port: number }, Failure> {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || !(port <= 65535)) return err(failure('address_invalid', { address: text }));
  return ok({ host: match[1] ?? (match[2] || '0.0.0.0'), port });
}

/** Whether `text` is an IPv4 address, four numbers with dots. */
export const isIPv4 = (text: string): boolean => IPV4.test(text);

/** Whether `text` is an IPv6 address in its textual form (RFC 4291 section 2.2), without brackets or zone. */
export function isIPv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const embedsIPv4 = last !== undefined && !text.endsWith(':') && IPV4.test(last);
  const hex = embedsIPv4 ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = hex.length + (embedsIPv4 ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

/** Whether `text` can name a host to dial: a hostname, an IPv4 address, or an IPv6 address with or without brackets. */
export function isDialHost(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  if (text.startsWith('[')) return text.endsWith(']') && isIPv6(text.slice(1, -1));
  if (text.includes(':')) return isIPv6(text);
  const labels = text.toLowerCase().replace(/\.$/, '').split('.');
  // What ends in a number is an address to those who dial it, in octal and hexadecimal too (URL standard 3.5).
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return isIPv4(text);
  return labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

/**
 * `text` as hosts are compared and dialled: lower-case, without a dot at its end and without brackets. Whoever asks
 * whether a host is allowed and then dials it does both with this, so that the two mean the same.
 */
export const dialName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '');
