/** A request that curl is to make. Nothing in it needs to be fit for a shell. */
export interface CurlRequest {
  readonly method: string;
  /** Where it goes, with or without a slash at its end: `https://shop.example.com:8443`. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly userAgent?: string | undefined;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  /** The body, which the caller has found fit to be pasted; absent for none. */
  readonly body?: string | undefined;
}

const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/** Nothing of a visitor's may end a line or move the cursor of the terminal that a command is pasted into. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Steps in a path that curl would take itself, as plain and, since some versions, as percent-encoded dots. */
const DOTS = /^[^?#]*\/(?:\.|%2e){1,2}(?:[/?#]|$)/i;

/** `text` as one word of a POSIX shell. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The request as a command for a POSIX shell, which asks for the very same path. Undefined where curl can't make it: odd
 * methods, targets without a path, HEAD with a body.
 */
export function curlCommand(request: CurlRequest): string | undefined {
  const { method, origin, path, userAgent, headers = [], body } = request;
  if (!METHOD.test(method) || method === 'CONNECT' || !path.startsWith('/')) return undefined;
  if (method === 'HEAD' && body !== undefined) return undefined;
  const words = ['curl'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET' || body !== undefined) words.push('-X', method);
  if (/[[\]{}]/.test(path)) words.push('--globoff');
  if (DOTS.test(path)) words.push('--path-as-is');
  if (userAgent !== undefined) words.push('-A', shellQuote(userAgent.replace(CONTROL, ' ')));
  for (const { name, value } of headers) words.push('-H', shellQuote(`${name}: ${value}`.replace(CONTROL, ' ')));
  if (body !== undefined) words.push('--data-raw', shellQuote(body));
  const plain = path.replace(CONTROL, (character) => encodeURIComponent(character));
  words.push(shellQuote(origin.replace(/\/$/, '') + plain));
  return words.join(' ');
}
