import type { X509Certificate } from 'node:crypto';
import { parseDomain } from '../../shared/domain/hostname.ts';

/** One entry of Node's rendering of alternative names: a kind, and a value that is quoted where it could mislead. */
const ENTRY = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy;

/**
 * The names that a certificate is good for as a server's (RFC 9525 section 6.3): its DNS alternative names, lower-case
 * and without a trailing dot; `*.example.com` stands for one label before `example.com`. Internationalised names are
 * A-labels (`xn--…`) in certificates and in ClientHellos alike. Everything else is left out: the common name, IP
 * addresses (a ClientHello can't name one), wildcards inside a label or in another place than the first.
 */
export function dnsNamesOf(certificate: Pick<X509Certificate, 'subjectAltName'>): readonly string[] {
  const names = new Set<string>();
  for (const [, kind, value] of (certificate.subjectAltName ?? '').matchAll(ENTRY)) {
    const name = kind === 'DNS' && value !== undefined ? namePattern(value) : undefined;
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

function namePattern(text: string): string | undefined {
  const wildcard = text.startsWith('*.');
  const domain = parseDomain(wildcard ? text.slice(2) : text);
  if (!domain.ok) return undefined;
  return wildcard ? `*.${domain.value}` : domain.value;
}

/** The wildcard that covers `name`, if there can be one: `*.example.com` for `app.example.com`. */
export function wildcardOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot > 0 && dot < name.length - 1 ? `*${name.slice(dot)}` : undefined;
}
