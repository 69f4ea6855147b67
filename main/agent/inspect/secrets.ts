/** What of a request or response is kept from view. */
import { type InspectedHeader, MASK } from '../../../shared/contract/inspect.ts';

const EXACT: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'authentication-info',
  'cookie',
  'set-cookie',
]);

/** Names of headers and of parameters that carry what lets somebody in. */
const TELLING =
  /api[-_]?key|token|secret|passw(?:or)?d|session|signature|credential|jwt|csrf|xsrf|(?:^|[-_])(?:auth|sig|pin)(?:$|[-_])/i;

/** Whether the value of the header is masked; `configured` are lower-case names that the user gave values to. */
export const isSecretHeader = (name: string, configured: ReadonlySet<string>): boolean =>
  EXACT.has(name.toLowerCase()) || TELLING.test(name) || configured.has(name.toLowerCase());

/** The header as it may be seen: the scheme of credentials and the names of cookies stay. */
export function maskHeader(name: string, value: string, configured: ReadonlySet<string>): InspectedHeader {
  if (isSecretHeader(name, configured)) return { name, value: maskValue(name.toLowerCase(), value), masked: true };
  const shown = LINKS.has(name.toLowerCase()) ? maskPath(value) : value;
  return shown === value ? { name, value } : { name, value: shown, masked: true };
}

/** Headers that repeat an address. */
const LINKS: ReadonlySet<string> = new Set(['referer', 'location', 'content-location', 'x-forwarded-uri', 'link']);

function maskValue(name: string, value: string): string {
  if (name === 'cookie') return value.split(';').map(maskPair).join(';');
  if (name === 'set-cookie') {
    const [pair = '', ...attributes] = value.split(';');
    return [maskPair(pair), ...attributes].join(';');
  }
  const scheme = name.endsWith('authorization') ? /^[A-Za-z][A-Za-z0-9-]{0,31} /.exec(value)?.[0] : undefined;
  return `${scheme ?? ''}${MASK}`;
}

const maskPair = (pair: string): string => {
  const equals = pair.indexOf('=');
  return equals === -1 ? MASK : `${pair.slice(0, equals + 1)}${MASK}`;
};

/** A path or URL with the values of telling parameters masked. */
export function maskPath(path: string): string {
  const question = path.indexOf('?');
  if (question === -1) return path;
  const shown = path
    .slice(question + 1)
    .split('&')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals > 0 && TELLING.test(part.slice(0, equals)) ? `${part.slice(0, equals + 1)}${MASK}` : part;
    });
  return `${path.slice(0, question + 1)}${shown.join('&')}`;
}
