import type { TargetNames } from '../visit.ts';

/** How visitors see what a target calls by its own names. */
export interface PublicView {
  readonly scheme: 'http' | 'https';
  /** `Host` of the request: name and perhaps port. */
  readonly authority: string;
  /** The path prefix that was stripped from the request; '' for none. */
  readonly prefix: string;
  readonly names: TargetNames;
  /** The target was given the visitor's `Host`, and so calls itself that. */
  readonly knowsPublicName: boolean;
}

/** `scheme:` perhaps, `//`, authority, and whatever follows (RFC 3986 section 4.2). */
const NETWORK = /^(?:([a-z][a-z0-9+.-]*):)?\/\/([^/?#\\]+)(?!\\)(.*)$/is;
/** An authority without user information: who carries some is left alone. */
const PLACE = /^(\[[^\]]*\]|[^:@[\]]+)(?::([0-9]{0,5}))?$/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * A URL reference of the target as visitors can follow it: absolute, protocol-relative or path-absolute. Relative
 * ones are right already; those that lead elsewhere, and what browsers read in more than one way, stay as they are.
 */
export function publicUrl(value: string, view: PublicView): string {
  const [, given, place, rest] = NETWORK.exec(value) ?? [];
  if (place === undefined || rest === undefined) return isPathAbsolute(value) ? view.prefix + value : value;
  const scheme = given?.toLowerCase();
  if (namesTarget(scheme, place, view.names))
    return `${base(given === undefined ? undefined : view.scheme, view)}${view.prefix}${rest}`;
  if (!view.knowsPublicName || !namesPublic(scheme, place, view)) return value;
  // A target that asks for https gets it: only the scheme that it merely doesn't know to be https is mended.
  return `${base(scheme === 'http' ? view.scheme : scheme, view)}${view.prefix}${rest}`;
}

const base = (scheme: string | undefined, { authority }: PublicView): string =>
  scheme === undefined ? `//${authority}` : `${scheme}://${authority}`;

/** `/path`, but not `//host` nor `/\host`, which browsers take for the same. */
const isPathAbsolute = (value: string): boolean => /^\/(?![/\\])/.test(value);

function namesTarget(scheme: string | undefined, place: string, names: TargetNames): boolean {
  if (scheme !== undefined && scheme !== names.scheme) return false;
  const named = readPlace(place, names.scheme);
  return named !== undefined && named.port === names.port && names.hosts.has(named.host);
}

function namesPublic(scheme: string | undefined, place: string, { scheme: ours, authority }: PublicView): boolean {
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') return false;
  const named = readPlace(place, scheme ?? ours);
  const own = readPlace(authority, scheme ?? ours);
  return named !== undefined && named.host === own?.host && named.port === own.port;
}

/** Host (in the spelling of the URL standard, without trailing dot) and port of an authority. */
function readPlace(place: string, scheme: string): { readonly host: string; readonly port: number } | undefined {
  const [, name, port] = PLACE.exec(place) ?? [];
  const host = name === undefined ? undefined : URL.parse(`http://${name}/`)?.hostname.replace(/\.$/, '');
  if (host === undefined || host === '') return undefined;
  return { host, port: port === undefined || port === '' ? (DEFAULT_PORTS[scheme] ?? 0) : Number(port) };
}

/** Seconds, a separator, `url=` perhaps, a quote perhaps (HTML, "shared declarative refresh steps"). */
const REFRESH = /^([0-9.]*[\t ]*[;,\t ][\t ]*(?:url[\t ]*=[\t ]*)?(['"]?))(.*)$/is;

/** The value of a `Refresh` field with its URL as visitors can follow it. */
export function publicRefresh(value: string, view: PublicView): string {
  const [, before, quote, rest] = REFRESH.exec(value) ?? [];
  if (before === undefined || rest === undefined) return value;
  const end = quote === '' || quote === undefined ? -1 : rest.indexOf(quote);
  return end < 0 ? before + publicUrl(rest, view) : before + publicUrl(rest.slice(0, end), view) + rest.slice(end);
}

/** These names demand `Path=/` and no `Domain`: browsers refuse them otherwise (RFC 6265bis section 4.1.3.2). */
const HOST_BOUND = /^__host-/i;

/** A `Set-Cookie` value whose `Domain` and `Path` fit the public address (RFC 6265 section 4.1). */
export function publicCookie(value: string, view: PublicView): string {
  const [pair = '', ...attributes] = value.split(';');
  if (attributes.length === 0 || HOST_BOUND.test(pair.trimStart())) return value;
  return [pair, ...attributes.map((attribute) => publicAttribute(attribute, view))].join(';');
}

const ATTRIBUTE = /^([\t ]*(domain|path)[\t ]*=[\t ]*)([^\t ].*)$/is;

function publicAttribute(attribute: string, view: PublicView): string {
  const [, before = '', name, rest] = ATTRIBUTE.exec(attribute) ?? [];
  const given = rest?.trimEnd();
  if (given === undefined) return attribute;
  if (name?.toLowerCase() === 'path') {
    if (view.prefix === '' || !given.startsWith('/')) return attribute;
    // `/api` covers `/api` and what lies under it; `/api/` would leave out the former (RFC 6265 section 5.1.4).
    return before + (given === '/' ? view.prefix : view.prefix + given);
  }
  const named = readPlace(given.replace(/^\./, ''), 'http');
  if (named === undefined || !view.names.hosts.has(named.host)) return attribute;
  return before + (PLACE.exec(view.authority)?.[1] ?? view.authority);
}
