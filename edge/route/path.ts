import type { RouteTarget } from '../visit.ts';

/**
 * The target whose prefix is the longest that `path` (as sent, without query) lies under, on segment boundaries.
 *
 * Origins read a path differently: some decode before they resolve `..`, some merge slashes, some take a backslash
 * for a slash or cut `;parameters`. So every plausible reading must lead to the same target; a path that doesn't is
 * `ambiguous` and goes nowhere. A service with one target for everything has no prefix to escape from: any path fits.
 */
export function matchTarget(targets: readonly RouteTarget[], path: string): RouteTarget | 'ambiguous' | undefined {
  const first = targets[0];
  if (targets.length === 1 && first?.prefix === '/') return first;
  const literal = longest(targets, path);
  if (!SUSPICIOUS.test(path)) return literal;
  let reading = path;
  for (let pass = 0; pass <= DECODE_PASSES; pass++) {
    if (longest(targets, resolve(reading)) !== literal) return 'ambiguous';
    const decoded = decode(reading);
    if (decoded === reading) return literal;
    reading = decoded;
  }
  return 'ambiguous';
}

/** Anything that an origin could read as another path: escapes, backslashes, empty or dot segments, parameters. */
const SUSPICIOUS = /%|\\|\/\/|\/\.|;/;
/** `%25252e` and deeper: nobody honest needs more. */
const DECODE_PASSES = 3;

function longest(targets: readonly RouteTarget[], path: string): RouteTarget | undefined {
  for (const target of targets) {
    const { prefix } = target;
    if (prefix === '/') return target;
    if (path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f))
      return target;
  }
  return undefined;
}

const decode = (path: string): string =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Dot segments removed (RFC 3986 section 5.2.4), slashes merged, backslashes taken for slashes, parameters cut. */
function resolve(path: string): string {
  const out: string[] = [];
  for (const segment of path.replaceAll('\\', '/').split('/')) {
    const name = segment.split(';', 1)[0] ?? '';
    if (name === '..') out.pop();
    else if (name !== '' && name !== '.') out.push(name);
  }
  return `/${out.join('/')}`;
}
